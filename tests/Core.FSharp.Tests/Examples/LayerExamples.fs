/// Each layer that has a rule, as code.
module MappingNets.Core.Tests.LayerExamples

open System
open Expecto
open TorchSharp
open MappingNets
open MappingNets.Core
open MappingNets.Core.Tests.TensorExpectations
open MappingNets.Core.Tests.TheoremExamples

/// A layer as code: from its tensors by name and one input to its output.
type Example =
    {
        Name: string
        Tensors: (string * int64[]) list
        Input: int64[]
        Layers: TargetLayer list
        Run: (string -> torch.Tensor) -> torch.Tensor -> torch.Tensor
        /// No bound may be more than so many times what is reached.
        Slack: float
    }

let layoutFor example =
    ParameterLayout.create
        [ for name, shape in example.Tensors do
              yield name, shape, 1L

          // A layout needs a tensor.
          if example.Tensors.IsEmpty then
              yield "unused", [| 1L |], 1L ]

let output example (layout: ParameterLayout) (theta: torch.Tensor) (x: torch.Tensor) =
    let tensors =
        Array.zip (layout.Entries |> Array.map _.Name) (layout.Split theta) |> dict

    (example.Run (fun name -> tensors[name]) (x.view example.Input)).flatten ()

let spectralNorm (matrix: torch.Tensor) =
    torch.linalg.svdvals(matrix).max().ToDouble()

let private convolve (weight: torch.Tensor) (bias: torch.Tensor) stride padding (x: torch.Tensor) =
    torch.nn.functional
        .conv2d(x.unsqueeze 0L, weight, bias, strides = [| stride; stride |], padding = [| padding; padding |])
        .squeeze
        0L

let private transposedConvolve
    (weight: torch.Tensor)
    (bias: torch.Tensor)
    (stride: int64)
    (padding: int64)
    (x: torch.Tensor)
    =
    torch.nn.functional
        .conv_transpose2d(
            x.unsqueeze 0L,
            weight,
            bias,
            strides = [| stride; stride |],
            padding = [| padding; padding |]
        )
        .squeeze
        0L

let private affine (weight: torch.Tensor) (bias: torch.Tensor) (x: torch.Tensor) =
    torch.nn.functional.linear (x, weight, bias)

let private recurrentNames layer =
    [ $"r.weight_ih_l{layer}"
      $"r.weight_hh_l{layer}"
      $"r.bias_ih_l{layer}"
      $"r.bias_hh_l{layer}" ]

let private recurrentWeights layer (find: string -> torch.Tensor) =
    let tensors = recurrentNames layer |> List.map find |> List.toArray
    struct (tensors[0], tensors[1], tensors[2], tensors[3])

let private overSteps
    (x: torch.Tensor)
    hidden
    (step: torch.Tensor -> torch.Tensor -> torch.Tensor -> struct (torch.Tensor * torch.Tensor))
    =
    let zero = torch.zeros ([| hidden |], dtype = torch.float64)

    ((struct (zero, zero), []), [ 0L .. x.shape[0] - 1L ])
    ||> List.fold (fun (struct (state, cell), states) index ->
        let struct (state, cell) = step x[index] state cell
        struct (state, cell), state :: states)
    |> fun (_, states) -> torch.stack (List.rev states |> List.toArray, 0L)

let lstm hidden layer (find: string -> torch.Tensor) (x: torch.Tensor) =
    let struct (given, kept, givenBias, keptBias) = recurrentWeights layer find

    overSteps x hidden (fun input state cell ->
        let gates =
            (given.mv input + givenBias + kept.mv state + keptBias).view (4L, hidden)

        let cell = gates[1L].sigmoid () * cell + gates[0L].sigmoid () * gates[2L].tanh ()
        struct (gates[3L].sigmoid () * cell.tanh (), cell))

let private gru hidden layer (find: string -> torch.Tensor) (x: torch.Tensor) =
    let struct (given, kept, givenBias, keptBias) = recurrentWeights layer find

    overSteps x hidden (fun input state cell ->
        let p = (given.mv input + givenBias).view (3L, hidden)
        let q = (kept.mv state + keptBias).view (3L, hidden)
        let reset, update = (p[0L] + q[0L]).sigmoid (), (p[1L] + q[1L]).sigmoid ()
        let fresh = (p[2L] + reset * q[2L]).tanh ()
        struct (fresh + update * (state - fresh), cell))

let private attend heads (find: string -> torch.Tensor) (x: torch.Tensor) =
    let tokens, features = x.shape[0], x.shape[1]
    let size = features / heads

    let parts =
        (affine (find "a.in_proj_weight") (find "a.in_proj_bias") x)
            .view(tokens, 3L, heads, size)
            .permute (1L, 2L, 0L, 3L)

    let scores =
        parts[0L].bmm (parts[1L].transpose (1L, 2L)) / (sqrt (float size)).ToScalar()

    let joined =
        ((scores.softmax 2L).bmm parts[2L]).transpose(0L, 1L).reshape (tokens, features)

    affine (find "a.out_proj.weight") (find "a.out_proj.bias") joined

