/// The matrix-free kinds mean the same bits in every precision, on every path and on every number of threads.
module MappingNets.Core.Tests.FixedWeightsBitsTests

open Microsoft.FSharp.NativeInterop
open Expecto
open TorchSharp
open MappingNets
open MappingNets.Core
open MappingNets.Core.Tests.HashedTensors
open MappingNets.Core.Tests.TensorExpectations
open MappingNets.Core.Tests.FixedWeightsExamples

#nowarn "9" // The kernels under test take addresses.

let private elsewhere kind tiling dtype =
    let make =
        match kind with
        | FixedWeightsKind.Hadamard -> FixedWeightsTorch.hadamard
        | _ -> FixedWeightsTorch.signedPermutation

    make tiling dtype torch.CPU

/// Random numbers with some zeros of both signs among them.
let private awkward seed name count (dtype: torch.ScalarType) =
    let values = hashed seed name [ count ]
    let zeros = values.abs().lt(0.1.ToScalar()).to_type torch.float64
    (values * (1.0.ToScalar() - zeros)).to_type dtype

let private equalsTensorOperations seed message (weights: FixedWeights) =
    let tiling =
        Tilings.tiling 2 (CounterHash.ofSeed seed) [| weights.Rows |] weights.Columns

    for dtype in [ torch.float32; torch.float64 ] do
        let operations = elsewhere weights.Kind tiling dtype
        let z = awkward seed "z" (int64 weights.Columns) dtype
        sameBits $"W z, {dtype}, {message}" (weights.Apply z) (operations.Apply z)
        let g = awkward seed "g" weights.Rows dtype

        sameBits
            $"W^T g, {dtype}, {message}"
            (weights.TransposeApply g)
            (operations.Transpose tiling.TensorsBackwards 0L g)

/// Both kernels of a kind on so many threads, in single precision.
let private onThreads kind tiling threads (z: torch.Tensor) (g: torch.Tensor) =
    let tiling: Tilings.Tiling =
        { tiling with
            Tilings.Tiling.Parallelism = threads }

    let apply, transpose =
        match kind with
        | FixedWeightsKind.Hadamard -> PlainFixedWeights.hadamardApplySingle, PlainFixedWeights.hadamardTransposeSingle
        | _ -> PlainFixedWeights.signedPermutationApplySingle, PlainFixedWeights.signedPermutationTransposeSingle

    let rows, columns = torch.empty tiling.Rows, torch.empty (int64 tiling.Columns)
    apply tiling (TensorMemory.pointer<float32> z) (TensorMemory.pointer<float32> rows)
    transpose tiling tiling.TensorsBackwards (TensorMemory.pointer<float32> g) (TensorMemory.pointer<float32> columns)
    rows, columns

[<Tests>]
let tests =
    testList
        "bits of the fixed weights"
        [ forWeights matrixFree 150 "tensor operations give the kernels' bits" equalsTensorOperations

          testList
              "tensor operations give the kernels' bits where those run in parallel"
              [ for kind in matrixFree do
                    for rows, columns in [ 20_011, 700; 16_384, 1_000; 30_000, 3; 17_000, 17_000 ] do
                        test $"{kind}, P = {rows}, d = {columns}" (fun () ->
                            use weights = create kind 5UL (rows, columns)
                            equalsTensorOperations 5UL "" weights) ]

          testList
              "any number of threads gives the same bits"
              [ for kind in matrixFree do
                    test $"{kind}" (fun () ->
                        let tiling =
                            Tilings.tiling 2 (CounterHash.ofSeed 3UL) [| 12_345L; 10L; 27_648L |] 300

                        let z = (hashed 3UL "z" [ 300L ]).to_type torch.float32
                        let g = (hashed 3UL "g" [ 40_003L ]).to_type torch.float32
                        let rows, columns = onThreads kind tiling 1 z g

                        for threads in [ 2; 3; 7; -1 ] do
                            let otherRows, otherColumns = onThreads kind tiling threads z g
                            sameBits $"W z on {threads}" rows otherRows
                            sameBits $"W^T g on {threads}" columns otherColumns) ]

          forWeights
              [ FixedWeightsKind.SignedPermutation ]
              150
              "both precisions agree exactly"
              (fun seed message weights ->
                  let z = (hashed seed "z" [ int64 weights.Columns ]).to_type torch.float32
                  sameBits message (weights.Apply z) (weights.Apply(z.to_type torch.float64).to_type torch.float32))

          forWeights
              [ FixedWeightsKind.Hadamard ]
              150
              "both precisions agree to single precision"
              (fun seed message weights ->
                  let z = (hashed seed "z" [ int64 weights.Columns ]).to_type torch.float32
                  near 1e-5 message (weights.Apply(z.to_type torch.float64)) (weights.Apply(z).to_type torch.float64))

          test "a latent that is a strided view is read by its elements, not by its memory" (fun () ->
              for kind in kinds do
                  use weights = create kind 1UL (50, 6)
                  let every = hashed 1UL "z" [ 6L; 2L ]
                  let strided = every.select (1L, 1L)
                  sameBits $"{kind}" (weights.Apply(strided.clone().contiguous ())) (weights.Apply strided)) ]
