module MappingNets.Core.Tests.FluentTests

open System
open Expecto
open TorchSharp
open MappingNets
open MappingNets.Core
open MappingNets.Core.Tests.MappingExamples
open MappingNets.Core.Tests.Refusals
open MappingNets.Core.Tests.TensorExpectations

let private start = MappingDescription.For layout

/// g at a fixed latent, which tells mappings apart.
let private weightsOf (mapping: Mapping) =
    use mapping = mapping
    mapping.Generate(torch.linspace (0.1, 0.9, int64 mapping.LatentCount, torch.float64))

[<Tests>]
let tests =
    testList
        "fluent description"
        [ test "the steps build what the record builds" (fun () ->
              let phase = torch.ones (19L, 5L) * 0.25

              let waves =
                  Func<torch.Tensor, torch.Tensor>(fun (z: torch.Tensor) -> (phase.``to`` z.dtype + z).sin ())

              let same name (described: MappingDescription) specification =
                  same name (weightsOf (Mapping.create layout specification)) (weightsOf (described.Build()))

              let plain = Mapping.singleLatent 5

              same "SLVT" (start.SingleLatent 5) plain

              same
                  "everything"
                  (start
                      .LayerWise(struct ("conv1", 3), struct ("fc", 4))
                      .WithSeed(7UL)
                      .WithFixedWeights(FixedWeightsKind.Hadamard)
                      .WithAdditiveModulation(0.3)
                      .WithActivation(MappingActivation.Tanh)
                      .WithBias(MappingBias.Zero)
                      .WithScales(1.0, 2.0, 3.0, 4.0)
                      .StartingWithin(0.5))
                  { plain with
                      Split = LayerWise [| "conv1", 3; "fc", 4 |]
                      Seed = 7UL
                      FixedWeights = FixedWeightsKind.Hadamard
                      Modulations = [| AdditiveModulation 0.3 |]
                      Activation = MappingActivation.Tanh
                      Bias = MappingBias.Zero
                      Scale = ExplicitScale [| 1.0; 2.0; 3.0; 4.0 |]
                      Start = UniformStart 0.5 }

              same
                  "the power rule, its default exponent and a gain"
                  (start.LayerWise(9).WithGain(2.0))
                  { plain with
                      Split = LatentSplit.byPower 0.25 9 layout
                      Scale = FanInScale 2.0 }

              same
                  "a function of the user"
                  (start.SingleLatent(5).WithModulation("waves", waves))
                  { plain with
                      Modulations = [| Modulation.ofMatrix "waves" waves.Invoke |] })

          test "without a step there is one latent for each 53 weights and at least one" (fun () ->
              let large = ParameterLayout.create [ "w", [| 530L |], 1L ]
              use ten = MappingDescription.For(large).Build()
              use one = start.Build()
              Expect.equal (ten.LatentCount, one.LatentCount) (10, 1) "d")

          test "a description and its mapping read as one line" (fun () ->
              let described =
                  start.SingleLatent(5).WithSeed(7UL).WithAdditiveModulation(0.01).WithTrainableScales()

              let choices =
                  "SLVT, d = 5, SignedPermutation weights of seed 7, modulation additive(0.01), activation Identity, "
                  + "bias Uniform, gain 1, trainable scales, start at 0 -> "

              use mapping = described.Build()
              Expect.equal (string described) (choices + "the target network, P = 19") "description"
              Expect.equal (string mapping) (choices + "P = 19") "mapping") ]

[<Tests>]
let refusals =
    let nobody value =
        { Mapping.singleLatent 3 with
            Activation = enum<MappingActivation> value }

    testList
        "fluent description refuses"
        [ refuses "no layout" "layout" "null" (fun () ->
              MappingDescription.For(Unchecked.defaultof<ParameterLayout>) |> ignore)
          refuses
              "d above P"
              "latents"
              "d of the target network must be from 1 to its number of weights P, 19"
              (fun () -> start.SingleLatent 20 |> ignore)
          refuses "a map for several latents" "specification" "for a single latent" (fun () ->
              start.LayerWise(4).WithLinearModulation(torch.zeros (19L, 2L, 2L)).Build()
              |> ignore)
          refuses "an activation of no kind in a record" "specification" "no such activation" (fun () ->
              Mapping.create layout (nobody 9) |> ignore)
          refuses "a bias of no kind in a record" "specification" "no such bias" (fun () ->
              Mapping.create
                  layout
                  { nobody 0 with
                      Bias = enum<MappingBias> 9 }
              |> ignore)
          refuses "fixed weights of no kind" "kind" "no such kind of fixed weights" (fun () ->
              FixedWeights.create (enum<FixedWeightsKind> 9) (CounterHash.ofSeed 1UL) 9L 3
              |> ignore)
          refuses "groups of no kind" "grouping" "no such grouping" (fun () ->
              FineTuning.plan layout [ "fc.weight" ] 2 1L (enum<WeightGrouping> 9) (CounterHash.ofSeed 1UL)
              |> ignore)
          refuses "a gradient of another precision than z's" "gradient" "The gradient is Float64" (fun () ->
              use mapping = start.SingleLatent(3).Build()

              mapping.Pullback(torch.zeros 3L, torch.zeros (19L, torch.float64)) |> ignore)
          // Weights are single precision, where it is infinity: times a z of 0 that is no number.
          refuses "an alpha beyond single precision" "alpha" "3.4e38" (fun () ->
              start.WithAdditiveModulation 1e39 |> ignore)
          refuses "a gain beyond single precision" "gain" "3.4e38" (fun () -> start.WithGain 1e39 |> ignore)
          refuses "a gain that is 0 there" "gain" "1.5e-45" (fun () -> start.WithGain 1e-46 |> ignore)
          refuses "an amplitude beyond single precision" "amplitude" "3.4e38" (fun () ->
              start.StartingWithin 1e39 |> ignore)
          refuses "a start that is 0 there, without a bias" "specification" "the target cannot learn" (fun () ->
              start.WithBias(MappingBias.Zero).StartingWithin(1e-46).Build() |> ignore)
          refuses "a map beyond single precision" "map" "finite" (fun () ->
              start.WithLinearModulation(torch.full ([| 19L; 2L; 2L |], (1e39).ToScalar(), torch.float64))
              |> ignore) ]
