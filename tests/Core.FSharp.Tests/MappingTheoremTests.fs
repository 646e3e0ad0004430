module MappingNets.Core.Tests.MappingTheoremTests

open System
open Expecto
open TorchSharp
open MappingNets.Core
open MappingNets.Core.Tests.TensorExpectations
open MappingNets.Core.Tests.MappingExamples

/// conv 1-3 (3x3, stride 1, padding 1), ReLU, pool 2, flatten, fc 12-5, tanh, fc 5-4, on (1, 4, 4).
let private layout =
    ParameterLayout.create
        [ "conv.weight", [| 3L; 1L; 3L; 3L |], 9L
          "conv.bias", [| 3L |], 9L
          "fc1.weight", [| 5L; 12L |], 12L
          "fc1.bias", [| 5L |], 12L
          "fc2.weight", [| 4L; 5L |], 5L
          "fc2.bias", [| 4L |], 5L ]

let private target =
    { Layout = layout
      InputShape = [| 1L; 4L; 4L |]
      Layers =
        [ Conv2dLayer("conv", 1L, 1L)
          ReLULayer
          MaxPool2dLayer(2L, 2L)
          FlattenLayer
          LinearLayer "fc1"
          TanhLayer
          LinearLayer "fc2" ] }

/// The network itself on one input (16) as a function of theta.
let private network (input: torch.Tensor) (theta: torch.Tensor) =
    let tensors = layout.Split theta
    let image = input.view (1L, 1L, 4L, 4L)

    let features =
        torch.nn.functional.conv2d(image, tensors[0], tensors[1], padding = [| 1L; 1L |]).relu ()

    let pooled = torch.nn.functional.max_pool2d(features, 2L).flatten ()
    tensors[4].mv ((tensors[2].mv pooled + tensors[3]).tanh ()) + tensors[5]

let private crossEntropy (input: torch.Tensor) (label: int64) (theta: torch.Tensor) =
    -(network input theta).log_softmax (0L)[label]

let private mapping latents =
    Mapping.create
        layout
        { Mapping.singleLatent latents with
            Seed = 4UL
            Activation = Tanh
            Modulations = [| AdditiveModulation 0.05 |] }

/// theta* = g(z_true) + off times a random unit vector, with eps such that delta = 0.01 by default.
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
      WeightLipschitz = ProvenConstant(NetworkLipschitz.weightLipschitz target theta 0.5 (norm input), 0.5) }

let private certify = MappingTheorem.certify Solvability.defaults

