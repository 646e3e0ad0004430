module MappingNets.Core.Tests.FixedWeightsGoldenTests

open Expecto
open TorchSharp
open MappingNets.Core
open MappingNets.Core.Tests.GoldenValues
open MappingNets.Core.Tests.HashedTensors
open MappingNets.Core.Tests.FixedWeightsExamples
open MappingNets.Core.Tests.TensorExpectations

let private uniform (key: CounterHash.Key) count =
    torch.tensor (Array.init count (uint64 >> CounterHash.symmetricUniform key))

[<Tests>]
let tests =
    testList
        "golden fixed weights"
        [ for version, example in
              [ for example in items (golden "fixedWeights") -> 1, example
                for example in items (golden "fixedWeightsVersion2") -> 2, example ] do
              let kind = kindOf (field "kind" example)

              let tensors =
                  field "tensors" example |> items |> List.map _.GetInt64() |> List.toArray

              let rows = int (Array.sum tensors)
              let columns = (field "columns" example).GetInt32()

              test $"version {version}, {kind}, tensors %A{tensors}, d = {columns}" (fun () ->
                  let seed = word (field "seed" example)
                  let key = CounterHash.ofSeed seed
                  use weights = FixedWeights.createOfVersion version kind key tensors columns
                  let applied = weights.Apply(uniform (CounterHash.named "z" key) columns)
                  Expect.equal (bitsOf applied) (floatBits (field "apply" example)) "W z"
                  let transposed = weights.TransposeApply(uniform (CounterHash.named "g" key) rows)
                  Expect.equal (bitsOf transposed) (floatBits (field "transpose" example)) "W^T g"

                  match example.TryGetProperty "matrix" with
                  | true, matrix ->
                      let expected = items matrix |> List.toArray |> Array.collect floatBits
                      Expect.equal (bitsOf (weights.ToMatrix singles.Value)) expected "W"
                  | _ -> ()) ]
