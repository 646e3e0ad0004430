/// Examples that once broke a bound, a verdict or a promise of the docs.
module MappingNets.Core.Tests.CounterexampleTests

open System
open Expecto
open TorchSharp
open MappingNets
open MappingNets.Core
open MappingNets.Core.Tests.TensorExpectations
open MappingNets.Core.Tests.TheoremExamples

let private certify = Solvability.certify Solvability.defaults

/// The map z -> matrix z.
let private linearMap (matrix: torch.Tensor) =
    { DifferentiableMap.ofFunction (int matrix.shape[1]) matrix.shape[0] (fun z -> matrix.mv z) with
        Derivative = fun _ -> LinearMap.ofMatrix matrix }

/// A matrix (rows, columns) with these singular values.
let private withSingularValues (random: Random) (rows: int64) (values: float[]) =
    let columns = int64 values.Length

    let orthonormal (height: int64) =
        let struct (q, _) =
            torch.linalg.qr ((uniform random (height * columns)).view (height, columns))

        q

    (orthonormal rows * torch.tensor values).mm ((orthonormal columns).t ())

/// z -> (exp z, exp(2 z) / 2): the derivative grows along it.
let private growing =
    DifferentiableMap.ofFunction 1 2L (fun z ->
        torch.cat ([| z.exp (); (z * 2.0.ToScalar()).exp () * 0.5.ToScalar() |], 0L))

let private slopeOfGrowing (z: torch.Tensor) =
    let at = z[0L].ToDouble()
    vector [ exp at; exp (2.0 * at) ]

