/// Each layer's rule against the layer itself: Jacobians in inputs and weights at random places of the ball.
module MappingNets.Core.Tests.LayerRulesTests

open System
open Expecto
open TorchSharp
open MappingNets
open MappingNets.Core
open MappingNets.Core.Tests.LayerExamples
open MappingNets.Core.Tests.TensorExpectations
open MappingNets.Core.Tests.TheoremExamples

/// A point of the ball and an input, and the norms of the derivatives there.
let private attack (random: Random) example (layout: ParameterLayout) theta radius reach =
    let share = if random.Next 2 = 0 then 1.0 else random.NextDouble()
    let point = theta + direction random layout.Count * (radius * share).ToScalar()
    let size = example.Input |> Array.fold (*) 1L
    let inputShare = if random.Next 2 = 0 then 1.0 else random.NextDouble()
    let x = direction random size * (reach * inputShare).ToScalar()

    let byInput =
        spectralNorm (Differentiation.jacobian (fun x -> output example layout point x) x)

    let byWeights =
        spectralNorm (Differentiation.jacobian (fun theta -> output example layout theta x) point)

    struct (byInput, byWeights)

[<Tests>]
let tests =
    testList
        "Layer rules"
        [ for example in examples do
              test $"{example.Name}: no input and no weights of the ball are steeper than the bounds" (fun () ->
                  let layout = layoutFor example

                  let target =
                      { Layout = layout
                        InputShape = example.Input
                        Layers = example.Layers }

                  let mutable closest = 0.0

                  for seed in 1..8 do
                      use _ = torch.NewDisposeScope()
                      let random = Random seed
                      let theta = uniform random layout.Count
                      let radius = if seed % 2 = 0 then 0.0 else 0.3 * random.NextDouble()
                      let reach = 3.0 * random.NextDouble()
                      let weights = NetworkLipschitz.weightLipschitz target theta radius reach
                      let inputs = NetworkLipschitz.inputLipschitzWithin target theta reach
                      Expect.equal weights.Status BoundStatus.Proven "weights: proven"
                      Expect.equal inputs.Status BoundStatus.Proven "inputs: proven"
                      let struct (_, byWeights) = attack random example layout theta radius reach
                      let struct (byInput, _) = attack random example layout theta 0.0 reach
                      Expect.isLessThanOrEqual byInput (inputs.Value * (1.0 + 1e-12)) $"inputs, seed {seed}"
                      Expect.isLessThanOrEqual byWeights (weights.Value * (1.0 + 1e-12)) $"weights, seed {seed}"
                      closest <- max closest (byInput / inputs.Value)

                      Expect.equal
                          (NetworkLipschitz.layers target theta |> Array.last).OutputShape
                          (let tensors =
                              Array.zip (layout.Entries |> Array.map _.Name) (layout.Split theta) |> dict

                           (example.Run
                               (fun name -> tensors[name])
                               (torch.zeros (example.Input, dtype = torch.float64)))
                               .shape)
                          "shape"

                  Expect.isGreaterThanOrEqual (closest * example.Slack) 1.0 $"not absurd: {closest}")

          test
              "the bound of a convolution is tighter than its reshaped kernel's, and close to the operator's norm"
              (fun () ->
                  for inputs, outputs, side, kernel, stride, padding in
                      [ 3L, 4L, 10L, 3L, 1L, 1L
                        4L, 3L, 12L, 5L, 1L, 2L
                        2L, 2L, 40L, 3L, 1L, 1L
                        3L, 3L, 9L, 3L, 2L, 1L ] do
                      let weight =
                          (uniform (Random 5) (outputs * inputs * kernel * kernel))
                              .view (outputs, inputs, kernel, kernel)

                      let layout = ParameterLayout.create [ "c.weight", weight.shape, 1L ]

                      let target =
                          { Layout = layout
                            InputShape = [| inputs; side; side |]
                            Layers = [ Conv2dLayer("c", stride, padding) ] }

                      let bound = (NetworkLipschitz.inputLipschitz target (weight.flatten ())).Value

                      let convolve (x: torch.Tensor) =
                          torch.nn.functional
                              .conv2d(
                                  x.view (1L, inputs, side, side),
                                  weight,
                                  strides = [| stride; stride |],
                                  padding = [| padding; padding |]
                              )
                              .flatten ()

                      // Power iteration: from below.
                      let truth =
                          let rec climb rounds (v: torch.Tensor) =
                              let image = Differentiation.jacobianTv convolve v (convolve v)
                              let length = norm image

                              if rounds = 0 then
                                  sqrt length
                              else
                                  climb (rounds - 1) (image / length.ToScalar())

                          climb 200 (direction (Random 6) (inputs * side * side))

                      let overlap = float ((kernel + stride - 1L) / stride)
                      let reshaped = overlap * spectralNorm (weight.view (outputs, -1L))

                      let what =
                          $"{inputs}-{outputs}, {side} pixels, kernel {kernel}, stride {stride}: {truth} {bound} {reshaped}"

                      Expect.isGreaterThanOrEqual bound truth $"a bound: {what}"
                      Expect.isLessThan bound (1.2 * truth) $"close: {what}"
                      Expect.isLessThan bound (0.95 * reshaped) $"tighter: {what}")

          test
              "layer normalisation with a stated deviation is assumed, and holds for inputs that deviate as much"
              (fun () ->
                  let layout =
                      ParameterLayout.create [ "n.weight", [| 4L |], 4L; "n.bias", [| 4L |], 4L ]

                  let bound deviation =
                      NetworkLipschitz.inputLipschitz
                          { Layout = layout
                            InputShape = [| 4L |]
                            Layers = [ LayerNormLayer("n", 1e-5, deviation) ] }
                          (torch.ones (8L, dtype = torch.float64))

                  Expect.equal (bound None).Status BoundStatus.Proven "without"
                  Expect.floatClose Accuracy.high (bound None).Value (1.0 / sqrt 1e-5) "without: 1 / sqrt epsilon"
                  let stated = bound (Some 0.5)
                  Expect.equal stated.Status BoundStatus.Assumed "with"
                  Expect.stringContains stated.Reason "'n'" "why"

                  let normalise (x: torch.Tensor) =
                      torch.nn.functional.layer_norm (x, [| 4L |], eps = 1e-5)

                  let deviating (random: Random) =
                      let x = uniform random 4L
                      let centred = x - x.mean ()
                      // The root mean square is 0.5 to 0.6, also straight through the middle.
                      centred / (centred.norm ())
                      * (2.0 * (0.5 + 0.1 * random.NextDouble())).ToScalar()

                  let random = Random 3

                  for _ in 1..200 do
                      let first = deviating random
                      let second = if random.Next 2 = 0 then deviating random else -first

                      Expect.isLessThanOrEqual
                          (norm (normalise first - normalise second))
                          (stated.Value * norm (first - second))
                          "pairs")

          test "an embedding has a constant in its weights and none in its inputs" (fun () ->
              let layout = ParameterLayout.create [ "e.weight", [| 5L; 3L |], 3L ]

              let target =
                  { Layout = layout
                    InputShape = [| 4L |]
                    Layers = [ EmbeddingLayer "e"; TanhLayer ] }

              let theta = uniform (Random 3) 15L
              let inputs = NetworkLipschitz.inputLipschitz target theta
              Expect.equal inputs.Status BoundStatus.NotEstablished "inputs"
              Expect.equal inputs.Value infinity "infinite"
              Expect.stringContains inputs.Reason "whole numbers" "why"
              let weights = NetworkLipschitz.weightLipschitz target theta 0.1 0.0
              Expect.equal weights.Status BoundStatus.Proven "weights"
              // All four places hold the same token.
              Expect.floatClose Accuracy.high weights.Value 2.0 "sqrt 4")

          test "what has no constant says so: a batch's own statistics, attention on any input" (fun () ->
              let attention =
                  examples |> List.find (fun example -> example.Name = "self-attention")

              let batch =
                  examples |> List.find (fun example -> example.Name = "batch normalisation")

              for example, layers, reason in
                  [ attention, attention.Layers, "self-attention"
                    batch, [ BatchNormLayer("b", None) ], "batch" ] do
                  let layout = layoutFor example

                  let bound =
                      NetworkLipschitz.inputLipschitz
                          { Layout = layout
                            InputShape = example.Input
                            Layers = layers }
                          (uniform (Random 2) layout.Count)

                  Expect.equal bound.Status BoundStatus.NotEstablished reason
                  Expect.stringContains bound.Reason reason "why"

                  raises<ArgumentException> [ "needs a proven" ] (fun () ->
                      LipschitzConstant.ofBound 1.0 bound |> ignore))

          test "constants that a layer's author states are assumed, and everything after them" (fun () ->
              let layout =
                  ParameterLayout.create [ "f.weight", [| 2L; 2L |], 2L; "u.gain", [| 1L |], 1L ]

              let target constant =
                  { Layout = layout
                    InputShape = [| 2L |]
                    Layers =
                      [ UserLayer
                            { Name = "u"
                              OutputShape = [| 2L |]
                              InputConstant = constant
                              AtZero = 0.5
                              WeightConstants = [ "u.gain", 2.0 ]
                              Roundings = None }
                        LinearLayer "f" ] }

              let theta = vector [ 2.0; 0.0; 0.0; 2.0; 1.0 ]
              let bound = NetworkLipschitz.inputLipschitz (target 3.0) theta
              Expect.equal bound.Status BoundStatus.Assumed "inputs"
              Expect.stringContains bound.Reason "'u'" "why"
              Expect.floatClose Accuracy.high bound.Value 6.0 "2 * 3"
              let weights = NetworkLipschitz.weightLipschitz (target 3.0) theta 0.0 1.0
              Expect.equal weights.Status BoundStatus.Assumed "weights"
              // Through u: 2 * 2; through f: the norm that reaches it, 3 + 0.5.
              Expect.floatClose Accuracy.high weights.Value (sqrt (16.0 + 3.5 * 3.5)) "both shares"

              Expect.equal
                  (LipschitzConstant.ofBound 1.0 weights)
                  (AssumedConstant(weights.Value, 1.0))
                  "never taken for proven, and on its ball alone"

              raises<ArgumentException> [ "'u'"; "-1" ] (fun () ->
                  NetworkLipschitz.inputLipschitz (target -1.0) theta |> ignore))

          test "layers that do not fit are refused by name" (fun () ->
              let find name =
                  examples |> List.find (fun example -> example.Name = name)

              let refuses parts example input layers =
                  let layout = layoutFor example

                  raises<ArgumentException> parts (fun () ->
                      NetworkLipschitz.inputLipschitz
                          { Layout = layout
                            InputShape = input
                            Layers = layers }
                          (uniform (Random 2) layout.Count)
                      |> ignore)

              let attention, batch = find "self-attention", find "batch normalisation"
              refuses [ "'a'"; "3 heads" ] attention [| 3L; 4L |] [ SelfAttentionLayer("a", 3L) ]
              refuses [ "'b'"; "2 channels"; "(3, 4)" ] batch [| 3L; 4L |] batch.Layers

              refuses
                  [ "'b'"; "variances" ]
                  batch
                  [| 2L |]
                  [ BatchNormLayer(
                        "b",
                        Some
                            { statistics with
                                Variance = [| -1.0; 1.0 |] }
                    ) ]

              refuses
                  [ "'r'"; "(7)" ]
                  (find "two layers of a GRU, whole sequence True")
                  [| 7L |]
                  [ GruLayer("r", 2, true) ]

              refuses
                  [ "residual"; "(3)"; "(4)" ]
                  (find "residual with a shortcut")
                  [| 4L |]
                  [ ResidualLayer([ LinearLayer "f" ], []) ]

              refuses [ "(6)"; "(4)" ] (find "flatten") [| 6L |] [ ReshapeLayer [| 4L |] ]
              refuses [ "'t'" ] (find "class token") [| 3L; 5L |] [ ClassTokenLayer "t" ]
              refuses [ "'p'" ] (find "position embedding") [| 3L; 5L |] [ PositionEmbeddingLayer "p" ]) ]
