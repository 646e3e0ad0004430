/// What "%A" and F# Interactive show of mappings, layouts and certificates.
module MappingNets.Core.Tests.PrintingTests

open System
open Expecto
open TorchSharp
open MappingNets
open MappingNets.Core
open MappingNets.Core.Tests.TensorExpectations
open MappingNets.Core.Tests.TheoremExamples

let private mapping () =
    curved MappingActivation.Tanh (AdditiveModulation 0.1) 40L 3

/// The text has all parts, few lines, and nothing that only a machine reads.
let private reads (parts: string list) (value: 'T) =
    let text = sprintf "%A" value

    for part in parts do
        Expect.stringContains text part "what a reader looks for"

    for noise in [ "fun:"; "FSharpFunc"; "closure"; "Microsoft.FSharp"; "<fun" ] do
        Expect.isFalse (text.Contains noise) $"'{noise}' in {text}"

    Expect.isLessThan (text.Split('\n').Length) 16 $"few lines: {text}"

[<Tests>]
let tests =
    testList
        "Printing"
        [ test "a mapping, its layout and its pieces" (fun () ->
              use mapping = mapping ()
              reads [ "Tanh"; "47"; "additive(0.1)" ] mapping
              reads [ "a.weight(40)"; "47" ] mapping.Layout
              reads [ "3 latents -> 47 weights" ] mapping.Pieces[0]
              reads [ "Seed = 11"; "AdditiveModulation 0.1" ] (Mapping.specification mapping))

          test "bounds of a mapping" (fun () ->
              use mapping = mapping ()
              let bound = MappingBounds.onBall mapping (startOf mapping) 0.5
              reads [ "Lipschitz"; "curvature"; "(proven)"; "theta: " ] bound
              reads [ "theta: Lipschitz" ] bound.Pieces[0]

              reads
                  [ "probability 0.99"; "weights by at most" ]
                  (MappingBounds.noiseReach mapping (startOf mapping) 0.1 0.01)

              let shifts = TensorShift.ofMapping mapping (startOf mapping) null
              reads [ "within a radius of 1"; "(proven)" ] shifts[0])

          test "certificates of both theorems" (fun () ->
              use mapping = mapping ()
              let map = DifferentiableMap.ofMapping mapping
              let start = startOf mapping
              let target = mapping.Generate start + 0.01.ToScalar()
              let search = Solvability.certify Solvability.defaults map start target

              reads
                  [ "||r|| ="
                    "(proven)"
                    "sigma_min(A) >="
                    "ClosedForm"
                    "global:"
                    "converged" ]
                  search

              let certificate =
                  MappingTheorem.certify
                      Solvability.defaults
                      { Map = map
                        Start = start
                        Target = target
                        Loss = _.sum()
                        Epsilon = 1.0
                        LossLipschitz = StatedConstant 1.0
                        WeightLipschitz = ProvenConstant(7.0, 2.0) }

              reads
                  [ "HoldsByTheorem (assumed)"
                    "1 (stated)"
                    "7 (proven within 2)"
                    "delta = 0.1429" ]
                  certificate

              reads [ "3 latents to 47 weights"; "with a bound of its curvature" ] map
              reads [ "a linear map (47, 3)" ] (map.Derivative start))

          test "layers of a network" (fun () ->
              let layout =
                  ParameterLayout.create [ "f.weight", [| 2L; 2L |], 2L; "f.bias", [| 2L |], 2L ]

              let target =
                  { Layout = layout
                    InputShape = [| 2L |]
                    Layers = [ ResidualLayer([ LinearLayer "f"; TanhLayer ], []) ] }

              let theta = vector [ 1.0; 0.0; 0.0; 1.0; 0.0; 0.0 ]
              reads [ "Residual ["; "f: constant 1 (proven)"; "Tanh" ] (OutputShift.steps target theta)
              reads [ "LinearLayer \"f\""; "f.weight(2, 2)" ] target) ]
