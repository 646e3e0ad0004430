module MappingNets.Core.Tests.CounterHashTests

open System
open Expecto
open MappingNets.Core
open MappingNets.Core.Tests.Refusals

let private key seed = CounterHash.ofSeed seed

/// Sizes where a permutation could go wrong first, and one from the seed.
let private size seed (most: uint64) =
    let special = [| 1UL; 2UL; 3UL; 4UL; 5UL; 16UL; 17UL; 63UL; 64UL; 65UL |]
    let choice = CounterHash.below (key seed) 20UL 0UL

    if choice < uint64 special.Length then
        special[int choice]
    else
        1UL + CounterHash.below (key seed) most 1UL

/// How far the mean of n numbers with the deviation may lie from the expected one: 5 standard errors.
let private meanIsNear message expected deviation (values: float[]) =
    let allowed = 5.0 * deviation / sqrt (float values.Length)
    Expect.isLessThan (abs (Array.average values - expected)) allowed message

/// The correlation of two streams of n fair signs is below 5 standard errors.
let private unrelated message first second =
    Array.init 20000 (fun index ->
        let index = uint64 index
        float (CounterHash.sign first index * CounterHash.sign second index))
    |> meanIsNear message 0.0 1.0

[<Tests>]
let numbers =
    testList
        "counter hash numbers"
        [ testProperty "signs are +1 and -1, equally often" (fun seed ->
              let signs =
                  Array.init 20000 (fun index -> CounterHash.sign (key seed) (uint64 index))

              Expect.all signs (fun sign -> sign = 1.0f || sign = -1.0f) "signs"
              meanIsNear "mean" 0.0 1.0 (Array.map float signs))

          testProperty "uniform numbers lie in [0, 1) with the mean 1/2 and the variance 1/12" (fun seed ->
              let values =
                  Array.init 20000 (fun index -> float (CounterHash.uniform (key seed) (uint64 index)))

              Expect.all values (fun value -> value >= 0.0 && value < 1.0) "range"
              meanIsNear "mean" 0.5 (sqrt (1.0 / 12.0)) values
              // The deviation of (u - 1/2)^2 is sqrt(1/80 - 1/144).
              values
              |> Array.map (fun value -> (value - 0.5) ** 2.0)
              |> meanIsNear "variance" (1.0 / 12.0) (sqrt (1.0 / 180.0)))

          testProperty "symmetric and double uniform numbers stay in their ranges" (fun seed index ->
              let symmetric = CounterHash.symmetricUniform (key seed) index
              let double = CounterHash.uniformDouble (key seed) index
              Expect.isTrue (symmetric >= -1.0f && symmetric < 1.0f) "symmetric"
              Expect.isTrue (double >= 0.0 && double < 1.0) "double"
              Expect.equal symmetric (2.0f * CounterHash.uniform (key seed) index - 1.0f) "2u - 1")

          testCase "normal numbers have the mean 0 and the variance 1" (fun () ->
              let values =
                  Array.init 50000 (fun index -> CounterHash.normal (key 3UL) (uint64 index))

              meanIsNear "mean" 0.0 1.0 values
              values |> Array.map (fun x -> x * x) |> meanIsNear "variance" 1.0 (sqrt 2.0)

              values
              |> Array.map (fun x -> x ** 4.0)
              |> meanIsNear "fourth moment" 3.0 (sqrt 96.0))

          testProperty "below reaches every number below the bound and no other" (fun seed ->
              let bound = size seed 12UL % 12UL + 1UL

              let drawn =
                  Set.ofSeq (Seq.init 600 (fun index -> CounterHash.below (key seed) bound (uint64 index)))

              Expect.equal drawn (set [ 0UL .. bound - 1UL ]) "numbers")

          testProperty "a stream has nothing to do with its parent, its siblings or its names" (fun seed ->
              let parent = key seed
              let child number = CounterHash.child number parent
              unrelated "parent and child" parent (child 0UL)
              unrelated "neighbours" (child 0UL) (child 1UL)
              unrelated "names" (CounterHash.named "signs" parent) (CounterHash.named "middle-signs" parent)
              unrelated "neighbouring seeds" parent (key (seed + 1UL))
              unrelated "child of the child" (child 1UL) (CounterHash.child 1UL (child 1UL))) ]

