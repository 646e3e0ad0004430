/// Fixed weights of fewer than eight columns, where version 2 differs from version 1.
module MappingNets.Core.Tests.FewColumnsTests

open System
open Expecto
open TorchSharp
open MappingNets
open MappingNets.Core
open MappingNets.Core.Tests.TensorExpectations
open MappingNets.Core.Tests.TheoremExamples

[<Tests>]
let tests =
    testList
        "Counterexamples: fixed weights of few columns"
        [ test "below eight latents the tiles read them in keyed orders" (fun () ->
              for kind, columns in [ for columns in 2..7 -> FixedWeightsKind.SignedPermutation, columns ] do
                  let key = CounterHash.ofSeed 9UL
                  let tiles = 200
                  use weights = FixedWeights.create kind key (int64 (tiles * columns)) columns
                  let matrix = weights.ToMatrix(torch.zeros (1L, dtype = torch.float64))

                  let orders =
                      [ for tile in 0 .. tiles - 1 ->
                            let rows = matrix.narrow (0L, int64 (tile * columns), int64 columns)
                            rows.abs().argmax(1L).data<int64>().ToArray() |> Array.toList ]

                  for order in orders do
                      Expect.equal (List.sort order) [ 0L .. int64 columns - 1L ] "every column once"

                  Expect.isGreaterThan (List.distinct orders).Length 1 $"{columns}: not always the same order"
                  // Each column comes first about equally often.
                  for column in 0L .. int64 columns - 1L do
                      let share = orders |> List.filter (fun order -> order.Head = column) |> List.length

                      Expect.isGreaterThan
                          (float share)
                          (0.5 * float tiles / float columns)
                          $"{columns}: column {column} first"

                  use old =
                      FixedWeights.createOfVersion 1 kind key [| int64 (tiles * columns) |] columns

                  let row = old.ToMatrix(matrix).narrow(0L, 0L, int64 columns).abs ()
                  same "version 1 keeps its order" (torch.eye (int64 columns, dtype = torch.float64)) row)

          test "from eight latents on the versions are one, and there is no third" (fun () ->
              let key = CounterHash.ofSeed 9UL
              let like = torch.zeros (1L, dtype = torch.float64)

              for columns in [ 8; 13; 16 ] do
                  let matrix version =
                      use weights =
                          FixedWeights.createOfVersion
                              version
                              FixedWeightsKind.SignedPermutation
                              key
                              [| 100L |]
                              columns

                      weights.ToMatrix like

                  same $"{columns}" (matrix 1) (matrix 2)

              for version in [ 0; 3 ] do
                  raises<ArgumentOutOfRangeException> [ "version"; string version ] (fun () ->
                      FixedWeights.createOfVersion version FixedWeightsKind.Hadamard key [| 100L |] 5
                      |> ignore)) ]
