// What the modulation's strength alpha costs and gives: bounds in closed form, and how far theorem 2 then reaches.
#I "../../tests/Core.FSharp.Tests/bin/Release/net10.0"
#r "TorchSharp.dll"
#r "MappingNets.Core.dll"

open TorchSharp
open MappingNets.Core

let tensors = [ "fc.weight", [| 30L; 10L |], 10L; "fc.bias", [| 30L |], 10L ]
let layout = ParameterLayout.create tensors

let start = torch.linspace (-1.0, 1.0, 20L, dtype = torch.float64)
let wanted = torch.linspace (-0.2, 0.2, layout.Count, dtype = torch.float64)

let row alpha =
    let plain = Mapping.singleLatent 20
    let modulation = [| AdditiveModulation alpha |]
    let g = Mapping.create layout { plain with Modulations = modulation }
    let bound = MappingBounds.onBall g start 1.0
    let map = DifferentiableMap.ofMapping g
    let search = Solvability.certify Solvability.defaults map start wanted
    let contraction = search.Estimates.ContractionFactor
    printfn "%8g %10.3f %10.3f %12.4f %10.3f" alpha bound.Lipschitz bound.Curvature search.Facts.Distance contraction
    bound

printfn "%8s %10s %10s %12s %10s" "alpha" "Lipschitz" "curvature" "distance" "contracts"
let bounds = [ 0.0; 1e-3; 1e-2; 0.05; 0.1 ] |> List.map row

let rises =
    bounds
    |> List.pairwise
    |> List.forall (fun (a, b) -> a.Lipschitz < b.Lipschitz && a.Curvature < b.Curvature)

printfn "both bounds rise with alpha: %b" rises
