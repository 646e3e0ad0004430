// Theorem 1 for a tiny network: what a certificate assumes, estimates and establishes.
#I "../../tests/Core.FSharp.Tests/bin/Release/net10.0"
#r "TorchSharp.dll"
#r "MappingNets.Core.dll"

open TorchSharp
open MappingNets
open MappingNets.Core

// Logistic regression: 4 inputs, 3 classes, 15 weights from 6 latents.
let tensors = [ "fc.weight", [| 3L; 4L |], 4L; "fc.bias", [| 3L |], 4L ]
let layout = ParameterLayout.create tensors
let x = torch.tensor [| 0.5; -0.5; 0.5; 0.5 |]

let loss (theta: torch.Tensor) =
    let weights = layout.Split theta
    let scores = weights[0].mv x + weights[1]
    -scores.log_softmax(0L).select (0L, 1L)

let curved = MappingDescription.For(layout).WithActivation(MappingActivation.Tanh)
let g = curved.SingleLatent(6).Build()
let start = torch.zeros (6L, dtype = torch.float64)
// The weights to be reached: on the image of g but for one part in ten thousand.
let wanted = g.Generate(start + 0.2) + 1e-4

let certificate =
    MappingTheorem.certify
        Solvability.defaults
        { Map = DifferentiableMap.ofMapping g
          Start = start
          Target = wanted
          Loss = loss
          Epsilon = 0.01
          LossLipschitz = StatedConstant NetworkLipschitz.crossEntropy
          // Scores move by at most sqrt(||x||^2 + 1) times the move of (w, b).
          WeightLipschitz = StatedConstant(sqrt 2.0) }

printfn "%A\n%A\n%A" certificate.Assumptions certificate.Estimates certificate.Facts
printfn "conclusion: %A" certificate.Conclusion
