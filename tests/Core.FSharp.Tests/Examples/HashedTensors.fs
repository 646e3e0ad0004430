/// Test data from the counter hash, so that a failing test fails again, and comparison of tensors bit by bit.
module MappingNets.Core.Tests.HashedTensors

open System
open Expecto
open TorchSharp
open MappingNets.Core

let private keyOf (seed: uint64) (name: string) =
    CounterHash.ofSeed seed |> CounterHash.named name

/// Uniform doubles in [-1, 1).
let hashed seed name (shape: int64 list) =
    let key = keyOf seed name
    let count = List.fold (*) 1L shape

    let values =
        Array.init (int count) (fun index -> 2.0 * CounterHash.uniformDouble key (uint64 index) - 1.0)

    torch.tensor(values).reshape (List.toArray shape)

/// A whole number from `least` to `most`.
let hashedSize seed name (least: int) (most: int) =
    least
    + int (CounterHash.below (keyOf seed name) (uint64 (most - least + 1)) 0UL)

/// The bits of every element, in the order of memory.
let bitsOf (tensor: torch.Tensor) =
    let dense = tensor.detach().contiguous ()

    if dense.dtype = torch.float32 then
        dense.data<float32>().ToArray()
        |> Array.map (BitConverter.SingleToUInt32Bits >> uint64)
    else
        dense.data<float>().ToArray() |> Array.map BitConverter.DoubleToUInt64Bits

let sameBits message (expected: torch.Tensor) (actual: torch.Tensor) =
    Expect.equal (actual.dtype, actual.shape) (expected.dtype, expected.shape) $"{message}: precision and shape"
    let expected, actual = bitsOf expected, bitsOf actual

    match Seq.tryFindIndex (fun (a, b) -> a <> b) (Seq.zip expected actual) with
    | Some index -> failtest $"{message}: element {index} has the bits {actual[index]:x}, not {expected[index]:x}"
    | None -> ()
