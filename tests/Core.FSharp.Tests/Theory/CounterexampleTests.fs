/// Examples that once broke a bound, a verdict or a promise of the docs.
module MappingNets.Core.Tests.CounterexampleTests

open System
open Expecto
open TorchSharp
open MappingNets
open MappingNets.Core
open MappingNets.Core.Tests.TensorExpectations
open MappingNets.Core.Tests.TheoremExamples

/// g with trained scales, its latent and the scales.
let private scaled activation modulation =
    let layout =
        ParameterLayout.create
            [ "a.weight", [| 9L; 2L |], 2L
              "a.bias", [| 9L |], 2L
              "b.weight", [| 3L; 9L |], 9L ]

    let mapping =
        Mapping.create
            layout
            { Mapping.singleLatent 4 with
                Seed = 5UL
                Activation = activation
                Modulations = [| modulation |]
                TrainableScale = true }

    mapping, vector [ 0.3; -0.2; 0.5; 0.1 ], vector [ 1.7; -0.4; 2.5 ]

[<Tests>]
let scales =
    let everyMapping =
        [ for activation in [ MappingActivation.Identity; MappingActivation.Tanh ] do
              yield activation, NoModulation
              yield activation, AdditiveModulation 0.3

          yield
              MappingActivation.Sine,
              Modulation.ofMatrix "tilt" (fun z -> torch.outer (torch.ones (54L, dtype = z.dtype), z.sin ())) ]

    testList
        "Counterexamples: trained scales"
        [ test "smoothness is ||J||_F^2 with the trained scales" (fun () ->
              for activation, modulation in everyMapping do
                  let mapping, z, scales = scaled activation modulation
                  let jacobian = Differentiation.jacobian (fun z -> mapping.Generate(z, scales)) z
                  let value = MappingLoss.smoothnessAtScales mapping z scales
                  near 1e-7 $"{activation}" (jacobian.square().sum ()) value
                  let ones = torch.ones_like scales

                  near
                      1e-12
                      "scales of 1"
                      (MappingLoss.smoothness mapping z)
                      (MappingLoss.smoothnessAtScales mapping z ones)

                  let slope = Differentiation.grad (MappingLoss.smoothnessAtScales mapping z) scales
                  // Quadratic in the scales, so its derivative along them is twice its value.
                  near 1e-7 "differentiable in the scales" (value * 2.0.ToScalar()) (slope.dot scales))

          test "the ball's bounds are those of g with the trained scales" (fun () ->
              for activation, modulation in
                  everyMapping
                  |> List.filter (fun (activation, _) -> activation <> MappingActivation.Sine) do
                  let mapping, z, scales = scaled activation modulation
                  use at = mapping.AtScales scales
                  near 1e-12 "the same g" (mapping.Generate(z, scales)) (at.Generate z)
                  let bound = MappingBounds.onBall at z 0.0
                  let jacobian = Differentiation.jacobian (fun z -> mapping.Generate(z, scales)) z
                  let steepest = torch.linalg.svdvals(jacobian).max().ToDouble()
                  Expect.isLessThanOrEqual steepest bound.Lipschitz $"{activation}: a bound"
                  let linearized = LinearMap.toMatrix z (Linearization.at at z).Jacobian
                  near 1e-9 "its derivative" jacobian linearized

              let mapping, z, scales = scaled MappingActivation.Identity NoModulation
              use at = mapping.AtScales scales
              let jacobian = Differentiation.jacobian (fun z -> mapping.Generate(z, scales)) z

              Expect.floatClose
                  Accuracy.high
                  (MappingBounds.onBall at z 0.0).Lipschitz
                  (torch.linalg.svdvals(jacobian).max().ToDouble())
                  "an affine g: the constant itself"

              (at :> IDisposable).Dispose()
              Expect.all (numbers (mapping.Generate z)) Double.IsFinite "the mapping outlives it")

          test "without the scales nothing is said of such a mapping" (fun () ->
              let mapping, z, scales = scaled MappingActivation.Identity NoModulation

              let refuses action =
                  raises<ArgumentException> [ "AtScales" ] action

              refuses (fun () -> MappingBounds.onBall mapping z 1.0 |> ignore)
              refuses (fun () -> MappingBounds.stability mapping z 0.1 |> ignore)
              refuses (fun () -> DifferentiableMap.ofMapping mapping |> ignore)

              raises<ArgumentException> [ "(2)"; "(3)" ] (fun () ->
                  mapping.AtScales(scales.narrow (0L, 0L, 2L)) |> ignore)

              raises<ArgumentException> [ "(2)"; "(3)" ] (fun () ->
                  MappingLoss.smoothnessAtScales mapping z (scales.narrow (0L, 0L, 2L)) |> ignore)) ]