[<Tests>]
let constants =
    testList
        "Network Lipschitz constants"
        [ property
              40
              "no two inputs and no two weights of the ball move the outputs by more than the proven bounds"
              (fun random ->
                  let theta = uniform random layout.Count * 0.7.ToScalar()
                  let radius = random.NextDouble()
                  let first, second = uniform random 16L, uniform random 16L
                  let moved = norm (network first theta - network second theta)

                  Expect.isLessThanOrEqual
                      moved
                      (NetworkLipschitz.inputLipschitz target theta * norm (first - second))
                      "inputs"

                  let inBall () =
                      theta
                      + direction random layout.Count * (radius * random.NextDouble()).ToScalar()

                  let a, b = inBall (), inBall ()
                  let bound = NetworkLipschitz.weightLipschitz target theta radius (norm first)
                  Expect.isLessThanOrEqual (norm (network first a - network first b)) (bound * norm (a - b)) "weights"

                  let sampled =
                      NetworkLipschitz.sampledWeightLipschitz
                          (network first)
                          theta
                          (radius + 0.01)
                          (CounterHash.ofSeed 3UL)
                          10

                  Expect.isLessThanOrEqual
                      sampled
                      (NetworkLipschitz.weightLipschitz target theta (radius + 0.01) (norm first))
                      "the sampled bound is below"

                  Expect.isGreaterThan sampled (bound / 200.0) "and the proven one is not absurd")

          test "one linear layer: both bounds are the constants themselves" (fun () ->
              let layout =
                  ParameterLayout.create [ "fc.weight", [| 3L; 5L |], 5L; "fc.bias", [| 3L |], 5L ]

              let target =
                  { Layout = layout
                    InputShape = [| 5L |]
                    Layers = [ LinearLayer "fc" ] }

              let theta = uniform (Random 2) 18L

              let truth =
                  torch.linalg.svdvals(theta.narrow(0L, 0L, 15L).view (3L, 5L)).max().ToDouble()

              Expect.floatClose
                  Accuracy.high
                  (NetworkLipschitz.inputLipschitz target theta)
                  truth
                  "inputs: the spectral norm"
              // |x|^2 through the weight, 1 through the bias; attained.
              Expect.floatClose
                  Accuracy.high
                  (NetworkLipschitz.weightLipschitz target theta 9.0 3.0)
                  (sqrt 10.0)
                  "weights: sqrt(||x||^2 + 1)"

              let input = direction (Random 4) 5L * 3.0.ToScalar()

              let f (theta: torch.Tensor) =
                  theta.narrow(0L, 0L, 15L).view(3L, 5L).mv input + theta.narrow (0L, 15L, 3L)

              let sampled =
                  NetworkLipschitz.sampledWeightLipschitz f theta 1.0 (CounterHash.ofSeed 3UL) 3

              Expect.floatClose Accuracy.medium sampled (sqrt 10.0) "the sampled one finds it")

          test
              "a convolution's bound covers its operator norm, also with stride, and pooling's overlap counts"
              (fun () ->
                  for stride, padding in [ 1L, 1L; 2L, 0L; 3L, 1L ] do
                      let layout = ParameterLayout.create [ "c.weight", [| 2L; 1L; 3L; 3L |], 9L ]

                      let target =
                          { Layout = layout
                            InputShape = [| 1L; 7L; 7L |]
                            Layers = [ Conv2dLayer("c", stride, padding) ] }

                      let theta = uniform (Random 2) 18L

                      let convolve (x: torch.Tensor) =
                          torch.nn.functional
                              .conv2d(
                                  x.view (1L, 1L, 7L, 7L),
                                  theta.view (2L, 1L, 3L, 3L),
                                  strides = [| stride; stride |],
                                  padding = [| padding; padding |]
                              )
                              .flatten ()

                      let truth =
                          torch.linalg
                              .svdvals(Differentiation.jacobian convolve (uniform (Random 3) 49L))
                              .max()
                              .ToDouble()

                      let bound = NetworkLipschitz.inputLipschitz target theta
                      Expect.isGreaterThanOrEqual (bound * (1.0 + 1e-9)) truth "a bound"
                      Expect.isLessThan bound (3.5 * truth) "not absurd"

                      Expect.equal
                          (NetworkLipschitz.layers target theta).[0].OutputShape[1]
                          ((7L + 2L * padding - 3L) / stride + 1L)
                          "shape"

                  let pooling window stride =
                      NetworkLipschitz.inputLipschitz
                          { Layout = layout
                            InputShape = [| 1L; 9L; 9L |]
                            Layers = [ MaxPool2dLayer(window, stride) ] }
                          (torch.zeros (layout.Count, dtype = torch.float64))

                  Expect.equal (pooling 2L 2L) 1.0 "disjoint windows"
                  Expect.equal (pooling 3L 1L) 3.0 "nine windows hold a pixel")

          test "a network that does not fit is refused by the layer's name" (fun () ->
              let theta = torch.zeros (layout.Count, dtype = torch.float64)

              let refuses parts layers =
                  raises<ArgumentException> parts (fun () ->
                      NetworkLipschitz.inputLipschitz { target with Layers = layers } theta |> ignore)

              refuses [ "'fc1'"; "(12)"; "(16)" ] [ FlattenLayer; LinearLayer "fc1" ]
              refuses [ "'fc9.weight'" ] [ LinearLayer "fc9" ]
              refuses [ "'conv.weight'"; "2 sizes" ] [ LinearLayer "conv" ]
              refuses [ "does not fit" ] [ MaxPool2dLayer(5L, 5L) ]

              raises<ArgumentException> [ "theta"; "Element 0" ] (fun () ->
                  NetworkLipschitz.layers target (theta * nan) |> ignore)

              raises<ArgumentException> [ "radius" ] (fun () ->
                  NetworkLipschitz.weightLipschitz target theta -1.0 1.0 |> ignore)

              raises<ArgumentException> [ "inputNorm" ] (fun () ->
                  NetworkLipschitz.weightLipschitz target theta 1.0 nan |> ignore)) ]

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

          test "outside the ball on which a constant is proven nothing follows from it" (fun () ->
              let given = instance 0.4 10.0

              let tiny =
                  { given with
                      WeightLipschitz = ProvenConstant(1.0, 1e-3) }

              let certificate = certify tiny
              Expect.isFalse certificate.Assumptions.ConstantsApply "too far"
              Expect.equal certificate.Conclusion HoldsAsMeasured "only as measured")

          test "constants that are too small are refuted, not believed" (fun () ->
              let certificate =
                  certify
                      { instance 0.3 1.0 with
                          WeightLipschitz = StatedConstant 1e-3 }

              Expect.equal certificate.Conclusion ConstantsRefuted "conclusion"
              Expect.isTrue certificate.Estimates.RefutesConstants "a slope above the constant"
              Expect.isGreaterThan certificate.Estimates.SampledLossSlope (1e-3 * sqrt 2.0) "the slope")

          property 20 "whatever theta*: no certificate contradicts itself" (fun random ->
              let given = instance (0.5 * random.NextDouble()) (pown 10.0 (-random.Next 6))
              let certificate = certify given
              let facts = certificate.Facts
              Expect.equal facts.GapWithinEpsilon (facts.LossGap <= given.Epsilon) "gap"

              match certificate.Conclusion with
              | HoldsByTheorem -> Expect.isTrue (facts.DistanceWithinDelta && facts.GapWithinEpsilon) "by theorem"
              | HoldsAsMeasured ->
                  Expect.isTrue (facts.GapWithinEpsilon && not facts.DistanceWithinDelta) "as measured"
              | NotReached -> Expect.isFalse (facts.GapWithinEpsilon || facts.DistanceWithinDelta) "not reached"
              | ConstantsRefuted -> failtest "the constants are proven")

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
