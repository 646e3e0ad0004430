module MappingNets.Core.Tests.MappingTheoremTests

open System
open Expecto
open TorchSharp
open MappingNets
open MappingNets.Core
open MappingNets.Core.Tests.TensorExpectations
open MappingNets.Core.Tests.TheoremExamples
open MappingNets.Core.Tests.TinyNetwork

let private crossEntropy (input: torch.Tensor) (label: int64) (theta: torch.Tensor) =
    -(network input theta).log_softmax(0L).select (0L, label)

let private mapping latents =
    Mapping.create
        layout
        { Mapping.singleLatent latents with
            Seed = 4UL
            Activation = MappingActivation.Tanh
            Modulations = [| AdditiveModulation 0.05 |] }

/// theta* = g(z_true) + off times a random unit vector.
let private instance off epsilon =
    let g = mapping 12
    let start = startOf g
    let truth = start + direction (Random 5) 12L * 0.1.ToScalar()

    let theta =
        g.Generate truth + direction (Random 6) layout.Count * (off: float).ToScalar()

    let input = uniform (Random 7) 16L

    { Map = DifferentiableMap.ofMapping g
      Start = start
      Target = theta
      Loss = crossEntropy input 2L
      Epsilon = epsilon
      LossLipschitz = StatedConstant NetworkLipschitz.crossEntropy
      WeightLipschitz =
        NetworkLipschitz.weightLipschitz target theta 0.5 (norm input)
        |> LipschitzConstant.ofBound 0.5 }

let private certify = MappingTheorem.certify Solvability.defaults

