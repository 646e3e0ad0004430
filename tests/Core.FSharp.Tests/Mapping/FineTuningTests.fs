/// Fine-tuning of given weights: the groups, the two directions, and the additive form of the mapping.
module MappingNets.Core.Tests.FineTuningTests

open Expecto
open TorchSharp
open MappingNets
open MappingNets.Core
open MappingNets.Core.Differentiation
open MappingNets.Core.NumericalDifferentiation
open MappingNets.Core.Tests.HashedTensors
open MappingNets.Core.Tests.MappingExamples
open MappingNets.Core.Tests.Refusals
open MappingNets.Core.Tests.TensorExpectations

let private key = CounterHash.ofSeed 5UL

let private groupings = [ WeightGrouping.Contiguous; WeightGrouping.Hashed ]

/// conv1.weight (8), conv1.bias (2) and fc.bias (3) of the layout's 19 weights: 13 in three places, with a gap of 6.
let private some = [ "fc.bias"; "conv1.weight"; "conv1.bias" ]

/// A layout of 1 to 6 tensors, some of them selected, and K and L that fit.
let private example grouping seed =
    let layout =
        [ for index in 0 .. hashedSize seed "tensors" 0 5 ->
              $"t{index}.w", [| int64 (hashedSize seed $"size{index}" 1 40) |], 1L ]
        |> ParameterLayout.create

    let chosen =
        layout.Entries
        |> Array.indexed
        |> Array.filter (fun (index, _) -> index = 0 || hashedSize seed $"selected{index}" 0 1 = 1)
        |> Array.map (fun (_, entry) -> entry.Name)

    let available = chosen |> Array.sumBy (fun name -> int (layout.Find name).Count)
    let size = hashedSize seed "L" 1 available
    let groups = hashedSize seed "K" 1 (available / size)
    FineTuning.plan layout chosen groups (int64 size) grouping (CounterHash.ofSeed seed)

let private membersOf (plan: FineTuningPlan) =
    [| for group in 0 .. plan.Groups - 1 -> [| for place in 0L .. plan.GroupSize - 1L -> plan.Position(group, place) |] |]

let private small grouping =
    FineTuning.plan layout some 4 3L grouping key

let private vectorOf name count = hashed 31UL name [ count ]

[<Tests>]
let groups =
    testList
        "fine-tuning: groups"
        [ for grouping in groupings do
              testProperty $"{grouping}: each group has L selected weights, and no weight is in two" (fun seed ->
                  use plan = example grouping seed
                  let members = membersOf plan
                  let all = Array.concat members
                  Expect.all members (fun group -> group.Length = int plan.GroupSize) "L"
                  Expect.equal (Array.distinct all).Length (plan.Groups * int plan.GroupSize) "different weights"

                  Expect.all
                      all
                      (fun position ->
                          plan.Selected
                          |> Array.exists (fun entry ->
                              position >= entry.Offset && position < entry.Offset + entry.Count))
                      "selected"

                  Expect.equal ((plan.Positions torch.CPU).data<int64>().ToArray()) all "the table")

          testProperty "contiguous groups are neighbours, and the gaps between them differ by at most 1" (fun seed ->
              use plan = example WeightGrouping.Contiguous seed

              /// The numbers of the weights among the selected ones.
              let places =
                  plan.Selected
                  |> Array.collect (fun entry -> [| entry.Offset .. entry.Offset + entry.Count - 1L |])

              let starts =
                  membersOf plan
                  |> Array.map (fun group ->
                      let ranks =
                          group |> Array.map (fun position -> System.Array.IndexOf(places, position))

                      Expect.all (Array.pairwise ranks) (fun (one, next) -> next = one + 1) "neighbours"
                      ranks[0])

              let steps = starts |> Array.pairwise |> Array.map (fun (one, next) -> next - one)

              Expect.isLessThanOrEqual
                  (Array.max [| yield! steps; 0 |] - Array.min [| yield! steps; 1000000 |])
                  1
                  "even")

          test "the groups of three tensors by hand" (fun () ->
              use plan = FineTuning.plan layout some 3 2L WeightGrouping.Contiguous key
              // Of 13 selected weights the groups start at 0, 4 and 8; the tenth and later ones stand behind the gap.
              Expect.equal (membersOf plan) [| [| 0L; 1L |]; [| 4L; 5L |]; [| 8L; 9L |] |] "three groups"
              use all = FineTuning.plan layout some 13 1L WeightGrouping.Contiguous key
              Expect.equal (Array.concat (membersOf all)) [| yield! [ 0L .. 9L ]; 16L; 17L; 18L |] "every weight")

          test "hashed groups are the keyed permutation's, so they are the same everywhere" (fun () ->
              use plan = small WeightGrouping.Hashed
              let places = [| yield! [ 0L .. 9L ]; 16L; 17L; 18L |]

              let expected =
                  [| for number in 0UL .. 11UL -> places[int (CounterHash.permute key 13UL number)] |]

              Expect.equal (Array.concat (membersOf plan)) expected "members"

              use other =
                  FineTuning.plan layout some 4 3L WeightGrouping.Hashed (CounterHash.ofSeed 6UL)

              Expect.notEqual (membersOf other) (membersOf plan) "another key")

          test "a large target needs only its groups' table" (fun () ->
              let large = ParameterLayout.create [ "w", [| 25_000_000_000L |], 1L ]
              use plan = FineTuning.plan large [ "w" ] 2048 250L WeightGrouping.Contiguous key
              Expect.equal (plan.Position(2047, 249L)) (25_000_000_000L * 2047L / 2048L + 249L) "the last one") ]

