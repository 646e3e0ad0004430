/// Layers as steps: how far one sample's outputs move with known moves of weights, in exact arithmetic.
module MappingNets.Core.Tests.OutputShiftTests

open System
open Expecto
open TorchSharp
open MappingNets
open MappingNets.Core
open MappingNets.Core.Tests.LayerExamples
open MappingNets.Core.Tests.TensorExpectations
open MappingNets.Core.Tests.TheoremExamples

/// What a sample shows of one layer without branches.
let private shownBy (layer: TargetLayer) (x: torch.Tensor) =
    match layer with
    | LayerNormLayer _ ->
        let centred = x - x.mean ([| -1L |], keepdim = true)
        let deviations = centred.square().mean([| -1L |]).sqrt ()
        [| norm x; deviations.min().ToDouble() * (1.0 - 1e-12) |]
    | _ -> [| norm x |]

let private isOneStep (example: Example) =
    match example.Layers with
    | [ ResidualLayer _ ]
    | [ ConcatenationLayer _ ] -> false
    | [ layer ] -> isNull (OutputShift.unmodelled [ layer ])
    | _ -> false

/// The unit roundoff of double precision, 2^-53.
let private doubleRoundoff = Math.ScaleB(1.0, -53)

let private moved (layout: ParameterLayout) (change: torch.Tensor) =
    layout.Split change |> Array.map (fun tensor -> norm tensor * (1.0 + 1e-14))

/// The largest distance over its bound for changes of one tensor at a time, at random and along the top singular direction.
let private closest example seeds =
    let layout = layoutFor example

    let target =
        { Layout = layout
          InputShape = example.Input
          Layers = example.Layers }

    Seq.max
        [ for seed in 1..seeds do
              use _ = torch.NewDisposeScope()
              let random = Random seed
              let theta = uniform random layout.Count
              let x = uniform random (example.Input |> Array.fold (*) 1L)
              let steps = OutputShift.steps target theta
              let shown = shownBy example.Layers.Head (x.view example.Input)
              let here = output example layout theta x

              let struct (_, _, right) =
                  torch.linalg.svd (Differentiation.jacobian (fun theta -> output example layout theta x) theta)

              for along in [ right[0L]; direction random layout.Count ] do
                  for place in 0 .. layout.Entries.Length - 1 do
                      let size = if seed % 2 = 0 then 0.5 else 1e-3

                      let change =
                          layout.Split along
                          |> Array.mapi (fun index part ->
                              if index <> place || norm part < 1e-12 then
                                  torch.zeros_like part
                              else
                                  part * (size / norm part).ToScalar())
                          |> layout.Join

                      let there = theta + change
                      let distance = norm (output example layout there x - here)

                      // The weights are off by the rounding of this sum.
                      let moves = moved layout (there - theta)
                      let bound = OutputShift.outputs steps shown moves 0.0

                      // Both outputs are computed, each with the roundings of its layer; the bounds cover their own.
                      let roundedThere = OutputShift.outputs steps shown moves doubleRoundoff

                      let roundedHere =
                          OutputShift.outputs steps shown (Array.map (fun _ -> 0.0) moves) doubleRoundoff

                      Expect.isLessThanOrEqual
                          distance
                          ((roundedThere + roundedHere)
                           * (1.0 + float (here.numel () + 8L) * doubleRoundoff))
                          $"{example.Name}, {layout.Entries[place].Name}, seed {seed}"

                      yield if bound > 0.0 then distance / bound else 0.0 ]

/// The steps of one linear layer without a bias.
let private linear outputs inputs theta =
    OutputShift.steps
        { Layout = ParameterLayout.create [ "f.weight", [| outputs; inputs |], inputs ]
          InputShape = [| inputs |]
          Layers = [ LinearLayer "f" ] }
        theta

