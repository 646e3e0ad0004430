module MappingNets.Core.Tests.NetworkLipschitzTests

open System
open Expecto
open TorchSharp
open MappingNets
open MappingNets.Core
open MappingNets.Core.Tests.TensorExpectations
open MappingNets.Core.Tests.TheoremExamples
open MappingNets.Core.Tests.TinyNetwork

[<Tests>]
let tests =
    testList
        "Network Lipschitz constants"
        [ property
              "no two inputs and no two weights of the ball move the outputs by more than the proven bounds"
              (fun random ->
                  let theta = uniform random layout.Count * 0.7.ToScalar()
                  let radius = random.NextDouble()
                  let first, second = uniform random 16L, uniform random 16L
                  let moved = norm (network first theta - network second theta)

                  Expect.isLessThanOrEqual
                      moved
                      ((NetworkLipschitz.inputLipschitz target theta).Value * norm (first - second))
                      "inputs"

                  let inBall () =
                      theta
                      + direction random layout.Count * (radius * random.NextDouble()).ToScalar()

                  let a, b = inBall (), inBall ()

                  let bound =
                      (NetworkLipschitz.weightLipschitz target theta radius (norm first)).Value

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
                      (NetworkLipschitz.weightLipschitz target theta (radius + 0.01) (norm first)).Value
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
                  (NetworkLipschitz.inputLipschitz target theta).Value
                  truth
                  "inputs: the spectral norm"
              // |x|^2 through the weight, 1 through the bias; attained.
              Expect.floatClose
                  Accuracy.high
                  (NetworkLipschitz.weightLipschitz target theta 9.0 3.0).Value
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

                      let bound = (NetworkLipschitz.inputLipschitz target theta).Value
                      Expect.isGreaterThanOrEqual (bound * (1.0 + 1e-9)) truth "a bound"
                      Expect.isLessThan bound (3.5 * truth) "not absurd"

                      Expect.equal
                          (NetworkLipschitz.layers target theta).[0].OutputShape[1]
                          ((7L + 2L * padding - 3L) / stride + 1L)
                          "shape"

                  let pooling window stride =
                      (NetworkLipschitz.inputLipschitz
                          { Layout = layout
                            InputShape = [| 1L; 9L; 9L |]
                            Layers = [ MaxPool2dLayer(window, stride, 0L) ] }
                          (torch.zeros (layout.Count, dtype = torch.float64)))
                          .Value

                  Expect.floatClose Accuracy.veryHigh (pooling 2L 2L) 1.0 "disjoint windows"
                  Expect.floatClose Accuracy.veryHigh (pooling 3L 1L) 3.0 "nine windows hold a pixel")

          test "a bound that rests on what a layer's author states holds on its ball alone" (fun () ->
              let layout =
                  ParameterLayout.create [ "f.weight", [| 1L; 1L |], 1L; "g.weight", [| 1L; 1L |], 1L ]

              let identity =
                  UserLayer
                      { Name = "u"
                        OutputShape = [| 1L |]
                        InputConstant = 1.0
                        AtZero = 0.0
                        WeightConstants = []
                        Roundings = None }

              let theta = vector [ 0.1; 0.1 ]

              let bound =
                  NetworkLipschitz.weightLipschitz
                      { Layout = layout
                        InputShape = [| 1L |]
                        Layers = [ LinearLayer "f"; identity; LinearLayer "g" ] }
                      theta
                      0.01
                      1.0

              Expect.equal bound.Status BoundStatus.Assumed "its author's word"
              Expect.floatClose Accuracy.high bound.Value (sqrt 2.0 * 0.11) "both weights are within 0.11"

              /// g(z) = (z, second), so that g(z*) = (0.1, second).
              let certify (second: float) loss =
                  MappingTheorem.certify
                      Solvability.defaults
                      { Map =
                          DifferentiableMap.ofFunction 1 2L (fun z ->
                              torch.cat ([| z; z * 0.0.ToScalar() + second.ToScalar() |], 0L))
                        Start = vector [ 0.3 ]
                        Target = theta
                        Loss = loss
                        Epsilon = 1.0
                        LossLipschitz = StatedConstant 1.0
                        WeightLipschitz = LipschitzConstant.ofBound 0.01 bound }

              for loss in
                  [ (fun (weights: torch.Tensor) -> weights[0L] * weights[1L])
                    (fun weights -> weights[0L] * 0.01.ToScalar()) ] do
                  let beyond = certify 2.0 loss
                  Expect.floatClose Accuracy.high beyond.Facts.Distance 1.9 "far from theta*"
                  Expect.isFalse beyond.Assumptions.ConstantsApply "beyond the ball"
                  Expect.equal beyond.Conclusion HoldsAsMeasured "neither refuted nor by the theorem"
                  Expect.stringContains (string beyond) "(assumed within 0.01)" "the ball is named"
                  let within = certify 0.1 loss

                  Expect.equal
                      (within.Conclusion, within.Status)
                      (HoldsByTheorem, BoundStatus.Assumed)
                      "on the ball, and no better than the author's word")

          test "a network that does not fit is refused by the layer's name" (fun () ->
              let theta = torch.zeros (layout.Count, dtype = torch.float64)

              let refuses parts layers =
                  raises<ArgumentException> parts (fun () ->
                      NetworkLipschitz.inputLipschitz { target with Layers = layers } theta |> ignore)

              refuses [ "'fc1'"; "(12)"; "(16)" ] [ FlattenLayer; LinearLayer "fc1" ]
              refuses [ "'fc9.weight'" ] [ LinearLayer "fc9" ]
              refuses [ "'conv.weight'"; "2 sizes" ] [ LinearLayer "conv" ]
              refuses [ "does not fit" ] [ MaxPool2dLayer(5L, 5L, 0L) ]

              raises<ArgumentException> [ "theta"; "Element 0" ] (fun () ->
                  NetworkLipschitz.layers target (theta * nan) |> ignore)

              raises<ArgumentException> [ "radius" ] (fun () ->
                  NetworkLipschitz.weightLipschitz target theta -1.0 1.0 |> ignore)

              raises<ArgumentException> [ "inputNorm" ] (fun () ->
                  NetworkLipschitz.weightLipschitz target theta 1.0 nan |> ignore)) ]
