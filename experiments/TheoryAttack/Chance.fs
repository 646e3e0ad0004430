/// Seeded random tensors in double precision, and the directions that are steepest.
module MappingNets.Experiments.TheoryAttack.Chance

open System
open TorchSharp

/// Uniform in [-1, 1), shape (n).
let uniform (random: Random) (length: int64) =
    torch.tensor (Array.init (int length) (fun _ -> 2.0 * random.NextDouble() - 1.0))

let norm (tensor: torch.Tensor) = tensor.norm().ToDouble()

let scaled (size: float) (tensor: torch.Tensor) = tensor * size.ToScalar()

/// Of a length, in the direction of a vector.
let ofLength (length: float) (vector: torch.Tensor) =
    vector * (length / max 1e-300 (norm vector)).ToScalar()

let direction random length = uniform random length |> ofLength 1.0

/// The largest singular value and its right vector.
let top (matrix: torch.Tensor) =
    let struct (_, values, right) = torch.linalg.svd (matrix, fullMatrices = false)

    struct (values[0L].ToDouble(), right[0L])

let pick (random: Random) (items: 'T list) = items[random.Next items.Length]

/// A share of 1: half of the time 1 itself, the edge.
let share (random: Random) =
    if random.Next 2 = 0 then 1.0 else random.NextDouble()
