/// Small layers whose steepness is known by hand and comes near the bound: no part of a rule could be left out.
module MappingNets.Core.Tests.TightLayerTests

open Expecto
open TorchSharp
open MappingNets.Core
open MappingNets.Core.Tests.LayerExamples
open MappingNets.Core.Tests.TensorExpectations
open MappingNets.Core.Tests.TheoremExamples

/// A network of given tensors, and its weights.
let private network input layers (tensors: (string * int64[] * float list) list) =
    let target =
        { Layout =
            tensors
            |> List.map (fun (name, shape, _) -> name, shape, 1L)
            |> ParameterLayout.create
          InputShape = input
          Layers = layers }

    let weights = tensors |> List.collect (fun (_, _, values) -> values) |> List.toArray
    struct (target, torch.tensor (weights, dtype = torch.float64))

let private isNear truth factor (bound: Bound) =
    Expect.isGreaterThanOrEqual bound.Value (truth * (1.0 - 1e-9)) "holds"
    Expect.isLessThanOrEqual bound.Value (truth * factor) "is near"

let private sigmoid x = 1.0 / (1.0 + exp -x)

[<Tests>]
let tests =
    testList
        "Layer rules, nearly reached"
        [ test "the cross-entropy's slope is reached where one class is certain and another is right" (fun () ->
              let scores = torch.tensor ([| 0.0; 40.0; -40.0 |], dtype = torch.float64)

              let loss (scores: torch.Tensor) =
                  torch.nn.functional.cross_entropy (scores.unsqueeze 0L, torch.tensor [| 0L |])

              let slope = norm (Differentiation.grad loss scores)
              Expect.isLessThanOrEqual slope NetworkLipschitz.crossEntropy "holds"
              Expect.isGreaterThan slope (NetworkLipschitz.crossEntropy * (1.0 - 1e-9)) "is near")

          test "a convolution's gain grows with the ball" (fun () ->
              let struct (target, theta) =
                  network
                      [| 1L; 1L; 1L |]
                      [ Conv2dLayer("c", 1L, 0L); Conv2dLayer("e", 1L, 0L) ]
                      [ "c.weight", [| 1L; 1L; 1L; 1L |], [ 0.5 ]
                        "e.weight", [| 1L; 1L; 1L; 1L |], [ 0.5 ] ]

              // e c x has the derivative x (e, c), and |(c, e)| reaches |theta| + radius.
              NetworkLipschitz.weightLipschitz target theta 2.0 1.5
              |> isNear (1.5 * (sqrt 0.5 + 2.0)) 1.5)

          test "attention's scores move its outputs" (fun () ->
              let root = sqrt 15.0

              let struct (target, theta) =
                  network
                      [| 3L; 1L |]
                      [ SelfAttentionLayer("a", 1L) ]
                      [ "a.in_proj_weight", [| 3L; 1L |], [ root; root; 1.0 ]
                        "a.out_proj.weight", [| 1L; 1L |], [ 1.0 ] ]

              // At the tokens (0, 1, -1) the first one attends to all alike: d out / d x = 1/3 + q k v times their variance, 2/3.
              NetworkLipschitz.inputLipschitzWithin target theta (sqrt 2.0)
              |> isNear (1.0 / 3.0 + 15.0 * 2.0 / 3.0) 10.0)

          test "attention's slope in its queries is reached" (fun () ->
              let struct (target, theta) =
                  network
                      [| 2L; 1L |]
                      [ SelfAttentionLayer("a", 1L) ]
                      [ "a.in_proj_weight", [| 3L; 1L |], [ 0.0; 20.0; 1.0 ]
                        "a.out_proj.weight", [| 1L; 1L |], [ 1.0 ] ]

              // At the tokens (1, -1) both attend to both alike, and d out / d query = x k v times the tokens' variance, (20, -20).
              NetworkLipschitz.weightLipschitz target theta 0.0 (sqrt 2.0)
              |> isNear (20.0 * sqrt 2.0) 1.02)

          test "an LSTM with open gates passes its input on" (fun () ->
              let struct (target, theta) =
                  network
                      [| 1L; 1L |]
                      [ LstmLayer("r", 1, false) ]
                      [ "r.weight_ih_l0", [| 4L; 1L |], [ 0.0; 0.0; 1.0; 0.0 ]
                        "r.weight_hh_l0", [| 4L; 1L |], [ 0.0; 0.0; 0.0; 0.0 ]
                        "r.bias_ih_l0", [| 4L |], [ 20.0; 0.0; 0.0; 20.0 ]
                        "r.bias_hh_l0", [| 4L |], [ 0.0; 0.0; 0.0; 0.0 ] ]

              NetworkLipschitz.inputLipschitzWithin target theta 1.0
              |> isNear (sigmoid 20.0 * sigmoid 20.0) 1.1)

          test "an LSTM's forget gate moves what all steps have gathered" (fun () ->
              // Eight steps count up to a cell of 8, the ninth forgets a half of it, where the gate is steepest, and the others count down to 0, where tanh is.
              let gates =
                  [ for step in 0..11 do
                        yield!
                            [ 20.0
                              (if step = 8 then 0.0 else 20.0)
                              (if step < 8 then 20.0 else -20.0)
                              20.0 ] ]

              let find name =
                  match name with
                  | "r.weight_ih_l0" -> torch.eye (4L, dtype = torch.float64)
                  | "r.weight_hh_l0" -> torch.zeros ([| 4L; 1L |], dtype = torch.float64)
                  | _ -> torch.zeros ([| 4L |], dtype = torch.float64)

              let last (gates: torch.Tensor) =
                  (lstm 1L 0 find (gates.view (12L, 4L))).select(0L, 11L).sum ()

              let slopes = Differentiation.grad last (vector gates)
              let forget = slopes[8L * 4L + 1L].ToDouble()
              Expect.floatClose Accuracy.medium forget (8.0 / 4.0) "the cell times the gate's slope"

              (SequenceRules.lstmResponse 0.0 0.0 1L 12)[11, 8]
              |> Bound.proven
              |> isNear forget 1.15)

          test "a GRU's reset gate moves what the state's bias adds" (fun () ->
              let struct (target, theta) =
                  network
                      [| 1L; 3L |]
                      [ GruLayer("r", 1, false) ]
                      [ "r.weight_ih_l0", [| 3L; 3L |], [ 1.0; 0.0; 0.0; 0.0; 1.0; 0.0; 0.0; 0.0; 1.0 ]
                        "r.weight_hh_l0", [| 3L; 1L |], [ 0.0; 0.0; 0.0 ]
                        "r.bias_ih_l0", [| 3L |], [ 0.0; -20.0; -10.0 ]
                        "r.bias_hh_l0", [| 3L |], [ 0.0; 0.0; 20.0 ] ]

              // At the input 0 the reset gate is 1/2 and steepest, tanh(-10 + 20 / 2) too: d h / d x = (20 / 4, 0, 1).
              NetworkLipschitz.inputLipschitzWithin target theta 1.0
              |> isNear (sigmoid 20.0 * sqrt 26.0) 1.01)

          test "a GRU that forgets at once passes its input on" (fun () ->
              let struct (target, theta) =
                  network
                      [| 1L; 1L |]
                      [ GruLayer("r", 1, false) ]
                      [ "r.weight_ih_l0", [| 3L; 1L |], [ 0.0; 0.0; 1.0 ]
                        "r.weight_hh_l0", [| 3L; 1L |], [ 0.0; 0.0; 0.0 ]
                        "r.bias_ih_l0", [| 3L |], [ 0.0; -20.0; 0.0 ]
                        "r.bias_hh_l0", [| 3L |], [ 0.0; 0.0; 0.0 ] ]

              NetworkLipschitz.inputLipschitzWithin target theta 1.0
              |> isNear (sigmoid 20.0) 1.2) ]