[<Tests>]
let networks =
    testList
        "Counterexamples: networks"
        [ test "a layer that stands twice in the network moves the outputs twice" (fun () ->
              let layout = ParameterLayout.create [ "fc.weight", [| 2L; 2L |], 2L ]

              let target =
                  { Layout = layout
                    InputShape = [| 2L |]
                    Layers = [ LinearLayer "fc"; LinearLayer "fc" ] }

              let identity = vector [ 1.0; 0.0; 0.0; 1.0 ]
              let input = vector [ 1.0; 0.0 ]

              let f (theta: torch.Tensor) =
                  let weight = theta.view (2L, 2L)
                  weight.mv (weight.mv input)

              // Along W itself W^2 x grows by 2.
              let step = vector [ 1e-6; 0.0; 0.0; 0.0 ]
              let measured = norm (f (identity + step) - f identity) / norm step
              Expect.floatClose Accuracy.medium measured 2.0 "measured"
              let bound = (NetworkLipschitz.weightLipschitz target identity 1e-6 1.0).Value
              Expect.isGreaterThanOrEqual bound measured "the bound covers it")

          test "attention without queries on any input has no bound, which is infinity and not NaN" (fun () ->
              let layout =
                  ParameterLayout.create
                      [ "a.in_proj_weight", [| 6L; 2L |], 2L; "a.out_proj.weight", [| 2L; 2L |], 2L ]

              // The first two of the six rows are the queries'.
              let theta = uniform (Random 2) layout.Count
              theta.narrow(0L, 0L, 4L).zero_ () |> ignore

              let bound =
                  NetworkLipschitz.inputLipschitz
                      { Layout = layout
                        InputShape = [| 3L; 2L |]
                        Layers = [ SelfAttentionLayer("a", 1L) ] }
                      theta

              Expect.equal bound.Value infinity "the bound"
              Expect.equal bound.Status BoundStatus.NotEstablished "its status")

          test "what follows from bounds and is no number is infinite" (fun () ->
              for value in [ nan; infinity ] do
                  let bound = Bound.following [ Bound.proven 1.0 ] value
                  Expect.equal bound.Value infinity "the bound"
                  Expect.equal bound.Status BoundStatus.NotEstablished "its status"

              let unknown = Bound.following [ Bound.notEstablished "nobody knows" ] 1.0
              Expect.equal unknown.Value infinity "what follows from no bound is none")

          let convolution (weight: torch.Tensor) side stride =
              let layout = ParameterLayout.create [ "c.weight", weight.shape, 1L ]

              NetworkLipschitz.inputLipschitz
                  { Layout = layout
                    InputShape = [| weight.shape[1]; side; side |]
                    Layers = [ Conv2dLayer("c", stride, weight.shape[2] / 2L) ] }
                  (weight.reshape -1L)

          test "a convolution's bound is proportional to its weights, however large or small" (fun () ->
              let weight = (uniform (Random 2) 54L).view (2L, 3L, 3L, 3L)
              let one = convolution weight 8L 1L

              for unit in [ 1e-120; 1e-80; 1e78; 1e80; 1e120 ] do
                  let bound = convolution (weight * unit.ToScalar()) 8L 1L
                  Expect.equal bound.Status BoundStatus.Proven "a bound"
                  Expect.floatClose Accuracy.veryHigh (bound.Value / unit) one.Value $"in the unit {unit}")

          test "a convolution with as many taps as pixels keeps to its means" (fun () ->
              // Its waves at all frequencies would take 19 GB.
              let weight = torch.ones ([| 1L; 1L; 64L; 64L |], dtype = torch.float64)
              let bound = convolution weight 1024L 1L
              Expect.isGreaterThanOrEqual bound.Value 4096.0 "a window of ones adds up 4,096 pixels"
              Expect.isLessThanOrEqual bound.Value (4096.0 * 1.001) "and no more")

          test "a sampled constant in single precision stays below the true one on a small ball" (fun () ->
              let input = direction (Random 4) 5L * 3.0.ToScalar()

              let f (theta: torch.Tensor) =
                  let input = input.to_type theta.dtype
                  theta.narrow(0L, 0L, 15L).view(3L, 5L).mv input + theta.narrow (0L, 15L, 3L)

              let theta = (uniform (Random 2) 18L).to_type torch.float32

              for radius in [ 1e-6; 0.001; 1.0 ] do
                  let sampled =
                      NetworkLipschitz.sampledWeightLipschitz f theta radius (CounterHash.ofSeed 3UL) 20

                  Expect.isLessThanOrEqual sampled (sqrt 10.0 * (1.0 + 1e-9)) $"radius {radius}"
                  Expect.isGreaterThan sampled (sqrt 10.0 * 0.9999) $"radius {radius}: and finds it") ]

[<Tests>]
let modulations =
    testList
        "Counterexamples: modulations"
        [ test "a custom modulation whose M(z) x is not (P) is refused by name" (fun () ->
              let layout = ParameterLayout.create [ "a.weight", [| 8L |], 4L ]

              let generate apply =
                  let mapping =
                      Mapping.create
                          layout
                          { Mapping.singleLatent 3 with
                              Modulations =
                                  [| CustomModulation
                                         { Name = "bent"
                                           Apply = apply
                                           RowMean = fun z -> z.sum () } |] }

                  let z = vector [ 0.1; 0.2; 0.3 ]

                  mapping, z

              let refuses parts apply act =
                  raises<ArgumentException> ("'bent'" :: parts) (fun () ->
                      let mapping, z = generate apply
                      use _ = mapping
                      act mapping z)

              let one (_: torch.Tensor) (x: torch.Tensor) = x.sum().unsqueeze 0L
              let column (_: torch.Tensor) (x: torch.Tensor) = x.sum().expand (8L, 1L)
              let fits (_: torch.Tensor) (x: torch.Tensor) = x.sum().expand 8L

              refuses [ "(1)"; "(8)" ] one (fun mapping z -> mapping.Generate z |> ignore)
              refuses [ "(8, 1)"; "(8)" ] column (fun mapping z -> mapping.PreActivation z |> ignore)
              refuses [ "(1)"; "(8)" ] one (fun mapping z -> Linearization.at mapping z |> ignore)
              refuses [ "()"; "(3)" ] fits (fun mapping z -> MappingLoss.alignment mapping z |> ignore)) ]