[<Tests>]
let permutations =
    testList
        "counter hash permutations"
        [ testProperty "permute is a bijection, and unpermute undoes it" (fun seed ->
              let size = size seed 300UL
              let images = List.map (CounterHash.permute (key seed) size) [ 0UL .. size - 1UL ]
              Expect.equal (List.sort images) [ 0UL .. size - 1UL ] $"size {size}"
              let back = List.map (CounterHash.unpermute (key seed) size) images
              Expect.equal back [ 0UL .. size - 1UL ] $"inverse, size {size}")

          testProperty "unpermute undoes permute in the largest sizes" (fun seed index ->
              for size in [ 1UL <<< 62; (1UL <<< 62) - 1UL; (1UL <<< 61) + 1UL ] do
                  let image = CounterHash.permute (key seed) size (index % size)
                  Expect.isLessThan image size "range"
                  Expect.equal (CounterHash.unpermute (key seed) size image) (index % size) $"size {size}")

          testCase "each number goes everywhere equally often over the keys" (fun () ->
              let counts = Array2D.zeroCreate 5 5

              for seed in 0UL .. 9999UL do
                  for index in 0..4 do
                      let image = int (CounterHash.permute (key seed) 5UL (uint64 index))
                      counts[index, image] <- counts[index, image] + 1
              // 2,000 expected; 5 standard deviations are 200.
              for count in Seq.cast<int> counts do
                  Expect.isLessThan (abs (count - 2000)) 200 "count")

          testProperty "an affine permutation is a bijection, and modularInverse undoes it" (fun seed ->
              let size = size seed 300UL
              let struct (multiplier, offset) = CounterHash.affinePermutation (key seed) size

              let images =
                  List.map (fun i -> (multiplier * i + offset) % size) [ 0UL .. size - 1UL ]

              Expect.equal (List.sort images) [ 0UL .. size - 1UL ] $"size {size}"
              let inverse = CounterHash.modularInverse multiplier size
              let back = List.map (fun j -> inverse * (j + size - offset) % size) images
              Expect.equal back [ 0UL .. size - 1UL ] $"inverse, size {size}")

          testProperty "modularInverse holds in the largest sizes" (fun (number: uint64) ->
              let size = (1UL <<< 31) - 1UL
              let multiplier = 1UL + number % (size - 1UL)
              let inverse = CounterHash.modularInverse multiplier size
              Expect.isLessThan inverse size "range"
              Expect.equal (inverse * multiplier % size) 1UL "product") ]

[<Tests>]
let refusals =
    let seven = key 7UL

    testList
        "counter hash refuses"
        [ refuses "a bound of 0" "bound" "0" (fun () -> CounterHash.below seven 0UL 1UL |> ignore)
          refuses "a permutation of nothing" "size" "0" (fun () -> CounterHash.permute seven 0UL 0UL |> ignore)
          refuses "a permutation beyond 2^62" "size" "4611686018427387905" (fun () ->
              CounterHash.unpermute seven ((1UL <<< 62) + 1UL) 0UL |> ignore)
          refuses "an index at the size" "index" "5" (fun () -> CounterHash.permute seven 5UL 5UL |> ignore)
          refuses "an affine permutation of nothing" "size" "0" (fun () ->
              CounterHash.affinePermutation seven 0UL |> ignore)
          refuses "an affine permutation beyond 2^31" "size" "2147483649" (fun () ->
              CounterHash.affinePermutation seven ((1UL <<< 31) + 1UL) |> ignore)
          refuses "an inverse of a shared factor" "multiplier" "4" (fun () ->
              CounterHash.modularInverse 4UL 6UL |> ignore)
          refuses "an inverse modulo 0" "size" "0" (fun () -> CounterHash.modularInverse 1UL 0UL |> ignore)
          refuses "a stream without a name" "name" "name" (fun () ->
              CounterHash.named (Unchecked.defaultof<string>) seven |> ignore) ]
