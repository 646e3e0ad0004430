// Theorem 2 on a curved mapping: the residual of both phases, drawn on a logarithmic scale.
#I "../../tests/Core.FSharp.Tests/bin/Release/net10.0"
#r "TorchSharp.dll"
#r "MappingNets.Core.dll"

open TorchSharp
open MappingNets
open MappingNets.Core

let layout =
    ParameterLayout.create [ "fc.weight", [| 20L; 10L |], 10L; "fc.bias", [| 20L |], 10L ]

let sine =
    MappingDescription.For(layout).SingleLatent(12).WithActivation(MappingActivation.Sine)

let g = sine.WithSeed(5UL).WithAdditiveModulation(0.02).Build()
let start = torch.linspace (-0.5, 0.5, 12L, dtype = torch.float64)
let truth = start + torch.linspace (0.2, -0.1, 12L, dtype = torch.float64)

let certificate =
    Solvability.certify Solvability.defaults (DifferentiableMap.ofMapping g) start (g.Generate truth)

let draw title (phase: SolvabilityPhase) =
    printfn "%s: ||theta* - g(z)|| from 1e-16 to 1" title

    for iteration, residual in Array.indexed phase.Residuals do
        let width = max 0 (int (4.0 * (16.0 + log10 (max residual 1e-16))))
        printfn "%3d |%s %.2e" iteration (String.replicate width "#") residual

draw "contraction Phi" certificate.Local
draw "Gauss-Newton" certificate.Global
let facts, estimates = certificate.Facts, certificate.Estimates
printfn "reachable part of r: %.4f, unreachable: %.4f" facts.ReachableNorm facts.UnreachableNorm
printfn "C_2 = %.3f, at least %.3f was met" certificate.Assumptions.RemainderConstant.Value estimates.ObservedRemainder
printfn "contraction factor %.3f, order %.2f" estimates.ContractionFactor estimates.Order.Value
printfn "z* recovered: %b" ((certificate.Latent - truth).norm().ToDouble() < 1e-8)