[<Tests>]
let tests =
    testList
        "Mapping theorem"
        [ test "theta* on the image of g: delta is met, so the conclusion holds by the theorem" (fun () ->
              let certificate = certify (instance 0.0 0.1)
              Expect.equal certificate.Conclusion HoldsByTheorem "conclusion"
              Expect.isLessThan certificate.Facts.Distance 1e-8 "reached"
              Expect.isTrue certificate.Facts.GapWithinEpsilon "the gap"
              Expect.isTrue certificate.Assumptions.ConstantsApply "within the ball"
              Expect.isFalse certificate.Estimates.RefutesConstants "not refuted")

          test "a loss without a slope at theta* is refuted by its slopes elsewhere" (fun () ->
              let given = instance 0.02 0.1
              let target = given.Target

              let certificate =
                  certify
                      { given with
                          Loss = fun theta -> (theta - target).square().sum().sqrt () * 3.0.ToScalar()
                          LossLipschitz = StatedConstant 1e-3
                          WeightLipschitz = StatedConstant 1.0 }

              Expect.floatClose Accuracy.medium certificate.Estimates.SampledLossSlope 3.0 "3 everywhere but at theta*"
              Expect.isTrue certificate.Estimates.RefutesConstants "refuted")

          test "delta is eps over both constants, and gap and distance are what one measures oneself" (fun () ->
              let given =
                  { instance 0.02 0.1 with
                      WeightLipschitz = StatedConstant 50.0
                      LossLipschitz = StatedConstant 2.0 }

              let certificate = certify given
              Expect.floatClose Accuracy.veryHigh certificate.Facts.Delta 0.001 "0.1 / (2 * 50)"
              let reached = given.Map.Evaluate certificate.Latent
              Expect.floatClose Accuracy.high certificate.Facts.Distance (norm (reached - given.Target)) "distance"
              let gap = abs ((given.Loss reached - given.Loss given.Target).ToDouble())
              Expect.floatClose Accuracy.high certificate.Facts.LossGap gap "gap"

              Expect.equal
                  certificate.Conclusion
                  HoldsAsMeasured
                  "farther than delta, yet the loss is close: measured only")

          test "off the manifold and a strict eps: not reached, and no more is claimed" (fun () ->
              let certificate = certify (instance 0.4 1e-6)
              Expect.equal certificate.Conclusion NotReached "conclusion"
              Expect.isFalse certificate.Facts.DistanceWithinDelta "distance"
              Expect.isGreaterThan certificate.Search.Facts.UnreachableNorm 0.1 "why: the unreachable part")

          test "a loss that falls on the way to g(z*) is as far from theta*'s as one that rises" (fun () ->
              let given = instance 0.4 1e-6

              let certificates =
                  [ given
                    { given with
                        Loss = fun theta -> -(given.Loss theta) } ]
                  |> List.map certify

              Expect.floatClose
                  Accuracy.veryHigh
                  certificates[0].Facts.LossGap
                  certificates[1].Facts.LossGap
                  "the gap of L and of -L"

              for certificate in certificates do
                  Expect.isGreaterThan certificate.Facts.LossGap 1e-6 "a gap"
                  Expect.isFalse certificate.Facts.GapWithinEpsilon "not within epsilon"
                  Expect.equal certificate.Conclusion NotReached "conclusion")

          test "outside the ball on which a constant is proven nothing follows from it" (fun () ->
              let given = instance 0.4 10.0

              let tiny =
                  { given with
                      WeightLipschitz = ProvenConstant(1.0, 1e-3) }

              let certificate = certify tiny
              Expect.isFalse certificate.Assumptions.ConstantsApply "too far"
              Expect.equal certificate.Conclusion HoldsAsMeasured "only as measured")

          test
              "a distance that rounding may have shortened to delta, or to the ball's radius, proves nothing"
              (fun () ->
                  let loose =
                      { instance 0.02 10.0 with
                          WeightLipschitz = StatedConstant 50.0
                          LossLipschitz = StatedConstant 2.0 }

                  let distance = (certify loose).Facts.Distance

                  let atDelta =
                      certify
                          { loose with
                              Epsilon = 100.0 * distance * (1.0 + 1e-15) }

                  Expect.isTrue atDelta.Facts.DistanceWithinDelta "by less than rounding"
                  Expect.equal atDelta.Conclusion HoldsAsMeasured "only as measured"

                  let atRadius =
                      certify
                          { loose with
                              WeightLipschitz = ProvenConstant(50.0, distance) }

                  Expect.isFalse atRadius.Assumptions.ConstantsApply "perhaps outside the ball"
                  Expect.equal atRadius.Conclusion HoldsAsMeasured "only as measured"

                  let inside =
                      certify
                          { loose with
                              WeightLipschitz = ProvenConstant(50.0, distance * (1.0 + 1e-9)) }

                  Expect.equal inside.Conclusion HoldsByTheorem "beyond rounding it holds")

          test "constants that are too small are refuted, not believed" (fun () ->
              let certificate =
                  certify
                      { instance 0.3 1.0 with
                          WeightLipschitz = StatedConstant 1e-3 }

              Expect.equal certificate.Conclusion ConstantsRefuted "conclusion"
              Expect.isTrue certificate.Estimates.RefutesConstants "a slope above the constant"
              Expect.isGreaterThan certificate.Estimates.SampledLossSlope (1e-3 * sqrt 2.0) "the slope")

          property "whatever theta*: no certificate contradicts itself" (fun random ->
              let plain = instance (0.5 * random.NextDouble()) (pown 10.0 (-random.Next 6))
              // A loss of any size, of which rounding makes a gap of its own.
              let offset = if random.Next 2 = 0 then 0.0 else pown 10.0 (random.Next 9)

              let given =
                  { plain with
                      Loss = fun theta -> plain.Loss theta + offset.ToScalar() }

              let certificate = certify given
              let facts = certificate.Facts
              Expect.equal facts.GapWithinEpsilon (facts.LossGap <= given.Epsilon) "gap"

              match certificate.Conclusion with
              | HoldsByTheorem when offset = 0.0 ->
                  Expect.isTrue (facts.DistanceWithinDelta && facts.GapWithinEpsilon) "by theorem"
              | HoldsByTheorem ->
                  let rounding = 1e-10 * (abs facts.TargetLoss + abs facts.MappedLoss)
                  Expect.isTrue facts.DistanceWithinDelta "by theorem"
                  Expect.isLessThanOrEqual facts.LossGap (given.Epsilon * (1.0 + 1e-9) + rounding) "up to rounding"
              | HoldsAsMeasured ->
                  Expect.isTrue (facts.GapWithinEpsilon && not facts.DistanceWithinDelta) "as measured"
              | NotReached -> Expect.isFalse (facts.GapWithinEpsilon || facts.DistanceWithinDelta) "not reached"
              | ConstantsRefuted -> failtest "the constants are proven")

          test "what rounding may do to g at z* counts, however far from z_0 that is" (fun () ->
              let certify rounding =
                  certify
                      { Map =
                          { DifferentiableMap.ofFunction 1 2L (fun z -> torch.cat ([| z; z |], 0L)) with
                              EvaluationRounding = Some rounding }
                        Start = vector [ 0.1 ]
                        Target = vector [ 0.3; 0.3 ]
                        Loss = fun theta -> theta[0L]
                        Epsilon = 1e-3
                        LossLipschitz = StatedConstant 1.0
                        WeightLipschitz = StatedConstant 1.0 }

              let atEnd (z: torch.Tensor) _ = if norm z > 0.2 then 1e-2 else 0.0
              Expect.equal (certify (fun _ _ -> 0.0)).Conclusion HoldsByTheorem "without any"
              Expect.equal (certify atEnd).Conclusion HoldsAsMeasured "with more than delta at z*")

          test "what rounding makes of a large loss is no argument against the theorem" (fun () ->
              let facts, conclusion =
                  let certificate =
                      certify
                          { Map =
                              DifferentiableMap.ofFunction 1 2L (fun z -> torch.cat ([| z * 0.0.ToScalar(); z |], 0L))
                            Start = vector [ 0.1 ]
                            Target = vector [ 0.99e-10; 0.3 ]
                            Loss = fun theta -> theta[0L] + 1e6.ToScalar()
                            Epsilon = 1e-10
                            LossLipschitz = StatedConstant 1.0
                            WeightLipschitz = StatedConstant 1.0 }

                  certificate.Facts, certificate.Conclusion

              Expect.equal conclusion HoldsByTheorem "the distance is within delta"
              Expect.equal facts.LossGap (Math.BitIncrement 1e6 - 1e6) "the least gap that there is at 10^6"
              Expect.isFalse facts.GapWithinEpsilon "as computed")

          test "on a manifold: a point of the sphere is met exactly" (fun () ->
              let sphere (z: torch.Tensor) =
                  torch.stack ([| z[1L].cos () * z[0L].cos (); z[1L].cos () * z[0L].sin (); z[1L].sin () |], 0L)

              let manifold =
                  Manifold.create
                      [ for centre in [ [ 0.0; 0.0 ]; [ 0.8; 0.2 ] ] ->
                            Chart.create "sphere" (vector centre) 0.9 3L sphere ]

              let certificate =
                  certify
                      { Map = manifold.ToMap()
                        Start = vector [ 0.0; 0.0 ]
                        Target = sphere (vector [ 1.0; 0.3 ])
                        Loss = fun theta -> theta.square().sum ()
                        Epsilon = 1e-6
                        LossLipschitz = StatedConstant 2.1
                        WeightLipschitz = StatedConstant 1.0 }

              Expect.equal certificate.Conclusion HoldsByTheorem "conclusion"
              near 1e-7 "z*" (vector [ 1.0; 0.3 ]) certificate.Latent)

          test "bad input is refused by name" (fun () ->
              let good = instance 0.0 0.1

              let refuses parts bad =
                  raises<ArgumentException> parts (fun () -> certify bad |> ignore)

              for epsilon in [ 0.0; -1.0; nan; infinity ] do
                  refuses [ "Epsilon" ] { good with Epsilon = epsilon }

              refuses
                  [ "WeightLipschitz"; "-1" ]
                  { good with
                      WeightLipschitz = StatedConstant -1.0 }

              refuses
                  [ "LossLipschitz"; "0" ]
                  { good with
                      LossLipschitz = ProvenConstant(0.0, 1.0) }

              refuses
                  [ "WeightLipschitz"; "radius" ]
                  { good with
                      WeightLipschitz = ProvenConstant(1.0, nan) }

              refuses
                  [ "LossLipschitz"; "radius" ]
                  { good with
                      LossLipschitz = AssumedConstant(1.0, -1.0) }

              refuses [ "Target"; "Element 0" ] { good with Target = good.Target * nan }

              refuses
                  [ "Target"; "(3)" ]
                  { good with
                      Target = vector [ 1.0; 2.0; 3.0 ] }

              refuses
                  [ "start"; "(3)"; "(12)" ]
                  { good with
                      Start = vector [ 1.0; 2.0; 3.0 ] }

              refuses [ "Loss"; "(119)" ] { good with Loss = id }

              refuses
                  [ "Loss"; "NaN" ]
                  { good with
                      Loss = fun theta -> theta.sum () * nan.ToScalar() }) ]
