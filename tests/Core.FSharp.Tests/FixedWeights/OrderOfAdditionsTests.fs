/// The transpose adds a part for each tensor of the target, from the last to the first, whichever pass computes it.
module MappingNets.Core.Tests.OrderOfAdditionsTests

open System
open Expecto
open TorchSharp
open MappingNets
open MappingNets.Core
open MappingNets.Core.Tests.HashedTensors
open MappingNets.Core.Tests.FixedWeightsExamples
open MappingNets.Core.Tests.Refusals

/// Sizes of tensors, most of them small, and a number of latents.
let private sizesOf (random: Random) =
    let tensors =
        Array.init (random.Next(1, 9)) (fun _ ->
            match random.Next 3 with
            | 0 -> random.NextInt64(1L, 4L)
            | 1 -> random.NextInt64(1L, 30L)
            | _ -> random.NextInt64(1L, 700L))

    tensors, random.Next(1, int (min 200L (Array.sum tensors)) + 1)

let private forSizes times (body: string -> int64[] -> int -> unit) =
    for seed in 1..times do
        use _ = torch.NewDisposeScope()
        let tensors, columns = sizesOf (Random(seed: int))
        body $"tensors %A{tensors}, d = {columns}" tensors columns

let private fold (parts: torch.Tensor seq) =
    parts |> Seq.reduce (fun total part -> total + part)

/// The tensors' parts one after the other, each from the rows of the gradient that it needs and nothing else.
let private byTensor (weights: FixedWeights) count (gradient: torch.Tensor) =
    seq { count - 1 .. -1 .. 0 }
    |> Seq.map (fun tensor ->
        let struct (first, rows) = weights.TensorRows tensor
        weights.TransposeTensor(tensor, gradient.narrow(0L, first, rows).clone ()))
    |> fold

/// Numbers with some zeros of both signs among them.
let private awkward seed count (dtype: torch.ScalarType) =
    let values = hashed seed "g" [ count ]
    let zeros = values.abs().lt(0.1.ToScalar()).to_type torch.float64
    (values * (1.0.ToScalar() - zeros)).to_type dtype

