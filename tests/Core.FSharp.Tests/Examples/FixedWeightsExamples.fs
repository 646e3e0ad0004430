/// Fixed weights of every kind and of the sizes where they could go wrong.
module MappingNets.Core.Tests.FixedWeightsExamples

open Expecto
open TorchSharp
open MappingNets
open MappingNets.Core
open MappingNets.Core.Tests.HashedTensors

let kinds =
    [ FixedWeightsKind.Dense
      FixedWeightsKind.Hadamard
      FixedWeightsKind.SignedPermutation ]

let matrixFree = [ FixedWeightsKind.Hadamard; FixedWeightsKind.SignedPermutation ]
let doubles = lazy (torch.zeros(1L, torch.float64).DetachFromDisposeScope())
let singles = lazy (torch.zeros(1L, torch.float32).DetachFromDisposeScope())

/// P and d from a seed; every eighth has d = 1, every eighth d = P, every eighth a P that d divides.
let sizes seed most =
    let rows = hashedSize seed "rows" 1 most
    let columns = hashedSize seed "columns" 1 rows

    match hashedSize seed "case" 0 7 with
    | 0 -> rows, 1
    | 1 -> rows, rows
    | 2 -> columns * max 1 (rows / columns), columns
    | _ -> rows, columns

let create kind seed (rows: int, columns: int) =
    FixedWeights.create kind (CounterHash.ofSeed seed) (int64 rows) columns

/// A property of the fixed weights of every kind given over random sizes, the same in every run; the message names kind and sizes.
let forWeights kinds most name (body: uint64 -> string -> FixedWeights -> unit) =
    testList
        name
        [ for kind in kinds do
              testCase $"{kind}" (fun () ->
                  for seed in 0UL .. 100UL do
                      use _ = torch.NewDisposeScope()
                      let rows, columns = sizes seed most
                      use weights = create kind seed (rows, columns)
                      body seed $"seed {seed}, P = {rows}, d = {columns}" weights) ]
