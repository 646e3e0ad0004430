// How far the latent may move before one prediction of a small classifier can change: certified, and sampled beside it.
#I "../../tests/Core.FSharp.Tests/bin/Release/net10.0"
#r "TorchSharp.dll"
#r "MappingNets.Core.dll"

open TorchSharp
open MappingNets
open MappingNets.Core

let layout =
    ParameterLayout.create [ "fc.weight", [| 3L; 4L |], 4L; "fc.bias", [| 3L |], 4L ]

let target =
    { Layout = layout
      InputShape = [| 4L |]
      Layers = [ LinearLayer "fc" ] }

let g = MappingDescription.For(layout).SingleLatent(6).WithSeed(2UL).Build()
let z = torch.linspace (-1.0, 1.0, 6L, dtype = torch.float64)
let x = dsharp.tensor [ 0.5; -0.2; 0.9; 0.1 ]

let scores latent =
    let weights = layout.Split(g.Generate latent)
    weights[0].mv x + weights[1]

let struct (values, places) = (scores z).topk 2
let margin = (values[0L] - values[1L]).ToDouble()

// What the weights can do, layer by layer, and what this input gives the layer.
let steps = OutputShift.steps target (g.Generate z)
let shifts = TensorShift.ofMapping g z null
let radius = OutputShift.radius steps shifts [| x.norm().ToDouble() |] margin

let moved index =
    let direction = MappingLoss.noise (CounterHash.ofSeed 1UL) index 1.0 z
    (scores (z + direction / direction.norm () * radius)).argmax().ToInt64() = places[0L].ToInt64()

printfn "margin %.3f, certified radius %.4f" margin radius
printfn "no sampled move within it changes the prediction: %b" (Seq.forall moved (seq { 1L .. 500L }))
