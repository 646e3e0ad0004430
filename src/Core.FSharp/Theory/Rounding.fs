/// The model of rounding that bounds and verdicts use: double precision, n operations in any order change a sum of n products by at most
/// gamma n times the sum of the products' sizes (Higham, Accuracy and Stability of Numerical Algorithms, section 3.1).
module internal MappingNets.Core.Rounding

open System
open TorchSharp

/// The unit roundoff of double precision, 2^-53.
let unit = 1.0 / 9007199254740992.0

/// n u / (1 - n u) of a unit roundoff u; infinite from n u = 1 on, where the model bounds nothing.
let gammaOf (roundoff: float) (operations: float) =
    let lost = operations * roundoff
    if lost < 1.0 then lost / (1.0 - lost) else infinity

/// n u / (1 - n u) of double precision.
let gamma operations = gammaOf unit operations

/// A bound that was computed in so many operations on numbers of one sign, raised by what rounding may have taken from it.
let raised operations (bound: float) = bound * (1.0 + gamma operations)

/// At least the Frobenius norm.
let frobeniusAbove (tensor: torch.Tensor) =
    use norm = tensor.norm ()
    raised (float (tensor.numel ()) + 4.0) (norm.ToDouble())

/// At most 1 - p, for p from 0 to 1. The second difference is exact (Sterbenz), so it tells which way the first was rounded.
let complementBelow (p: float) =
    let complement = 1.0 - p

    if 1.0 - complement < p then
        Math.BitDecrement complement
    else
        complement