[<Tests>]
let solvability =
    testList
        "Counterexamples: solvability"
        [ for latents in [ 60L; 200L ] do
              test $"two equal columns among {latents} are found" (fun () ->
                  let matrix = (uniform (Random 2) (300L * latents)).view (300L, latents)
                  matrix.select(1L, 7L).copy_ (matrix.select (1L, 3L)) |> ignore
                  let start = torch.zeros (latents, dtype = torch.float64)

                  raises<InvalidOperationException> [ "singular" ] (fun () ->
                      certify (linearMap matrix) start (uniform (Random 3) 300L) |> ignore))

          test "least squares that stop early at condition 1e6 are flagged, and their error is bounded" (fun () ->
              let values = Array.init 60 (fun index -> Math.Pow(10.0, -6.0 * float index / 59.0))
              let matrix = withSingularValues (Random 2) 80L values
              let start = torch.zeros (60L, dtype = torch.float64)
              // In the range of A: nothing is unreachable.
              let target = matrix.mv (uniform (Random 3) 60L)

              let certify steps =
                  Solvability.certify
                      { Solvability.defaults with
                          LeastSquaresIterations = steps
                          MaximumIterations = 1 }
                      (linearMap matrix)
                      start
                      target

              let early = certify 40
              Expect.isFalse early.Facts.LinearStepConverged "it stopped early"
              Expect.isGreaterThan early.Facts.UnreachableNorm 1e-7 "and left something of what can be reached"
              Expect.equal early.Facts.PartsStatus BoundStatus.Estimated "so the parts are estimates"
              let error = Expect.wantSome early.Facts.ReachableError "a bound of the error"
              Expect.isLessThanOrEqual (norm (early.Facts.Reachable - target)) error "the bound holds"
              Expect.isFalse early.Global.LinearStepsConverged "the phases say so too"
              let late = certify 5000
              Expect.isTrue late.Facts.LinearStepConverged "it converges"
              Expect.equal late.Facts.PartsStatus BoundStatus.Proven "then the parts are proven"
              Expect.isLessThan late.Facts.UnreachableNorm 1e-9 "everything is reached"
              let lowest = Expect.wantSome late.Facts.SmallestSingular "sigma_min"
              Expect.isLessThanOrEqual lowest 1e-6 "from below"
              Expect.isGreaterThan lowest 0.9e-6 "and close")

          test "a smallest singular value that rounding could hide is not established" (fun () ->
              // Too many rows for a decomposition, and A^T A rounds the square of 1e-7 away.
              let rows, columns = 80_000L, 60L
              let values = torch.linspace (0.5, 2.0, columns, dtype = torch.float64)
              values.narrow(0L, 11L, 1L).fill_ (1e-7.ToScalar()) |> ignore
              let rest = torch.zeros (rows - columns, dtype = torch.float64)

              let map =
                  { Rows = rows
                    Columns = columns
                    Apply = fun v -> torch.cat ([| values * v; rest |], 0L)
                    TransposeApply = fun u -> values * u.narrow (0L, 0L, columns) }

              let certificate =
                  certify
                      { DifferentiableMap.ofFunction 60 rows map.Apply with
                          Derivative = fun _ -> map }
                      (torch.zeros (columns, dtype = torch.float64))
                      (uniform (Random 3) rows)

              Expect.isNone certificate.Facts.SmallestSingular "sigma_min"
              Expect.isNone certificate.Facts.ReachableError "no bound"
              Expect.equal certificate.Facts.PartsStatus BoundStatus.Estimated "an estimate")

          test "the descent's step is 1 / ||J||^2 with J where it stands: Gauss-Newton's, with one latent" (fun () ->
              let start, target = vector [ 0.1 ], vector [ exp 1.0; exp 2.0 / 2.0 ]

              let walk method =
                  (Solvability.certify
                      { Solvability.defaults with
                          Method = method
                          MaximumIterations = 5 }
                      growing
                      start
                      target)
                      .Global.Residuals

              for newton, descent in Array.zip (walk GaussNewton) (walk GradientDescent) do
                  Expect.floatClose Accuracy.high descent newton "residuals")

          test "the stationary residual is divided by ||J|| at z*" (fun () ->
              let target = vector [ 4.0; 1.0 ]

              let certificate =
                  Solvability.certify
                      { Solvability.defaults with
                          MaximumIterations = 2 }
                      growing
                      (vector [ 0.1 ])
                      target

              let slope = slopeOfGrowing certificate.Latent
              let residual = target - growing.Evaluate certificate.Latent
              let expected = abs ((slope.dot residual).ToDouble()) / norm slope
              Expect.isGreaterThan expected 1e-4 "not stationary yet"
              Expect.floatClose Accuracy.high certificate.Facts.StationaryResidual expected "the ratio")

          property 60 "C_2's ball holds the ends of both phases" (fun random ->
              use mapping =
                  curved
                      MappingActivation.Tanh
                      (AdditiveModulation 0.3)
                      (random.NextInt64(10L, 40L))
                      (random.Next(1, 6))

              let z0 = startOf mapping

              let target =
                  uniform random mapping.Layout.Count * (3.0 * random.NextDouble()).ToScalar()

              let certificate = certify (DifferentiableMap.ofMapping mapping) z0 target

              for phase in [ certificate.Local; certificate.Global ] do
                  if phase.Converged then
                      Expect.isGreaterThanOrEqual certificate.Assumptions.Radius (norm (phase.Latent - z0)) "the ball")

          test "a verdict does not depend on the unit of the weights" (fun () ->
              for unit in [ 1e-12; 1.0; 1e12 ] do
                  let circle (z: torch.Tensor) =
                      torch.cat ([| z.cos (); z.sin () |], 0L) * (unit: float).ToScalar()

                  let verdict constant =
                      (Solvability.certify
                          { Solvability.defaults with
                              RemainderConstant = Some(constant * unit) }
                          (DifferentiableMap.ofFunction 1 2L circle)
                          (vector [ 0.3 ])
                          (circle (vector [ 0.5 ])))
                          .Facts.QuadraticBoundHeld

                  Expect.equal (verdict 0.5) (Some true) $"unit {unit}: a circle has C_2 = r / 2"
                  Expect.equal (verdict 0.05) (Some false) $"unit {unit}: a tenth of it is too small")

          test "a curvature that the chart's author states is assumed, not proven" (fun () ->
              let chart =
                  Chart.create "line" (vector [ 0.0 ]) 1.0 2L (fun z -> torch.cat ([| z; z.square () |], 0L))
                  |> Chart.withCurvature 2.0

              let certificate =
                  certify ((Manifold.create [ chart ]).ToMap()) (vector [ 0.1 ]) (vector [ 0.2; 0.04 ])

              Expect.equal certificate.Assumptions.Source Stated "stated"
              Expect.equal certificate.Facts.QuadraticBoundHeld (Some true) "and used")

          test "small latents are not taken for negligible ones" (fun () ->
              let bend (z: torch.Tensor) =
                  torch.cat ([| z * 1e9.ToScalar(); (z * 1e9.ToScalar()).square () |], 0L)

              let certificate =
                  certify (DifferentiableMap.ofFunction 1 2L bend) (vector [ 1e-13 ]) (bend (vector [ 1e-9 ]))

              near 1e-9 "z*" (vector [ 1.0 ]) (certificate.Latent * 1e9.ToScalar())) ]

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
                      1e-7
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
                  use mapping =
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
                      act mapping z)

              let one (_: torch.Tensor) (x: torch.Tensor) = x.sum().unsqueeze 0L
              let column (_: torch.Tensor) (x: torch.Tensor) = x.sum().expand (8L, 1L)
              let fits (_: torch.Tensor) (x: torch.Tensor) = x.sum().expand 8L

              refuses [ "(1)"; "(8)" ] one (fun mapping z -> mapping.Generate z |> ignore)
              refuses [ "(8, 1)"; "(8)" ] column (fun mapping z -> mapping.PreActivation z |> ignore)
              refuses [ "(1)"; "(8)" ] one (fun mapping z -> Linearization.at mapping z |> ignore)
              refuses [ "()"; "(3)" ] fits (fun mapping z -> MappingLoss.alignment mapping z |> ignore)) ]
