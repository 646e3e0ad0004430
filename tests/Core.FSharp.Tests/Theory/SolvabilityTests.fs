module MappingNets.Core.Tests.SolvabilityTests

open System
open Expecto
open TorchSharp
open MappingNets
open MappingNets.Core
open MappingNets.Core.Tests.TensorExpectations
open MappingNets.Core.Tests.TheoremExamples

let private options = Solvability.defaults

[<Tests>]
let tests =
    testList
        "Solvability"
        [ for activation, modulation in
              [ MappingActivation.Tanh, AdditiveModulation 0.05
                MappingActivation.Sine, NoModulation
                MappingActivation.Identity, AdditiveModulation 0.2
                MappingActivation.Tanh, swirl ] do
              test
                  $"theta* = g(z_true) is recovered to 1e-5 at second order: {activation}, {Modulation.describe modulation}"
                  (fun () ->
                      use mapping = curved activation modulation 40L 6
                      let z0 = startOf mapping
                      let truth = z0 + direction (Random 8) 6L * 0.3.ToScalar()

                      let certificate =
                          Solvability.certify options (DifferentiableMap.ofMapping mapping) z0 (mapping.Generate truth)

                      near 1e-5 "z*" truth certificate.Latent
                      Expect.isTrue certificate.Local.Converged "the contraction converged"
                      near 1e-5 "the contraction's fixed point" truth certificate.Local.Latent
                      Expect.isLessThan certificate.Estimates.ContractionFactor 0.6 "it contracts"
                      Expect.isLessThan certificate.Facts.Distance 1e-9 "distance"
                      let order = Expect.wantSome certificate.Estimates.Order "an order"

                      Expect.isTrue
                          (order > 1.7 && order < 2.4)
                          $"the order is {order}: {certificate.Global.StepLengths}"

                      match certificate.Assumptions.Source with
                      | ClosedForm ->
                          Expect.equal certificate.Facts.QuadraticBoundHeld (Some true) "the quadratic bound"
                          let constant = Expect.wantSome certificate.Assumptions.RemainderConstant "C_2"

                          Expect.isLessThanOrEqual
                              certificate.Estimates.ObservedRemainder
                              (constant * (1.0 + 1e-6))
                              "C_2 bounds what was met"

                          Expect.isGreaterThan
                              certificate.Estimates.ObservedRemainder
                              (constant / 100.0)
                              "C_2 is not absurd"
                      | other ->
                          Expect.equal other Unknown "nothing is known of a custom modulation"
                          Expect.isNone certificate.Facts.QuadraticBoundHeld "so nothing is claimed")

          property "an affine g: the distance reached is the unreachable part, in one step" (fun random ->
              use mapping =
                  curved MappingActivation.Identity NoModulation (random.NextInt64(10L, 60L)) (random.Next(1, 8))

              let z0 = startOf mapping
              let target = uniform random mapping.Layout.Count

              let certificate =
                  Solvability.certify options (DifferentiableMap.ofMapping mapping) z0 target

              let matrix = LinearMap.toMatrix z0 (Linearization.at mapping z0).Jacobian
              let residual = target - mapping.Generate z0
              let reachable = matrix.mv (torch.linalg.pinv(matrix).mv residual)
              same "A A^+ r" reachable certificate.Facts.Reachable
              same "(I - A A^+) r" (residual - reachable) certificate.Facts.Unreachable

              Expect.floatClose
                  Accuracy.high
                  certificate.Facts.Distance
                  certificate.Facts.UnreachableNorm
                  "the distance"

              Expect.isLessThan certificate.Facts.FirstStepRemainder 1e-12 "no curvature"
              Expect.isLessThanOrEqual certificate.Global.StepLengths.Length 2 "one step, and one of rounding")

          test "a curved g: theta* off the manifold by a normal vector is reached up to that vector" (fun () ->
              use mapping = curved MappingActivation.Tanh (AdditiveModulation 0.05) 40L 6
              let z0 = startOf mapping
              let truth = z0 + direction (Random 8) 6L * 0.2.ToScalar()
              // A vector orthogonal to the tangent space at z_true: then g(z_true) is the nearest point.
              let tangent = LinearMap.toMatrix z0 (Linearization.at mapping truth).Jacobian
              let any = uniform (Random 9) mapping.Layout.Count
              let struct (basis, _) = torch.linalg.qr tangent
              let normal = any - basis.mv (basis.t().mv any)
              let offset = normal / normal.norm () * 0.05.ToScalar()

              let certificate =
                  Solvability.certify
                      options
                      (DifferentiableMap.ofMapping mapping)
                      z0
                      (mapping.Generate truth + offset)

              Expect.floatClose Accuracy.medium certificate.Facts.Distance 0.05 "the distance is the normal part"

              Expect.isLessThan
                  (abs (certificate.Facts.UnreachableNorm - 0.05))
                  0.01
                  "the unreachable part at z_0 is close to it"

              near 1e-5 "z*" truth certificate.Latent
              Expect.isLessThan certificate.Facts.StationaryResidual 1e-6 "no direction comes closer"
              Expect.isLessThan certificate.Facts.FixedPointResidual 1e-9 "Phi's fixed point is orthogonal to range(A)")

          test "the displacement bound is computed and compared, and fails where theta* is far" (fun () ->
              use mapping = curved MappingActivation.Sine NoModulation 40L 6
              let z0 = startOf mapping
              let far = z0 + direction (Random 8) 6L * 0.5.ToScalar()
              let map = DifferentiableMap.ofMapping mapping

              let certify delta target =
                  (Solvability.certify { options with Delta = Some delta } map z0 (mapping.Generate target)).Facts

              let missed = certify 1e-6 far
              Expect.equal missed.DisplacementBoundHeld (Some false) "delta is small and theta* far: not held"
              Expect.isLessThan missed.Distance 1e-6 "though theta* is reached"
              let held = certify 10.0 far
              Expect.equal held.DisplacementBoundHeld (Some true) "a generous delta"

              Expect.floatClose
                  Accuracy.high
                  (held.DisplacementBound.Value / missed.DisplacementBound.Value)
                  (sqrt 1e7)
                  "sqrt(delta / C_2)")

          test "gradient descent walks the same way at first order" (fun () ->
              use mapping = curved MappingActivation.Tanh (AdditiveModulation 0.02) 48L 4
              let z0 = startOf mapping
              let truth = z0 + direction (Random 8) 4L * 0.2.ToScalar()

              let certificate =
                  Solvability.certify
                      { options with
                          Method = GradientDescent
                          MaximumIterations = 400 }
                      (DifferentiableMap.ofMapping mapping)
                      z0
                      (mapping.Generate truth)

              near 1e-5 "z" truth certificate.Global.Latent
              let order = Expect.wantSome certificate.Estimates.Order "an order"
              Expect.isTrue (abs (order - 1.0) < 0.2) $"the order is {order}"

              Expect.isTrue
                  (certificate.Global.Residuals
                   |> Array.pairwise
                   |> Array.forall (fun (a, b) -> b < a))
                  "it falls")

          test "any function goes: a helix, by autograd" (fun () ->
              let helix (z: torch.Tensor) =
                  torch.cat ([| z.cos (); z.sin (); z * 0.5.ToScalar() |], 0L)

              let map = DifferentiableMap.ofFunction 1 3L helix
              let start, truth = vector [ 0.3 ], vector [ 0.5 ]

              let certificate =
                  Solvability.certify
                      { options with
                          RemainderConstant = Some 0.5
                          Delta = Some 0.1 }
                      map
                      start
                      (helix truth)

              near 1e-7 "z*" truth certificate.Latent
              Expect.equal certificate.Assumptions.Source Stated "C_2 as stated"
              Expect.equal certificate.Facts.QuadraticBoundHeld (Some true) "a circle of radius 1 has C_2 = 1/2"
              Expect.equal certificate.Facts.DisplacementBoundHeld (Some true) "0.2 is below sqrt(0.1 / 0.5)")

          test "an end that only rounding tells from a stationary point counts as one" (fun () ->
              // Off the image, both phases end at one place, and which of them is nearer by a last bit is chance.
              for seed in 1..60 do
                  let random = Random seed
                  let matrix = (uniform random 4_000L).reshape (200L, 20L)
                  let bent (z: torch.Tensor) = z + z.sin () * 1e-8.ToScalar()

                  let certificate =
                      Solvability.certify
                          options
                          (DifferentiableMap.ofFunction 20 200L (matrix.mv >> bent))
                          (uniform random 20L)
                          (uniform random 200L)

                  Expect.isTrue certificate.Global.Converged "Gauss-Newton"
                  Expect.isLessThan certificate.Facts.StationaryResidual 1e-6 "nothing comes closer"
                  Expect.isTrue certificate.Facts.HasConverged $"seed {seed}")

          test "an end of the contraction that is nearer than Gauss-Newton's need be no stationary point" (fun () ->
              let certify (shift: float) start target =
                  let waves (z: torch.Tensor) =
                      torch.cat ([| z.sin (); (z + shift.ToScalar()).sin () |], 0L)

                  let certificate =
                      Solvability.certify
                          options
                          (DifferentiableMap.ofFunction 1 2L waves)
                          (vector [ start ])
                          (vector target)

                  same "z* is the contraction's end" certificate.Local.Latent certificate.Latent
                  certificate

              // The first ends where A^T (theta* - g) = 0 with A at z_0, the second nowhere: its steps go on for ever.
              for shift, start, target, hasFixedPoint in
                  [ 0.3, -1.2, [ 0.5; 1.0 ], true; 0.4, 1.2, [ -0.5; 0.0 ], false ] do
                  let certificate = certify shift start target
                  Expect.equal certificate.Local.Converged hasFixedPoint "the contraction"
                  Expect.isTrue certificate.Global.Converged "Gauss-Newton, farther away"
                  Expect.isGreaterThan certificate.Facts.StationaryResidual 0.05 "another z comes closer than z*"
                  Expect.isFalse certificate.Facts.HasConverged "so z* is not where the search was to end"

              let met = certify 0.1 -1.0 [ sin 1.0; sin 1.1 ]
              near 1e-9 "theta* = g(1)" (vector [ 1.0 ]) met.Latent
              Expect.isTrue met.Facts.HasConverged "none comes closer")

          test "a singular A is refused by name" (fun () ->
              let flat (z: torch.Tensor) =
                  torch.stack ([| z[0L] + z[1L]; z[0L] + z[1L]; (z[0L] + z[1L]).sin () |], 0L)

              let map = DifferentiableMap.ofFunction 2 3L flat

              let certify () =
                  Solvability.certify options map (vector [ 0.1; 0.2 ]) (vector [ 1.0; 1.0; 1.0 ])
                  |> ignore

              raises<InvalidOperationException> [ "singular"; "z_0" ] certify)

          test "bad input is refused by name" (fun () ->
              use mapping = curved MappingActivation.Identity NoModulation 40L 6
              let map = DifferentiableMap.ofMapping mapping
              let z0, theta = startOf mapping, torch.zeros (47L, dtype = torch.float64)

              let refuses parts options start target =
                  raises<ArgumentException> parts (fun () -> Solvability.certify options map start target |> ignore)

              let hole = theta.clone ()
              hole[3L] <- torch.tensor nan
              refuses [ "target"; "Element 3"; "NaN" ] options z0 hole
              refuses [ "target"; "(46)"; "(47)" ] options z0 (theta.narrow (0L, 0L, 46L))
              refuses [ "start"; "(5)"; "(6)" ] options (z0.narrow (0L, 0L, 5L)) theta
              refuses [ "start"; "Element 0" ] options (z0 / 0.0.ToScalar()) theta
              refuses [ "Tolerance"; "0" ] { options with Tolerance = 0.0 } z0 theta
              refuses [ "Delta"; "-1" ] { options with Delta = Some -1.0 } z0 theta

              refuses
                  [ "RemainderConstant" ]
                  { options with
                      RemainderConstant = Some nan }
                  z0
                  theta

              refuses [ "MaximumIterations" ] { options with MaximumIterations = 0 } z0 theta
              let broken = DifferentiableMap.ofFunction 1 1L (fun z -> z.log ())

              raises<ArgumentException> [ "g(z_0)" ] (fun () ->
                  Solvability.certify options broken (vector [ -1.0 ]) (vector [ 1.0 ]) |> ignore))

          test "CNN2's size: 108,618 weights from 2,048 latents" (fun () ->
              let layout =
                  ParameterLayout.create
                      [ "conv1.weight", [| 16L; 1L; 3L; 3L |], 9L
                        "conv1.bias", [| 16L |], 9L
                        "conv2.weight", [| 32L; 16L; 3L; 3L |], 144L
                        "conv2.bias", [| 32L |], 144L
                        "fc1.weight", [| 128L; 800L |], 800L
                        "fc1.bias", [| 128L |], 800L
                        "fc2.weight", [| 10L; 128L |], 128L
                        "fc2.bias", [| 10L |], 128L ]

              use mapping =
                  Mapping.create
                      layout
                      { Mapping.singleLatent 2048 with
                          Activation = MappingActivation.Tanh
                          Modulations = [| AdditiveModulation 1e-4 |] }

              let z0 = uniform (Random 3) 2048L * 0.5.ToScalar()
              let truth = z0 + uniform (Random 4) 2048L * 0.03.ToScalar()

              let certificate =
                  Solvability.certify options (DifferentiableMap.ofMapping mapping) z0 (mapping.Generate truth)

              near 1e-6 "z*" truth certificate.Latent
              let order = Expect.wantSome certificate.Estimates.Order "an order"

              Expect.isTrue
                  (order > 1.7 && order < 2.4)
                  $"the order is {order}: {certificate.Global.StepLengths |> Array.toList} {certificate.Global.Residuals |> Array.toList}"

              Expect.equal certificate.Facts.QuadraticBoundHeld (Some true) "the quadratic bound") ]
