#I "../../tests/Core.FSharp.Tests/bin/Release/net10.0"
#r "TorchSharp.dll"
#r "MappingNets.Core.dll"

open TorchSharp
open MappingNets.Core

// Six points, and a target network y = x w + b whose weights two latents generate: (w, b) = g(z).
let x = torch.linspace(-1.0, 1.0, 6L).view (6L, 1L)
let tensors = [ "fc1.weight", [| 1L; 1L |], 1L; "fc1.bias", [| 1L |], 1L ]
let layout = ParameterLayout.create tensors
let g = Mapping.create layout (Mapping.singleLatent 2)

let loss z =
    let theta = layout.Split(g.Generate z)
    let outputs = torch.nn.functional.linear (x, theta[0], theta[1])
    MappingLoss.meanSquaredError outputs (x * 0.8 - 0.3)

let descend z _ = z - 0.5 * Differentiation.grad loss z
let start = g.InitialLatent()
printfn "gradient: %s" ((Differentiation.grad loss start).npstr "g4")
printfn "Hessian: %s" ((Differentiation.hessian loss start).npstr "g4")
let trained = Seq.fold descend start (seq { 1..200 })
printfn "loss at the end: %s" ((loss trained).npstr "g4")