let private recurrentTensors gates =
    [ for layer, inputs in [ 0, 2L; 1, 3L ] do
          yield!
              List.zip
                  (recurrentNames layer)
                  [ [| gates * 3L; inputs |]
                    [| gates * 3L; 3L |]
                    [| gates * 3L |]
                    [| gates * 3L |] ] ]

let statistics =
    { Mean = [| 0.4; -0.3 |]
      Variance = [| 0.2; 1.5 |]
      Epsilon = 1e-5 }

let private plain name input layers slack run =
    { Name = name
      Tensors = []
      Input = input
      Layers = layers
      Run = fun _ x -> run x
      Slack = slack }

let private square (window: int64) = [| window; window |]

let private norm1 (find: string -> torch.Tensor) (x: torch.Tensor) =
    let mean, variance = vector [ 0.4; -0.3 ], vector [ 0.2; 1.5 ]

    torch.nn.functional
        .batch_norm(x.unsqueeze 0L, mean, variance, find "b.weight", find "b.bias", training = false, eps = 1e-5)
        .squeeze
        0L

let examples =
    [ yield
          { Name = "linear on tokens"
            Tensors = [ "f.weight", [| 3L; 4L |]; "f.bias", [| 3L |] ]
            Input = [| 2L; 4L |]
            Layers = [ LinearLayer "f" ]
            Run = fun find x -> affine (find "f.weight") (find "f.bias") x
            Slack = 4.0 }

      for stride, padding, kernel in [ 1L, 1L, 3L; 2L, 0L, 3L; 3L, 1L, 3L; 2L, 1L, 2L; 2L, 0L, 2L ] do
          yield
              { Name = $"convolution, stride {stride}, padding {padding}, kernel {kernel}"
                Tensors = [ "c.weight", [| 3L; 2L; kernel; kernel |]; "c.bias", [| 3L |] ]
                Input = [| 2L; 6L; 5L |]
                Layers = [ Conv2dLayer("c", stride, padding) ]
                Run = fun find x -> convolve (find "c.weight") (find "c.bias") stride padding x
                Slack = 4.0 }

          yield
              { Name = $"transposed convolution, stride {stride}, padding {padding}, kernel {kernel}"
                Tensors = [ "c.weight", [| 2L; 3L; kernel; kernel |]; "c.bias", [| 3L |] ]
                Input = [| 2L; 3L; 4L |]
                Layers = [ ConvTranspose2dLayer("c", stride, padding) ]
                Run = fun find x -> transposedConvolve (find "c.weight") (find "c.bias") stride padding x
                Slack = 4.0 }

      yield
          { Name = "batch normalisation"
            Tensors = [ "b.weight", [| 2L |]; "b.bias", [| 2L |] ]
            Input = [| 2L; 3L; 2L |]
            Layers = [ BatchNormLayer("b", Some statistics) ]
            Run = norm1
            Slack = 8.0 }

      yield
          { Name = "layer normalisation"
            Tensors = [ "n.weight", [| 4L |]; "n.bias", [| 4L |] ]
            Input = [| 3L; 4L |]
            Layers = [ LayerNormLayer("n", 0.5, None) ]
            Run = fun find x -> torch.nn.functional.layer_norm (x, [| 4L |], find "n.weight", find "n.bias", 0.5)
            Slack = 8.0 }

      yield plain "ReLU" [| 6L |] [ ReLULayer ] 1.01 (fun x -> x.relu ())
      yield plain "tanh" [| 6L |] [ TanhLayer ] 8.0 (fun x -> x.tanh ())
      yield
          plain "SiLU" [| 40L |] [ SiLULayer ] 2.0 (fun x ->
              torch.nn.functional.silu (x * 2.0.ToScalar()) * 0.5.ToScalar())
      yield
          plain "GELU" [| 40L |] [ GELULayer ] 1.3 (fun x ->
              torch.nn.functional.gelu (x * 2.0.ToScalar()) * 0.5.ToScalar())
      yield plain "dropout" [| 6L |] [ DropoutLayer ] 1.01 id

      yield
          plain "max pooling" [| 2L; 5L; 4L |] [ MaxPool2dLayer(3L, 1L, 1L) ] 4.0 (fun x ->
              torch.nn.functional.max_pool2d (x, 3L, 1L, 1L))

      for window, stride, padding in [ 2L, 2L, 0L; 3L, 1L, 1L ] do
          yield
              plain
                  $"average pooling, window {window}"
                  [| 2L; 5L; 4L |]
                  [ AvgPool2dLayer(window, stride, padding) ]
                  1.5
                  (fun x -> torch.nn.functional.avg_pool2d (x, window, stride, padding))

      yield
          plain "global average pooling" [| 2L; 5L; 4L |] [ GlobalAveragePool2dLayer ] 1.01 (fun x ->
              x.mean [| 1L; 2L |])
      yield plain "flatten" [| 2L; 3L |] [ FlattenLayer ] 1.01 (fun x -> x.flatten ())
      yield plain "reshape" [| 2L; 3L |] [ ReshapeLayer [| 3L; 2L |] ] 1.01 (fun x -> x.view (3L, 2L))
      yield plain "tokens" [| 2L; 3L; 2L |] [ TokensLayer ] 1.01 (fun x -> x.view(2L, 6L).t ())
      yield plain "first token" [| 2L; 3L |] [ FirstTokenLayer ] 1.01 (fun x -> x[0L])

      for shared in [ false; true ] do
          let second = if shared then "f" else "g"

          yield
              { Name = if shared then "residual of a shared layer" else "residual"
                Tensors =
                  [ "f.weight", [| 4L; 4L |]
                    "f.bias", [| 4L |]
                    if not shared then
                        yield! [ "g.weight", [| 4L; 4L |]; "g.bias", [| 4L |] ] ]
                Input = [| 4L |]
                Layers =
                  [ ResidualLayer([ LinearLayer "f"; TanhLayer; LinearLayer second ], [])
                    ReLULayer ]
                Run =
                  fun find x ->
                      let layer name x =
                          affine (find $"{name}.weight") (find $"{name}.bias") x

                      (layer second ((layer "f" x).tanh ()) + x).relu ()
                Slack = 20.0 }

      yield
          { Name = "residual with a shortcut"
            Tensors = [ "f.weight", [| 3L; 4L |]; "g.weight", [| 3L; 4L |] ]
            Input = [| 4L |]
            Layers = [ ResidualLayer([ LinearLayer "f"; TanhLayer ], [ LinearLayer "g" ]) ]
            Run = fun find x -> (find "f.weight").mv(x).tanh () + (find "g.weight").mv x
            Slack = 8.0 }

      yield
          { Name = "concatenation"
            Tensors = [ "f.weight", [| 2L; 2L; 1L; 1L |] ]
            Input = [| 2L; 3L; 2L |]
            Layers = [ ConcatenationLayer [ Conv2dLayer("f", 1L, 0L); TanhLayer ] ]
            Run =
              fun find x ->
                  let body = torch.nn.functional.conv2d(x.unsqueeze 0L, find "f.weight").squeeze 0L
                  torch.cat ([| x; body.tanh () |], 0L)
            Slack = 4.0 }

      for wholeSequence in [ false; true ] do
          let last (states: torch.Tensor) =
              if wholeSequence then
                  states
              else
                  states[states.shape[0] - 1L]

          yield
              { Name = $"two layers of an LSTM, whole sequence {wholeSequence}"
                Tensors = recurrentTensors 4L
                Input = [| 3L; 2L |]
                Layers = [ LstmLayer("r", 2, wholeSequence) ]
                Run = fun find x -> x |> lstm 3L 0 find |> lstm 3L 1 find |> last
                Slack = infinity }

          yield
              { Name = $"two layers of a GRU, whole sequence {wholeSequence}"
                Tensors = recurrentTensors 3L
                Input = [| 3L; 2L |]
                Layers = [ GruLayer("r", 2, wholeSequence) ]
                Run = fun find x -> x |> gru 3L 0 find |> gru 3L 1 find |> last
                Slack = infinity }

      yield
          { Name = "self-attention"
            Tensors =
              [ "a.in_proj_weight", [| 12L; 4L |]
                "a.in_proj_bias", [| 12L |]
                "a.out_proj.weight", [| 4L; 4L |]
                "a.out_proj.bias", [| 4L |] ]
            Input = [| 3L; 4L |]
            Layers = [ SelfAttentionLayer("a", 2L) ]
            Run = attend 2L
            Slack = infinity }

      yield
          { Name = "position embedding"
            Tensors = [ "p", [| 1L; 3L; 2L |] ]
            Input = [| 3L; 2L |]
            Layers = [ PositionEmbeddingLayer "p" ]
            Run = fun find x -> x + (find "p").squeeze 0L
            Slack = 1.01 }

      yield
          { Name = "class token"
            Tensors = [ "t", [| 1L; 1L; 2L |] ]
            Input = [| 3L; 2L |]
            Layers = [ ClassTokenLayer "t" ]
            Run = fun find x -> torch.cat ([| (find "t").view (1L, 2L); x |], 0L)
            Slack = 1.01 } ]