[<Tests>]
let runs =
    testList
        "order of additions"
        [ test "each tile is in one run, of the tensor that holds its first row" {
              forSizes 300 (fun message tensors columns ->
                  let mutable tile = 0L
                  let offsets = Array.scan (+) 0L tensors

                  OrderOfAdditions.tensorRuns tensors columns
                  |> Array.iteri (fun tensor runs ->
                      Expect.isLessThanOrEqual runs.Length 32 message

                      for run in runs do
                          Expect.equal run.First tile message
                          Expect.isGreaterThan run.End run.First message
                          Expect.isGreaterThanOrEqual (run.First * int64 columns) offsets[tensor] message
                          Expect.isLessThan ((run.End - 1L) * int64 columns) offsets[tensor + 1] message
                          tile <- run.End)

                  Expect.equal tile ((Array.sum tensors + int64 columns - 1L) / int64 columns) message)
          }

          test "a tensor has its share of 32 runs, or one for every eight tiles" {
              let lengths tensors columns =
                  OrderOfAdditions.tensorRuns tensors columns |> Array.map _.Length

              Expect.equal (lengths [| 20L |] 1) [| 20 |] "fewer tiles than 32"
              Expect.equal (lengths [| 1000L |] 1) [| 32 |] "one tensor"
              Expect.equal (lengths [| 20L; 20L |] 1) [| 16; 16 |] "two halves"
              Expect.equal (lengths [| 100L; 300L; 5000L |] 1) [| 12; 32; 32 |] "many tiles"
              Expect.equal (lengths [| 30L; 10L; 9L; 61L |] 50) [| 1; 0; 0; 2 |] "tensors in which no tile starts"
          }

          for kind in kinds do
              test $"{kind}: the tensors' parts, one at a time, are the transpose bit for bit" {
                  forSizes 60 (fun message tensors columns ->
                      use weights =
                          FixedWeights.createForTensors kind (CounterHash.ofSeed 3UL) tensors columns

                      for dtype in [ torch.float32; torch.float64 ] do
                          let gradient = awkward 9UL weights.Rows dtype
                          sameBits message (weights.TransposeApply gradient) (byTensor weights tensors.Length gradient))
              }

              test $"{kind}: the gradient of W z adds in the same order" {
                  forSizes 20 (fun message tensors columns ->
                      use weights =
                          FixedWeights.createForTensors kind (CounterHash.ofSeed 4UL) tensors columns

                      let z = torch.zeros (int64 columns, requires_grad = true)
                      let gradient = awkward 9UL weights.Rows torch.float32

                      let ofGraph =
                          torch.autograd.grad([| weights.Apply z |], [| z |], [| gradient |]).[0]

                      sameBits message (byTensor weights tensors.Length gradient) ofGraph)
              }

              test $"{kind}: tensors change nothing of the matrix" {
                  forSizes 20 (fun message tensors columns ->
                      use weights =
                          FixedWeights.createForTensors kind (CounterHash.ofSeed 5UL) tensors columns

                      use whole = FixedWeights.create kind (CounterHash.ofSeed 5UL) weights.Rows columns
                      sameBits message (whole.ToMatrix singles.Value) (weights.ToMatrix singles.Value))
              }

          for kind in kinds do
              test $"{kind}: a value for each tensor is taken back as the vector that holds it" {
                  forSizes 60 (fun message tensors columns ->
                      use weights =
                          FixedWeights.createForTensors kind (CounterHash.ofSeed 7UL) tensors columns

                      use values = hashed 9UL "values" [ tensors.LongLength ]
                      use counts = torch.tensor tensors
                      let held = values.repeat_interleave counts
                      let values = values.data<float>().ToArray()
                      sameBits message (weights.TransposeApply held) (weights.TransposeConstant values))
              }

          for kind in matrixFree do
              test $"{kind}: tensor operations give the same bits, for all tensors and for one" {
                  let make =
                      match kind with
                      | FixedWeightsKind.Hadamard -> FixedWeightsTorch.hadamard
                      | _ -> FixedWeightsTorch.signedPermutation

                  forSizes 60 (fun message tensors columns ->
                      let tiling = Tilings.tiling 2 (CounterHash.ofSeed 6UL) tensors columns

                      use weights =
                          FixedWeights.createForTensors kind (CounterHash.ofSeed 6UL) tensors columns

                      for dtype in [ torch.float32; torch.float64 ] do
                          let transpose = (make tiling dtype torch.CPU).Transpose
                          let gradient = awkward 9UL weights.Rows dtype
                          let expected = weights.TransposeApply gradient
                          sameBits message expected (transpose tiling.TensorsBackwards 0L gradient)

                          tiling.TensorsBackwards
                          |> Seq.map (fun tensor ->
                              let struct (first, rows) = weights.TensorRows tensor
                              transpose [| tensor |] (first / int64 columns) (gradient.narrow (0L, first, rows)))
                          |> fold
                          |> sameBits message expected)
              }

          refuses "no tensor" "tensors" "at least one" (fun () ->
              FixedWeights.createForTensors FixedWeightsKind.Hadamard (CounterHash.ofSeed 1UL) [||] 1
              |> ignore)
          refuses "a tensor without weights" "tensors" "Tensor 1" (fun () ->
              FixedWeights.createForTensors FixedWeightsKind.Dense (CounterHash.ofSeed 1UL) [| 3L; 0L |] 1
              |> ignore)
          refuses "rows that are not the tensor's" "rows" "(5)" (fun () ->
              use weights =
                  FixedWeights.createForTensors FixedWeightsKind.Hadamard (CounterHash.ofSeed 1UL) [| 30L; 40L |] 20

              weights.TransposeTensor(1, torch.zeros 5L) |> ignore) ]
