module MappingNets.Core.Tests.FixedWeightsTests

open System
open Expecto
open TorchSharp
open MappingNets
open MappingNets.Core
open MappingNets.Core.Tests.HashedTensors
open MappingNets.Core.Tests.TensorExpectations
open MappingNets.Core.Tests.FixedWeightsExamples
open MappingNets.Core.Tests.Refusals

let private matrix (weights: FixedWeights) = weights.ToMatrix doubles.Value
let private forEach name body = forWeights kinds 120 name body

[<Tests>]
let algebra =
    testList
        "fixed weights"
        [ forEach "the columns are orthogonal, with the norms that are promised" (fun _ message weights ->
              let w = matrix weights
              Expect.equal (shape w) [| weights.Rows; int64 weights.Columns |] message
              let promised = torch.tensor(weights.ColumnNormsSquared).diag ()
              near 1e-5 message promised (w.t().mm w))

          forEach "the mean squared norm of a row is 1" (fun _ message weights ->
              Expect.floatClose
                  { absolute = 0.0; relative = 1e-12 }
                  (Array.sum weights.ColumnNormsSquared)
                  (float weights.Rows)
                  message)

          forEach
              "all columns have the same norm where d divides P, and nearly the same elsewhere"
              (fun _ message weights ->
                  let norms = weights.ColumnNormsSquared

                  if weights.Rows % int64 weights.Columns = 0L then
                      Expect.all norms (fun norm -> norm = norms[0]) message
                  else
                      Expect.isLessThanOrEqual (Array.max norms - Array.min norms) 1.0 message)

          forEach "apply is the product with the matrix" (fun seed message weights ->
              let z = hashed seed "z" [ int64 weights.Columns ]
              near 1e-12 message ((matrix weights).mv z) (weights.Apply z))

          forEach "transpose-apply is the adjoint: <W z, g> = <z, W^T g>" (fun seed message weights ->
              let z = hashed seed "z" [ int64 weights.Columns ]
              let g = hashed seed "g" [ weights.Rows ]
              near 1e-12 message ((weights.Apply z).dot g) (z.dot (weights.TransposeApply g)))

          forEach "the row mean is the mean of the rows" (fun _ message weights ->
              near 1e-12 message ((matrix weights).mean [| 0L |]) (weights.RowMean doubles.Value))

          forEach "the row norms are the norms of the rows" (fun _ message weights ->
              near 1e-12 message ((matrix weights).square().sum 1L) (weights.RowNormsSquared doubles.Value))

          forEach "the spectral norm is the largest singular value" (fun _ message weights ->
              let largest = torch.linalg.svdvals (matrix weights) |> numbers |> Array.max
              Expect.floatClose { absolute = 0.0; relative = 1e-5 } weights.SpectralNorm largest message)

          forEach "equal keys make equal bits, other keys make others" (fun seed message weights ->
              let sizes = int weights.Rows, weights.Columns
              use again = create weights.Kind seed sizes
              sameBits message (matrix weights) (matrix again)

              // With one row or a few there are only a few matrices to choose from.
              if weights.Rows > 40L then
                  use other = create weights.Kind (seed + 1UL) sizes
                  Expect.notEqual (bitsOf (matrix other)) (bitsOf (matrix weights)) message)

          test "a matrix made in a dispose scope outlives it" (fun () ->
              for kind in kinds do
                  use weights =
                      (use _ = torch.NewDisposeScope()
                       let weights = create kind 1UL (10, 3)
                       weights.Apply(torch.zeros 3L) |> ignore
                       weights)

                  Expect.equal (shape (weights.Apply(torch.ones 3L))) [| 10L |] $"{kind}") ]

[<Tests>]
let refusals =
    let weights = lazy (create FixedWeightsKind.SignedPermutation 1UL (11, 4))

    testList
        "fixed weights refuse"
        [ for kind in kinds do
              refuses $"{kind} with more columns than rows" "columns" "d = 12, P = 11" (fun () ->
                  create kind 1UL (11, 12) |> ignore)

              refuses $"{kind} without columns" "columns" "0" (fun () -> create kind 1UL (11, 0) |> ignore)
              refuses $"{kind} with -3 columns" "columns" "-3" (fun () -> create kind 1UL (11, -3) |> ignore)

              for precision in [ torch.float16; torch.int64; torch.bool ] do
                  refuses $"{kind} as a matrix of {precision}" "like" "Float32 or Float64" (fun () ->
                      (create kind 1UL (11, 4)).ToMatrix(torch.zeros (1L, precision)) |> ignore)

              refuses $"{kind} of tensors with more weights than 2^63" "tensors" "together" (fun () ->
                  FixedWeights.createForTensors
                      kind
                      (CounterHash.ofSeed 1UL)
                      [| Int64.MaxValue; Int64.MaxValue; 3L |]
                      1
                  |> ignore)

              refuses $"{kind}: a latent of another length" "latent" "(5)" (fun () ->
                  (create kind 1UL (11, 4)).Apply(torch.zeros 5L) |> ignore)

              refuses $"{kind}: a gradient of another length" "gradient" "(4)" (fun () ->
                  (create kind 1UL (11, 4)).TransposeApply(torch.zeros 4L) |> ignore)

          refuses "a latent that is a matrix" "latent" "(4, 1)" (fun () ->
              weights.Value.Apply(torch.zeros (4L, 1L)) |> ignore)
          refuses "whole numbers" "latent" "Int64" (fun () ->
              weights.Value.Apply(torch.zeros (4L, torch.int64)) |> ignore)
          refuses "half precision" "gradient" "Float16" (fun () ->
              weights.Value.TransposeApply(torch.zeros (11L, torch.float16)) |> ignore) ]