[<Tests>]
let tests =
    testList
        "Output shift"
        [ for example in examples |> List.filter isOneStep do
              test $"{example.Name}: moved weights move the output by no more than the step's bound" (fun () ->
                  let reached = closest example 6

                  if not example.Tensors.IsEmpty then
                      Expect.isGreaterThan reached 0.1 "and not absurdly less")

          test "a residual adds its branches' distances, a concatenation their squares" (fun () ->
              let layout =
                  ParameterLayout.create
                      [ "f.weight", [| 3L; 3L |], 3L
                        "f.bias", [| 3L |], 3L
                        "g.weight", [| 3L; 3L |], 3L ]

              let affine (tensors: torch.Tensor[]) (x: torch.Tensor) = tensors[0].mv x + tensors[1]

              for layer, run, isConcatenation in
                  [ ResidualLayer([ LinearLayer "f" ], [ LinearLayer "g" ]),
                    (fun (tensors: torch.Tensor[]) x -> affine tensors x + tensors[2].mv x),
                    false
                    ConcatenationLayer [ LinearLayer "f" ],
                    (fun tensors x -> torch.cat ([| x; affine tensors x |], 0L)),
                    true ] do
                  let mutable closest = 0.0

                  for seed in 1..20 do
                      use _ = torch.NewDisposeScope()
                      let random = Random seed
                      // A layer before it, so that distances arrive at it: here the same matrix g.
                      let theta, x = uniform random layout.Count, uniform random 3L
                      let tensors = layout.Split theta
                      let arriving = tensors[2].mv x

                      let target =
                          { Layout = layout
                            InputShape = [| 3L |]
                            Layers = [ LinearLayer "g"; layer ] }

                      let steps = OutputShift.steps target theta

                      let shown =
                          [| norm x
                             norm arriving
                             norm arriving
                             norm (affine tensors arriving)
                             if not isConcatenation then
                                 norm arriving
                                 norm (tensors[2].mv arriving) |]

                      let change = direction random layout.Count * 0.1.ToScalar()
                      let there = layout.Split(theta + change)

                      let distance = norm (run there (there[2].mv x) - run tensors arriving)

                      let bound = OutputShift.outputs steps shown (moved layout change) 0.0
                      Expect.isLessThanOrEqual distance bound $"seed {seed}"
                      closest <- max closest (distance / bound)

                  Expect.isGreaterThan closest 0.15 $"not absurd: {layer}")

          test
              "a layer normalisation is twice as steep as at its sample, where the sample moves through its mean"
              (fun () ->
                  let layout =
                      ParameterLayout.create
                          [ "f.weight", [| 2L; 1L |], 1L
                            "n.weight", [| 2L |], 2L
                            "n.bias", [| 2L |], 2L ]

                  let theta = vector [ 1.0; -1.0; 1.0; 1.0; 0.0; 0.0 ]

                  let steps =
                      OutputShift.steps
                          { Layout = layout
                            InputShape = [| 1L |]
                            Layers = [ LinearLayer "f"; LayerNormLayer("n", 1e-8, None) ] }
                          theta

                  let outputs (weight: float list) =
                      torch.nn.functional.layer_norm (vector weight, [| 2L |], eps = 1e-8)

                  // The input 1 gives (1, -1), which deviates by 1; it moves to (-0.001, 0.001).
                  let move = 1.001 * sqrt 2.0
                  let distance = norm (outputs [ -0.001; 0.001 ] - outputs [ 1.0; -1.0 ])

                  let bound =
                      OutputShift.outputs steps [| 1.0; sqrt 2.0; 1.0 |] [| move; 0.0; 0.0 |] 0.0

                  Expect.isGreaterThan distance (1.9 * move) "nearly twice"
                  Expect.isLessThanOrEqual distance bound "holds"
                  Expect.isLessThan bound (1.01 * distance) "is near")

          test "a bound in exact arithmetic is not below the number that it rounds" (fun () ->
              let steps = linear 1L 1L (vector [ 1.0 ])

              // Its square ends in 2^-60, which double precision drops.
              let size = 1.0 + Math.ScaleB(1.0, -30)
              let bound = OutputShift.outputs steps [| size |] [| size |] 0.0
              Expect.isLessThanOrEqual (Math.FusedMultiplyAdd(size, size, -bound)) 0.0 "at least the product")

          test "a sample that shows another number of things is refused" (fun () ->
              let steps = linear 2L 2L (vector [ 1.0; 0.0; 0.0; 1.0 ])

              raises<ArgumentException> [ "2 numbers"; "need 1" ] (fun () ->
                  OutputShift.outputs steps [| 1.0; 1.0 |] [| 0.1 |] 0.0 |> ignore))

          test "a layer with more roundings than the model bounds certifies nothing, instead of everything" (fun () ->
              let pooled =
                  { Layout = ParameterLayout.create [ "unused.weight", [| 1L |], 1L ]
                    InputShape = [| 1L; 4096L; 4096L |]
                    Layers = [ GlobalAveragePool2dLayer ] }

              let layout = ParameterLayout.create [ "f.weight", [| 1L; 17_280_000L |], 1L ]

              let linear =
                  { Layout = layout
                    InputShape = [| 17_280_000L |]
                    Layers = [ LinearLayer "f" ] }

              for target in [ pooled; linear ] do
                  let steps =
                      OutputShift.steps target (torch.ones (target.Layout.Count, dtype = torch.float64))

                  let bound = OutputShift.outputs steps [| 1.0 |] [| 0.0 |] TensorShift.unitRoundoff
                  Expect.equal bound infinity "no bound"
                  Expect.isGreaterThanOrEqual (OutputShift.outputs steps [| 1.0 |] [| 0.0 |] 0.0) 0.0 "exactly: one"
                  let radius = OutputShift.radius steps [| TensorShift.itself |] [| 1.0 |] 1.0
                  Expect.equal radius 0.0 "no radius")

          test "what is no move, no norm or no count is refused by its name" (fun () ->
              let steps = linear 2L 2L (torch.ones (4L, dtype = torch.float64))

              let outputs shown moved =
                  fun () -> OutputShift.outputs steps shown moved 0.0 |> ignore

              raises<ArgumentException> [ "moved"; "0 tensors"; "1 tensors" ] (outputs [| 1.0 |] [||])
              raises<ArgumentException> [ "moved"; "-5" ] (outputs [| 1.0 |] [| -5.0 |])
              raises<ArgumentException> [ "shown"; "NaN" ] (outputs [| nan |] [| 1.0 |])

              for count in [ 0L; -1L ] do
                  raises<ArgumentOutOfRangeException> [ "count"; string count ] (fun () ->
                      OutputShift.noiseNorm 1.0 count 0.1 |> ignore))

          test "a body that does not fit beside its input is refused" (fun () ->
              raises<ArgumentException> [ "(2, 4)"; "(2, 3)" ] (fun () ->
                  OutputShift.steps
                      { Layout = ParameterLayout.create [ "f.weight", [| 4L; 3L |], 3L ]
                        InputShape = [| 2L; 3L |]
                        Layers = [ ConcatenationLayer [ LinearLayer "f" ] ] }
                      (torch.ones (12L, dtype = torch.float64))
                  |> ignore))

          test "the probability beside a risk is never rounded up" (fun () ->
              for risk in [ 1e-300; 1e-17; 1e-16; 1e-3; 0.1; 0.2; 0.3; 0.5 ] do
                  let probability = OutputShift.probability risk
                  // This difference of numbers from 1/2 to 1 is exact.
                  Expect.isGreaterThanOrEqual (1.0 - probability) risk $"{risk}"
                  Expect.isGreaterThan probability (1.0 - risk - 2e-16) $"{risk}: close")

          test "a roundoff below 0 or beyond the numbers is refused" (fun () ->
              for roundoff in [ -1e-9; nan; infinity ] do
                  raises<ArgumentOutOfRangeException> [ "roundoff" ] (fun () ->
                      OutputShift.outputs [||] [||] [||] roundoff |> ignore))

          test "what moves alone moves as in company, and what is held keeps its rounding" (fun () ->
              use mapping = curved MappingActivation.Tanh (AdditiveModulation 0.1) 40L 3
              let shift = (TensorShift.ofMapping mapping (startOf mapping) null)[0]
              let held = TensorShift.held shift
              Expect.isGreaterThan (shift.Moves 1.0) 0.1 "it moves"
              Expect.equal (held.Moves 1.0) 0.0 "it stays"
              Expect.equal (held.Rounding 1.0) (shift.Rounding 0.0) "as it is"
              Expect.isGreaterThan (held.Rounding 1.0) 0.0 "and is rounded") ]
