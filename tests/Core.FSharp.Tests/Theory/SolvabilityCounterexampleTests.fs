/// Examples that once broke a verdict on solvability.
module MappingNets.Core.Tests.SolvabilityCounterexampleTests

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
        Derivative = fun _ -> LinearMap.ofMatrix matrix
        // It is stored.
        DerivativeRounding = Some(fun _ -> 0.0) }

/// The certificate of a map whose matrix is a symmetric block, as a function, above rows of 0: of sizes that no one stores.
let private certifyBlock (rows: int64) (columns: int64) (block: torch.Tensor -> torch.Tensor) =
    let rest = torch.zeros (rows - columns, dtype = torch.float64)

    let map =
        { Rows = rows
          Columns = columns
          Apply = fun v -> torch.cat ([| block v; rest |], 0L)
          TransposeApply = fun u -> block (u.narrow (0L, 0L, columns)) }

    certify
        { DifferentiableMap.ofFunction (int columns) rows map.Apply with
            Derivative = fun _ -> map
            DerivativeRounding = Some(fun _ -> 0.0) }
        (torch.zeros (columns, dtype = torch.float64))
        (uniform (Random 3) rows)

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
              let certificate = certifyBlock rows columns (fun v -> values * v)

              Expect.isNone certificate.Facts.SmallestSingular "sigma_min"
              Expect.isNone certificate.Facts.ReachableError "no bound"
              Expect.equal certificate.Facts.PartsStatus BoundStatus.Estimated "an estimate")

          test "the bound of the reachable part counts a norm that Lanczos does not see" (fun () ->
              // Too many rows for a decomposition, and the start of Lanczos is a singular vector: it ends there, at 1 instead of 30.
              let rows, columns, largest = 80_000L, 60L, 30.0
              let key = CounterHash.named "solvability" (CounterHash.ofSeed 0UL)

              let start =
                  vector [ for index in 0 .. int columns - 1 -> CounterHash.normal key (uint64 index) ]

              let seen = start / start.norm ()

              let stretch (v: torch.Tensor) =
                  v * largest.ToScalar() + seen * ((seen.dot v) * (1.0 - largest).ToScalar())

              let certificate = certifyBlock rows columns stretch

              Expect.floatClose Accuracy.high certificate.Estimates.Singular.Largest 1.0 "what Lanczos sees"
              Expect.equal certificate.Facts.PartsStatus BoundStatus.Proven "proven all the same"
              let lowest = Expect.wantSome certificate.Facts.SmallestSingular "sigma_min"
              let error = Expect.wantSome certificate.Facts.ReachableError "a bound of the error"
              // A^T u sums as many products as there are rows.
              Expect.isGreaterThanOrEqual
                  (error * lowest)
                  (Rounding.gamma (float rows) * largest * certificate.Facts.Residual)
                  "with the true norm")

          test "sigma_min of a saturated tanh is not certified above the true one" (fun () ->
              use mapping = MappingExamples.plainTanh ()

              for size in [ 0.3; 2.0; 9.7; 15.0; 17.158 ] do
                  let z = vector [ size; -size; size; size ]
                  // A is a signed permutation times the slope, which is 1 / cosh^2.
                  let slope = 1.0 / (cosh size * cosh size)

                  let facts =
                      (certify (DifferentiableMap.ofMapping mapping) z (mapping.Generate z)).Facts

                  let lowest = Expect.wantSome facts.SmallestSingular "sigma_min"
                  Expect.isLessThanOrEqual lowest slope $"|z| = {size}: at most"
                  Expect.isGreaterThan lowest (0.999 * slope) $"|z| = {size}: close"
                  Expect.equal facts.PartsStatus BoundStatus.Proven "proven")

          test "nothing is proven of a derivative whose own rounding nobody knows" (fun () ->
              let facts = (certify growing (vector [ 0.1 ]) (vector [ 4.0; 1.0 ])).Facts
              Expect.isNone facts.SmallestSingular "sigma_min"
              Expect.isNone facts.ReachableError "no bound"
              Expect.equal facts.PartsStatus BoundStatus.Estimated "an estimate")

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

          property "C_2's ball holds the ends of both phases" (fun random ->
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

          property "a modulation that cancels itself refutes no proven C_2" (fun random ->
              let half = array2D [ [ 0.0; 1e4 ]; [ -1e4; 0.0 ] ]
              let rows = torch.tensor(half, dtype = torch.float64).expand(4L, 2L, 2L).clone ()

              use mapping =
                  Mapping.create
                      (ParameterLayout.create [ "a.weight", [| 4L |], 1L ])
                      { Mapping.singleLatent 2 with
                          Modulations = [| LinearModulation rows |]
                          Scale = ExplicitScale [| 1.0 |]
                          Bias = MappingBias.Zero
                          Start = UniformStart 1.0 }

              let start = direction random 2L
              let target = mapping.Generate(start + uniform random 2L)
              let map = DifferentiableMap.ofMapping mapping
              let certificate = certify map start target
              let facts = certificate.Facts
              Expect.equal certificate.Assumptions.Source ClosedForm "C_2 is proven"
              Expect.equal certificate.Assumptions.RemainderConstant (Some 0.0) "z^T B z is 0"
              Expect.equal facts.QuadraticBoundHeld (Some true) "what the first step leaves is rounding"
              Expect.isLessThanOrEqual certificate.Estimates.ObservedRemainder 0.0 "and no curvature"
              Expect.isLessThan facts.Rounding 1e-8 "of the size of its parts"

              // Theorem 1 measures the distance with the same g.
              let conclusion =
                  (MappingTheorem.certify
                      Solvability.defaults
                      { Map = map
                        Start = start
                        Target = target
                        Loss = fun theta -> theta.sum ()
                        Epsilon = 2e-11
                        LossLipschitz = StatedConstant 2.0
                        WeightLipschitz = StatedConstant 1.0 })
                      .Conclusion

              Expect.notEqual conclusion HoldsByTheorem "no distance is known to 1e-11")

          property "short steps of an affine g show no curvature" (fun random ->
              use mapping = curved MappingActivation.Identity NoModulation 40L 6
              let z0 = startOf mapping
              let size = Math.Pow(10.0, -3.0 - 6.0 * random.NextDouble())
              let target = mapping.Generate(z0 + direction random 6L * size.ToScalar())
              let certificate = certify (DifferentiableMap.ofMapping mapping) z0 target
              Expect.equal certificate.Assumptions.RemainderConstant (Some 0.0) "C_2"
              Expect.equal certificate.Estimates.ObservedRemainder 0.0 "a lower bound of it")

          test "small latents are not taken for negligible ones" (fun () ->
              let bend (z: torch.Tensor) =
                  torch.cat ([| z * 1e9.ToScalar(); (z * 1e9.ToScalar()).square () |], 0L)

              let certificate =
                  certify (DifferentiableMap.ofFunction 1 2L bend) (vector [ 1e-13 ]) (bend (vector [ 1e-9 ]))

              near 1e-9 "z*" (vector [ 1.0 ]) (certificate.Latent * 1e9.ToScalar())) ]