[<Tests>]
let directions =
    testList
        "fine-tuning: weights"
        [ for grouping in groupings do
              test $"{grouping}: theta is pretrained + alpha * o[group(i)], and no other weight moves" (fun () ->
                  use plan = small grouping
                  let theta, o = vectorOf "theta" 19L, vectorOf "o" 4L
                  let expected = numbers theta |> Array.copy

                  membersOf plan
                  |> Array.iteri (fun group members ->
                      for position in members do
                          expected[int position] <- expected[int position] + 0.3 * o[int64 group].ToDouble())

                  let actual = FineTuning.apply plan 0.3 theta o
                  same "theta" (vector (Array.toList expected)) actual

                  for position in Seq.except (Array.concat (membersOf plan)) [ 0L .. 18L ] do
                      Expect.equal (actual[position].ToDouble()) (theta[position].ToDouble()) "untouched"

                  same "spread" (actual - theta) (FineTuning.spread plan o * 0.3)
                  let single = (theta.to_type torch.float32, o.to_type torch.float32)
                  near 1e-6 "single precision" actual ((FineTuning.apply plan 0.3 <|| single).to_type torch.float64))

              testProperty $"{grouping}: gather is the transpose of spread" (fun seed ->
                  use _ = torch.NewDisposeScope()
                  use plan = example grouping seed
                  let o = hashed seed "o" [ int64 plan.Groups ]
                  let v = hashed seed "v" [ plan.Layout.Count ]
                  let left = (FineTuning.spread plan o).dot(v).ToDouble()
                  let right = o.dot(FineTuning.gather plan v).ToDouble()
                  Expect.floatClose Accuracy.high left right "<S o, v> = <o, S^T v>")

              test $"{grouping}: gradient and curvature agree with finite differences" (fun () ->
                  use plan = small grouping
                  let theta, o, v = vectorOf "theta" 19L, vectorOf "o" 4L, vectorOf "v" 4L

                  let cubic (weights: torch.Tensor) =
                      (weights * weights * weights * vectorOf "factors" 19L).sum ()

                  let f o =
                      cubic (FineTuning.apply plan 0.7 theta o)

                  near 1e-7 "gradient" (numgrad 1e-5 f o) (grad f o)
                  near 1e-5 "Hessian-vector product" (numhessianv 1e-4 f o v) (hessianv f o v)
                  let third o = (hessianv f o v).dot v
                  near 1e-6 "third derivative" (numgrad 1e-5 third o) (grad third o)

                  let ofWeights theta =
                      cubic (FineTuning.apply plan 0.7 theta o)

                  near 1e-7 "to the weights" (numgrad 1e-5 ofWeights theta) (grad ofWeights theta)

                  same
                      "the gradient is alpha S^T of theta's"
                      (FineTuning.gather plan (grad cubic (FineTuning.apply plan 0.7 theta o)) * 0.7)
                      (grad f o))

          test "the additive form is pretrained + g(z), starts at no change and can leave it" (fun () ->
              for specification in
                  [ single FixedWeightsKind.SignedPermutation "none" MappingActivation.Tanh
                    layerWise FixedWeightsKind.Hadamard "additive" MappingActivation.Identity ] do
                  use mapping = FineTuning.increment layout specification
                  let theta = vectorOf "theta" 19L
                  let start = mapping.InitialLatent().to_type torch.float64
                  same "start" theta (FineTuning.onTopOf mapping theta start)
                  let z = vectorOf "z" (int64 mapping.LatentCount)
                  same "sum" (theta + mapping.Generate z) (FineTuning.onTopOf mapping theta z)

                  let f z =
                      (FineTuning.onTopOf mapping theta z).pow(3.0.ToScalar()).sum ()

                  near 1e-7 "gradient" (numgrad 1e-5 f z) (grad f z)
                  Expect.isGreaterThan ((grad f start).norm().ToDouble()) 1e-3 "gradient at the start") ]

