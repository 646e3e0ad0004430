/// Examples whose certificates once left out what rounding does.
module MappingNets.Core.Tests.RoundingCounterexampleTests

open System
open Expecto
open TorchSharp
open MappingNets
open MappingNets.Core
open MappingNets.Core.Tests.TensorExpectations
open MappingNets.Core.Tests.TheoremExamples

/// One latent for P weights in one tensor, all scales 1 unless said.
let private oneTensor count latents activation modulation scale =
    Mapping.create
        (ParameterLayout.create [ "w", [| count |], 1L ])
        { Mapping.singleLatent latents with
            Seed = 3UL
            FixedWeights = FixedWeightsKind.Hadamard
            Activation = activation
            Modulations = [| modulation |]
            Bias = MappingBias.Zero
            Start = UniformStart 0.5
            Scale = ExplicitScale [| scale |] }

let private certify = MappingTheorem.certify Solvability.defaults

[<Tests>]
let tests =
    testList
        "Counterexamples: rounding"
        [ test "the reachable part of a residual that is rounding alone is known no better than that" (fun () ->
              use mapping = oneTensor 40L 4 MappingActivation.Identity NoModulation 1.0
              let start = vector [ 0.3; -0.2; 0.5; 0.1 ]
              let target = (mapping.Generate start).to_type torch.float32

              let facts =
                  (Solvability.certify Solvability.defaults (DifferentiableMap.ofMapping mapping) start target).Facts

              Expect.equal facts.PartsStatus BoundStatus.Proven "proven"
              Expect.isGreaterThanOrEqual facts.ReachableError.Value facts.Rounding "r itself was rounded")

          test
              "where A is small at z_0 alone, the distance at a far z* is known no better than sums of that size"
              (fun () ->
                  use mapping = oneTensor 4L 4 MappingActivation.Sine NoModulation 1.0
                  let random = Random 4
                  // A turn less 1e-8: A has singular values of 1e-8 at z_0, and 1 elsewhere.
                  let angles =
                      vector [ for _ in 1..4 -> Math.PI / 2.0 + 1e-8 * (0.5 + 1.5 * random.NextDouble()) ]

                  let start = mapping.Pieces[0].FixedWeights.TransposeApply angles
                  let target = uniform random 4L * 0.9.ToScalar()

                  let within epsilon =
                      certify
                          { Map = DifferentiableMap.ofMapping mapping
                            Start = start
                            Target = target
                            Loss = fun theta -> theta.sum () * 0.5.ToScalar()
                            Epsilon = epsilon
                            LossLipschitz = ProvenConstant(1.0, 1.0)
                            WeightLipschitz = ProvenConstant(1.0, 1.0) }

                  let found = within 0.5
                  Expect.isGreaterThan (norm found.Latent) 1e6 "far from z_0"
                  Expect.equal found.Status BoundStatus.Proven "the distance is far below a half"
                  let tight = within (1.001 * found.Facts.Distance)
                  Expect.isTrue tight.Facts.DistanceWithinDelta "as computed"
                  Expect.notEqual tight.Conclusion HoldsByTheorem "but not known so well")

          test "of a map whose rounding nobody states the theorem is assumed at best" (fun () ->
              let offset = 1e8.ToScalar()

              let certificate =
                  certify
                      { Map = DifferentiableMap.ofFunction 1 1L (fun z -> (z + offset) - offset)
                        Start = vector [ 5e-9 ]
                        Target = vector [ Math.Pow(2.0, -26.0) ]
                        Loss = fun theta -> theta.sum ()
                        Epsilon = 1e-9
                        LossLipschitz = ProvenConstant(1.0, 1.0)
                        WeightLipschitz = ProvenConstant(1.0, 1.0) }

              Expect.equal certificate.Status BoundStatus.Assumed "nothing is known of what z + 10^8 loses")

          test "products that are off widen the bound that their Gram matrix gives" (fun () ->
              let rows, columns = 1_100_000L, 4L

              let repeated (vector: torch.Tensor) = vector.repeat [| rows / columns |]

              let map =
                  { Rows = rows
                    Columns = columns
                    Apply = repeated
                    TransposeApply = fun image -> image.view(-1L, columns).sum 0L }

              let smallest error =
                  SingularBounds.smallestAndFrobenius (scalar 0.0) error map
                  |> Option.map (fun struct (lowest, _) -> lowest)

              let exact = sqrt (float (rows / columns))
              let back = SingularBounds.errorBack 1e-3 map
              Expect.isGreaterThan back 1.0 "sums of a million numbers are off by more than those of four"
              let plain = Expect.wantSome (smallest 0.0) "exact products"
              let off = Expect.wantSome (smallest 1e-3) "products off by a thousandth"
              Expect.isTrue (plain <= exact && plain > 0.8 * exact) "right below the true one"
              // sigma^2 is off by at least back ||A||_F.
              Expect.isLessThanOrEqual (off * off) (plain * plain - back * exact) "less what A^T loses"
              Expect.isNone (smallest exact) "products off by all that there is")

          test "no weights move where all scales are 0, however large the ball" (fun () ->
              for modulation in
                  [ AdditiveModulation 0.1
                    linearModulation (Random 1) (ParameterLayout.create [ "w", [| 20L |], 1L ]) 5 0.2 ] do
                  use mapping = oneTensor 20L 5 MappingActivation.Tanh modulation 0.0

                  let bound =
                      MappingBounds.onBall mapping (torch.zeros (5L, dtype = torch.float64)) infinity

                  Expect.equal (bound.Lipschitz, bound.Curvature) (0.0, 0.0) "0, not a product of 0 and infinity") ]
