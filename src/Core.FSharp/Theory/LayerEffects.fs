/// What one layer does to distances between inputs, between weights and to norms, on a ball of weights and for inputs of a bounded norm.
module internal MappingNets.Core.LayerEffects

open System
open TorchSharp

/// What reaches a layer.
type Arrival =
    {
        Shape: int64[]
        /// No input of the layer has a larger norm; infinite where none is known.
        Norm: float
        /// The radius of the ball of weights around theta.
        Radius: float
    }

/// What a layer makes of it.
type Effect =
    {
        OutputShape: int64[]
        /// Its constant in its input.
        Gain: float
        /// No output has a larger norm.
        OutputNorm: float
        /// How far a change of each tensor, by name, of norm 1 moves its output.
        Shares: (string * float) list
        /// What the constants rest on.
        Causes: Bound list
        /// What the constant in the input rests on alone.
        InputCauses: Bound list
    }

let refuse text =
    raise (ArgumentException(text, "target"))

/// The product in which 0 times infinity is 0: a share of nothing.
let times (first: float) (second: float) =
    if first = 0.0 || second = 0.0 then 0.0 else first * second

let norm (tensor: torch.Tensor) = Rounding.frobeniusAbove tensor

/// theta by name.
type Weights(layout: ParameterLayout, theta: torch.Tensor) =

    member _.TryFind name =
        layout.Entries
        |> Array.tryFind (fun entry -> entry.Name = name)
        |> Option.map (fun entry -> theta.narrow(0L, entry.Offset, entry.Count).view entry.Shape)

    /// A tensor of so many sizes.
    member weights.Find(name, rank) =
        match weights.TryFind name with
        | Some tensor when tensor.dim () = int64 rank -> tensor
        | Some tensor -> refuse $"'{name}' has the shape {shapeText tensor.shape}; the layer's has {rank} sizes."
        | None -> refuse $"The layout has no '{name}'."

let silent shape gain outputNorm =
    { OutputShape = shape
      Gain = gain
      OutputNorm = outputNorm
      Shares = []
      Causes = []
      InputCauses = [] }

let count (shape: int64[]) = shape |> Array.fold (*) 1L

/// How many windows of a size and stride hold one value along one side.
let windows (size: int64) (stride: int64) (outputs: int64) =
    float (min outputs ((size + stride - 1L) / stride))

/// At least the operations that a bound takes after its norms are known; it is raised by what their rounding may have taken.
let operations = 1e5

/// A layer's constant in its input, with what it rests on.
let inputBound effect =
    Bound.following (effect.Causes @ effect.InputCauses) (Rounding.raised operations effect.Gain)

/// A bias of a tensor's name, added at so many places: its largest norm there, and its share.
let biasOf (weights: Weights) name radius (places: float) =
    match weights.TryFind name with
    | None -> struct (0.0, [])
    | Some bias -> struct (sqrt places * (norm bias + radius), [ name, sqrt places ])