[<Tests>]
let refusals =
    let plan selected groups size =
        fun () ->
            (FineTuning.plan layout selected groups size WeightGrouping.Contiguous key :> System.IDisposable).Dispose()

    let zeros (count: int) =
        torch.zeros (int64 count, torch.float64)

    testList
        "fine-tuning: refusals"
        [ refuses "no tensor" "selected" "at least one" (plan [] 1 1L)
          refuses "an unknown tensor" "selected" "no tensor named 'fc9.weight'" (plan [ "fc9.weight" ] 1 1L)
          refuses "a tensor twice" "selected" "'fc.bias' is selected 2 times" (plan [ "fc.bias"; "fc.bias" ] 1 1L)
          refuses "no group" "groups" "K must be from 1 to 4: with L = 3, the 13" (plan some 0 3L)
          refuses "too many groups" "groups" "K must be from 1 to 4" (plan some 5 3L)
          refuses "a group of nothing" "groupSize" "from 1 to the number of selected weights, 13" (plan some 1 0L)
          refuses "a group of too much" "groupSize" "from 1 to" (plan some 1 14L)
          refuses "a group that is not there" "group" "from 0 to 3" (fun () ->
              (small WeightGrouping.Hashed).Position(4, 0L) |> ignore)
          refuses "a place that is not there" "place" "from 0 to 2" (fun () ->
              (small WeightGrouping.Hashed).Position(0, 3L) |> ignore)
          refuses "an o of another length" "latent" "it must be (4)" (fun () ->
              FineTuning.spread (small WeightGrouping.Hashed) (zeros 5) |> ignore)
          refuses "a vector of another length" "vector" "it must be (19)" (fun () ->
              FineTuning.gather (small WeightGrouping.Hashed) (zeros 18) |> ignore)
          refuses "weights of another length" "pretrained" "it must be (19)" (fun () ->
              FineTuning.apply (small WeightGrouping.Hashed) 1.0 (zeros 18) (zeros 4)
              |> ignore)
          refuses "weights of another precision" "pretrained" "Float32" (fun () ->
              FineTuning.apply (small WeightGrouping.Hashed) 1.0 (torch.zeros 19L) (zeros 4)
              |> ignore)
          refuses "a strength of NaN" "strength" "finite" (fun () ->
              FineTuning.apply (small WeightGrouping.Hashed) nan (zeros 19) (zeros 4)
              |> ignore)
          refuses "a strength beyond single precision" "strength" "3.4e38" (fun () ->
              FineTuning.apply (small WeightGrouping.Hashed) 1e39 (zeros 19) (zeros 4)
              |> ignore)
          refuses "an additive form of another length" "pretrained" "it must be (19)" (fun () ->
              use mapping =
                  FineTuning.increment layout (single FixedWeightsKind.Hadamard "none" MappingActivation.Identity)

              FineTuning.onTopOf mapping (zeros 18) (zeros 5) |> ignore) ]
