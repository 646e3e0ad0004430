/// What every door of this assembly checks, and how shapes read in its messages.
[<AutoOpen>]
module internal MappingNets.Core.TensorChecks

open System
open TorchSharp

/// "(64, 32, 3, 3)"
let shapeText (shape: int64[]) =
    let sizes = String.Join(", ", shape)
    $"({sizes})"

/// Refuses anything but a vector of the length in single or double precision.
let requireVector argument (length: int64) (tensor: torch.Tensor) =
    ArgumentNullException.ThrowIfNull(tensor, argument)

    if tensor.dim () <> 1L || tensor.shape[0] <> length then
        raise (ArgumentException($"The shape is {shapeText tensor.shape}; it must be ({length}).", argument))

    if tensor.dtype <> torch.float32 && tensor.dtype <> torch.float64 then
        raise (ArgumentException($"The precision is {tensor.dtype}; it must be Float32 or Float64.", argument))
