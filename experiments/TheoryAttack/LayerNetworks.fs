/// Small networks of the builder that have every layer with a rule, in double precision.
module MappingNets.Experiments.TheoryAttack.LayerNetworks

open System
open TorchSharp
open MappingNets
open MappingNets.Core
open MappingNets.Experiments.TheoryAttack.Chance

let private image () = TargetNetwork.Input(2L, 4L, 4L)
let private tokens () = TargetNetwork.Input(3L, 4L)
let private plain () = TargetNetwork.Input 5L

let private then' (next: TargetNetworkBuilder -> TargetNetworkBuilder) =
    Func<TargetNetworkBuilder, TargetNetworkBuilder> next

/// One layer each, by name.
let single: (string * (unit -> TargetNetwork)) list =
    [ "linear", (fun () -> plain().Linear(4L).Build())
      "convolution", (fun () -> image().Conv2d(3L, 3L, padding = 1L).Build())
      "convolution, stride 2", (fun () -> image().Conv2d(3L, 3L, stride = 2L).Build())
      "transposed convolution", (fun () -> image().ConvTranspose2d(2L, 2L, stride = 2L).Build())
      "batch normalisation", (fun () -> image().BatchNorm2d().Build())
      "layer normalisation", (fun () -> tokens().LayerNorm(0.1).Build())
      "GELU", (fun () -> plain().Linear(4L).Gelu().Build())
      "SiLU", (fun () -> plain().Linear(4L).SiLU().Build())
      "max pooling", (fun () -> image().Conv2d(2L, 1L).MaxPool2d(2L, stride = Nullable 1L).Build())
      "average pooling", (fun () -> image().Conv2d(2L, 1L).AvgPool2d(2L, stride = Nullable 1L).Build())
      "global average pooling", (fun () -> image().Conv2d(2L, 1L).GlobalAveragePool2d().Build())
      "residual", (fun () -> image().Residual(then' _.Conv2d(2L, 3L, padding = 1L).Tanh()).Build())
      "concatenation", (fun () -> image().Concatenate(then' _.Conv2d(2L, 3L, padding = 1L).ReLU()).Build())
      "class token and position embedding", (fun () -> tokens().ClassToken().PositionEmbedding().Linear(2L).Build())
      "self-attention", (fun () -> tokens().SelfAttention(2L).Build())
      "LSTM", (fun () -> tokens().Lstm(3L).Build())
      "GRU", (fun () -> tokens().Gru(3L, wholeSequence = true).Build()) ]

/// Several layers.
let deep: (string * (unit -> TargetNetwork)) list =
    [ "perceptron", (fun () -> plain().Linear(6L).Tanh().Linear(4L).ReLU().Linear(3L).Build())
      "convolutional",
      (fun () -> image().Conv2d(3L, 3L, padding = 1L).BatchNorm2d().ReLU().MaxPool2d(2L).Flatten().Linear(3L).Build())
      "residual network",
      (fun () ->
          image()
              .Residual(then' _.Conv2d(2L, 3L, padding = 1L).BatchNorm2d().Gelu(), relu = true)
              .Concatenate(then' _.Conv2d(2L, 3L, padding = 1L))
              .AvgPool2d(2L)
              .Flatten()
              .Linear(3L)
              .Build())
      "normalised", (fun () -> tokens().LayerNorm(0.1).Linear(4L).Gelu().LayerNorm().Flatten().Linear(3L).Build()) ]

/// A network with weights and running statistics, in double precision.
type Scene =
    { Target: TargetNetwork
      State: NetworkState
      Description: TargetDescription
      Chain: LayerChain
      Theta: torch.Tensor }

    /// The outputs of a batch at theta.
    member scene.Outputs (theta: torch.Tensor) (inputs: torch.Tensor) =
        scene.Target.Forward(inputs, scene.Target.Layout.Split theta, scene.State, false)

    /// The output of one input, a vector, as vectors.
    member scene.Output (theta: torch.Tensor) (x: torch.Tensor) =
        (scene.Outputs theta (x.view (Array.append [| 1L |] (Seq.toArray scene.Target.InputShape)))).flatten ()

    member scene.InputCount = scene.Target.InputShape |> Seq.fold (*) 1L

let scene (random: Random) (build: unit -> TargetNetwork) =
    let target = build ()
    let state = target.CreateState(torch.CPU, torch.float64)

    for buffer in state.Tensors do
        if buffer.dim () = 1L then
            // Means of any sign, variances that stay positive.
            buffer.add_ (uniform random buffer.shape[0] |> scaled 0.7) |> ignore

    let theta =
        torch.cat
            [| for parameter in target.Parameters do
                   let size = 1.5 / sqrt (float parameter.FanIn)
                   yield uniform random parameter.Count |> scaled size |]

    let mutable missing = ""
    let chain = target.Chain(state, &missing)

    match chain with
    | null -> failwith missing
    | chain ->
        { Target = target
          State = state
          Description = chain.Description
          Chain = chain
          Theta = theta }
