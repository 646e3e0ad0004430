// The derivatives of a loss through g, by autograd and by finite differences.
#I "../../tests/Core.FSharp.Tests/bin/Release/net10.0"
#r "TorchSharp.dll"
#r "MappingNets.Core.dll"

open TorchSharp
open MappingNets.Core
open MappingNets.Core.Differentiation
open MappingNets.Core.NumericalDifferentiation

// Twelve weights from three latents: theta = (W(z) z + b) * scale with W(z) = omega_0 + alpha z.
let tensors = [ "fc.weight", [| 3L; 3L |], 3L; "fc.bias", [| 3L |], 3L ]
let layout = ParameterLayout.create tensors
let additive = [| AdditiveModulation 0.1 |]
let plain = Mapping.singleLatent 3
let g = Mapping.create layout { plain with Modulations = additive }

let z = torch.tensor [| 0.2; -0.4; 0.7 |]
let loss (z: torch.Tensor) = (g.Generate z).square().sum ()

let show name (value: torch.Tensor) =
    printfn "%s = %s" name (value.npstr "g5")

show "g(z)" (g.Generate z)
show "gradient" (grad loss z)
show "Hessian" (hessian loss z)
show "Hessian times (1, 0, 0)" (hessianv loss z (torch.tensor [| 1.0; 0.0; 0.0 |]))
show "Jacobian of g" (jacobian g.Generate z)

// The smoothness term in closed form is the squared norm of that Jacobian.
show "||Jacobian||^2, closed form" (MappingLoss.smoothness g z)

let gap (a: torch.Tensor) (b: torch.Tensor) = (a - b).abs().max().ToDouble()
let gradientGap = gap (grad loss z) (numgrad 1e-5 loss z)
let hessianGap = gap (hessian loss z) (numhessian 1e-4 loss z)
printfn "%g and %g" gradientGap hessianGap
printfn "derivatives agree with finite differences: %b" (gradientGap < 1e-8 && hessianGap < 1e-5)
