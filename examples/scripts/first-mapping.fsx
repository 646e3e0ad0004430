#I "../../tests/Core.FSharp.Tests/bin/Release/net10.0"
#r "TorchSharp.dll"
#r "MappingNets.Core.dll"
open TorchSharp
open MappingNets.Core

// Six points, and a target network y = x w + b whose weights theta = (w, b) come from two latents: theta = g(z).
let x = torch.linspace(-1.0, 1.0, 6L).view (6L, 1L)
let y = x * 0.8 - 0.3
let layout = ParameterLayout.create [ "fc1.weight", [| 1L; 1L |], 1L; "fc1.bias", [| 1L |], 1L ]
let g = Mapping.create layout { Mapping.singleLatent 2 with Seed = 7UL; Activation = Tanh }

let loss z =
    let theta = layout.Split(g.Generate z)
    MappingLoss.meanSquaredError (torch.nn.functional.linear (x, theta[0], theta[1])) y

let show name (value: torch.Tensor) = printfn "%s: %s" name (value.npstr "g4")
let start = g.InitialLatent()
show "loss at z0" (loss start)
show "gradient" (Differentiation.grad loss start)
show "Hessian" (Differentiation.hessian loss start)

let descend (z: torch.Tensor) (_: int) = z - 0.5 * Differentiation.grad loss z
show "loss at the end" (loss (Seq.fold descend start (seq { 1..200 })))
