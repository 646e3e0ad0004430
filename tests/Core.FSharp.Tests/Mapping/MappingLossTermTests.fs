/// Each term of the mapping loss against its definition.
module MappingNets.Core.Tests.MappingLossTermTests

open System
open Expecto
open TorchSharp
open MappingNets
open MappingNets.Core
open MappingNets.Core.Differentiation
open MappingNets.Core.NumericalDifferentiation
open MappingNets.Core.Tests.HashedTensors
open MappingNets.Core.Tests.TensorExpectations
open MappingNets.Core.Tests.MappingExamples
open MappingNets.Core.Tests.Refusals

let private latent (mapping: Mapping) =
    hashed 61UL "z" [ int64 mapping.LatentCount ]

/// 1 - cos(z, m) of one piece, from whole matrices.
let private alignmentOf (piece: MappingPiece) (own: torch.Tensor) =
    let rows = piece.FixedWeights.Rows

    let mean =
        (piece.FixedWeights.ToMatrix own + modulationMatrix piece.Modulation rows own).mean [| 0L |]

    1.0 - (own.dot mean / (own.norm () * mean.norm ())).ToDouble()

[<Tests>]
let smoothness =
    testList
        "smoothness"
        [ for name, kind, modulationName, activation in compositions do
              test $"the closed form is ||J||_F^2: {name}" (fun () ->
                  for specification in
                      [ single kind modulationName activation
                        layerWise kind modulationName activation ] do
                      use mapping = Mapping.create layout specification
                      let z = latent mapping
                      let jacobian = jacobian (fun z -> mapping.Generate z) z
                      near 1e-11 "norm" (jacobian.square().sum ()) (MappingLoss.smoothness mapping z))

          test "of an affine mapping it takes no vector of P numbers" (fun () ->
              // 10^10 weights: 80 GB as vectors.
              let huge =
                  ParameterLayout.create [ for layer in 1..4 -> $"{layer}", [| 50_000L; 50_000L |], 50_000L ]

              use mapping = Mapping.create huge (Mapping.singleLatent 2048)
              let z = latent mapping
              let scale = float (float32 mapping.Scales[0])
              near 1e-6 "norm" (scalar (1e10 * scale * scale)) (MappingLoss.smoothness mapping z)
              let trained = torch.tensor [| 1.0; 2.0; 3.0; 4.0 |]

              near
                  1e-6
                  "at scales"
                  (scalar (30.0 * 2.5e9 * scale * scale))
                  (MappingLoss.smoothnessAtScales mapping z trained))

          test "of a saturated tanh it keeps its digits, and its slope too" (fun () ->
              use mapping = plainTanh ()

              // W is a signed permutation, so |h| = |z|, and the term is the sum of 1 / cosh^4.
              let f = MappingLoss.smoothness mapping

              for size in [ 0.0; 1.0; 4.0; 9.1; 15.0; 60.0 ] do
                  let z = torch.full ([| 4L |], size.ToScalar(), dtype = torch.float32)
                  let value, slope = fgrad f z
                  let term = 4.0 / Math.Pow(cosh size, 4.0)

                  if size < 20.0 then
                      Expect.floatClose Accuracy.medium (value.ToDouble() / term) 1.0 $"{size}: the term"
                      let expected = -tanh size * term
                      Expect.isLessThan (abs (slope[0L].ToDouble() - expected)) (1e-5 * term) $"{size}: its slope"
                  else
                      Expect.all (numbers (slope.to_type torch.float64)) Double.IsFinite $"{size}: its slope"

              // 1 / cosh^4 has the second derivative -4 at 0.
              let along = vector [ 1.0; -2.0; 0.5; 0.0 ]
              let bend = hessianv f (torch.zeros (4L, torch.float64)) along
              near 1e-12 "second derivative" (along * -4.0.ToScalar()) bend)

          for modulationName in modulationNames do
              test $"it can be differentiated: {modulationName}" (fun () ->
                  use mapping =
                      Mapping.create layout (layerWise FixedWeightsKind.Hadamard modulationName MappingActivation.Tanh)

                  let z = latent mapping
                  let f = MappingLoss.smoothness mapping
                  near 1e-8 "gradient" (numgrad 1e-5 f z) (grad f z)) ]

[<Tests>]
let alignment =
    testList
        "alignment"
        [ for kind in FixedWeightsExamples.kinds do
              for modulationName in modulationNames do
                  test $"{kind}, {modulationName}: 1 - cos(z, m), the mean over latent vectors" (fun () ->
                      for specification in
                          [ single kind modulationName MappingActivation.Identity
                            layerWise kind modulationName MappingActivation.Identity ] do
                          use mapping = Mapping.create layout specification
                          let z = latent mapping

                          let expected =
                              mapping.Pieces
                              |> Array.averageBy (fun piece -> alignmentOf piece (mapping.LatentOf(piece, z)))

                          near 1e-11 "value" (scalar expected) (MappingLoss.alignment mapping z)
                          let f = MappingLoss.alignment mapping
                          near 1e-7 "gradient" (numgrad 1e-5 f z) (grad f z))

          test "a latent of 0 counts as 1, with a finite gradient" (fun () ->
              for modulationName in modulationNames do
                  use mapping =
                      Mapping.create
                          layout
                          (layerWise FixedWeightsKind.SignedPermutation modulationName MappingActivation.Identity)

                  let value, gradient =
                      fgrad (MappingLoss.alignment mapping) (torch.zeros (7L, torch.float64))

                  same modulationName (scalar 1.0) value
                  Expect.all (numbers gradient) Double.IsFinite modulationName) ]

[<Tests>]
let outputs =
    testList
        "stability and task losses"
        [ test "stability is the squared distance of the outputs, summed, the mean over the batch" (fun () ->
              let perturbed, outputs =
                  hashed 62UL "p" [ 4L; 3L; 2L ], hashed 62UL "o" [ 4L; 3L; 2L ]

              let byHand =
                  Array.zip (numbers perturbed) (numbers outputs)
                  |> Array.sumBy (fun (a, b) -> (a - b) ** 2.0)

              same "distance" (scalar (byHand / 4.0)) (MappingLoss.stability perturbed outputs)
              same "no distance" (scalar 0.0) (MappingLoss.stability outputs outputs))

          test "cross-entropy is -sum q log p with the target smoothed over all classes" (fun () ->
              let scores = hashed 63UL "scores" [ 4L; 3L ]
              let labels = [| 2L; 0L; 1L; 2L |]

              for smoothing in [ 0.0; 0.1 ] do
                  let row index =
                      let exponentials = [ for c in 0L .. 2L -> exp (scores[int64 index, c].ToDouble()) ]

                      -List.sum
                          [ for c in 0..2 ->
                                let share =
                                    (if int64 c = labels[index] then 1.0 - smoothing else 0.0) + smoothing / 3.0

                                share * log (exponentials[c] / List.sum exponentials) ]

                  let actual = MappingLoss.crossEntropy smoothing scores (torch.tensor labels)
                  same $"smoothing {smoothing}" (scalar (List.averageBy row [ 0..3 ])) actual)

          test "mean squared error is the mean over all elements" (fun () ->
              let actual =
                  MappingLoss.meanSquaredError (vector [ 1.0; 2.0 ]) (vector [ 0.0; 4.0 ])

              same "error" (scalar 2.5) actual) ]

[<Tests>]
let noise =
    let key = CounterHash.ofSeed 64UL
    let like = lazy (torch.zeros(20000L, torch.float64).DetachFromDisposeScope())

    testList
        "noise"
        [ test "its mean is 0 and its deviation the one asked for" (fun () ->
              let values = numbers (MappingLoss.noise key 3L 0.5 like.Value)
              Expect.isLessThan (abs (Array.average values)) (5.0 * 0.5 / sqrt 20000.0) "mean"
              let variance = Array.averageBy (fun x -> x * x) values
              Expect.isLessThan (abs (variance - 0.25)) (5.0 * 0.25 * sqrt (2.0 / 20000.0)) "variance")

          test "the same step gives the same bits, another step or key unrelated ones" (fun () ->
              let noise key step =
                  MappingLoss.noise key step 1.0 like.Value

              let first = noise key 3L
              sameBits "again" first (noise key 3L)

              for other in [ noise key 4L; noise (CounterHash.child 1UL key) 3L ] do
                  let correlation = (first * other).mean().ToDouble()
                  Expect.isLessThan (abs correlation) (5.0 / sqrt 20000.0) "correlation")

          test "it takes the latent's precision; a deviation of 0 gives none" (fun () ->
              let actual = MappingLoss.noise key 1L 0.0 (torch.ones 3L)
              Expect.equal actual.dtype torch.float32 "precision"
              same "zeros" (torch.zeros (3L, torch.float64)) (actual.to_type torch.float64))

          test "torch's own generator is left alone" (fun () ->
              torch.manual_seed 5L |> ignore
              let expected = torch.rand 1L
              torch.manual_seed 5L |> ignore
              MappingLoss.noise key 1L 1.0 like.Value |> ignore
              sameBits "next draw" expected (torch.rand 1L))
          |> testSequenced ]

[<Tests>]
let refusals =
    testList
        "mapping loss refuses"
        [ for smoothing in [ 1.0; -0.1; nan ] do
              refuses $"label smoothing {smoothing}" "smoothing" $"{smoothing}" (fun () ->
                  MappingLoss.crossEntropy smoothing (torch.zeros (1L, 2L)) (torch.zeros (1L, torch.int64))
                  |> ignore)

          for deviation in [ -1.0; nan; infinity ] do
              refuses $"a deviation of {deviation}" "deviation" $"{deviation}" (fun () ->
                  MappingLoss.noise (CounterHash.ofSeed 1UL) 0L deviation (torch.zeros 2L)
                  |> ignore)

          refuses "targets of another shape" "targets" "(2) and (3)" (fun () ->
              MappingLoss.meanSquaredError (torch.zeros 2L) (torch.zeros 3L) |> ignore)
          refuses "outputs of another shape" "perturbed" "(1, 2) and (2, 1)" (fun () ->
              MappingLoss.stability (torch.zeros (1L, 2L)) (torch.zeros (2L, 1L)) |> ignore) ]

[<Tests>]
let distillation =
    testList
        "distillation"
        [ test "the value is T^2 times the cross-entropy of the softened classes" (fun () ->
              let teacher = hashed 71UL "teacher" [ 5L; 3L ]
              let scores = hashed 72UL "scores" [ 5L; 3L ]

              for temperature in [ 0.5; 1.0; 4.0 ] do
                  let soften (x: torch.Tensor) = (x / temperature.ToScalar()).softmax 1L

                  let expected =
                      -(soften teacher * (soften scores).log ()).sum ()
                      * (temperature * temperature / 5.0).ToScalar()

                  near 1e-12 "value" expected (MappingLoss.distillation temperature teacher scores))

          test "the gradient vanishes exactly where the pupil says what the teacher says" (fun () ->
              let teacher = hashed 73UL "teacher" [ 12L ]

              let lossOf (x: torch.Tensor) =
                  MappingLoss.distillation 2.0 (teacher.reshape (4L, 3L)) (x.reshape (4L, 3L))

              near 1e-12 "at the teacher" (torch.zeros_like teacher) (grad lossOf teacher)

              Expect.isGreaterThan ((grad lossOf (hashed 74UL "elsewhere" [ 12L ])).norm().ToDouble()) 0.1 "elsewhere")

          for temperature in [ 0.0; -1.0; nan; infinity ] do
              refuses $"a temperature of {temperature}" "temperature" $"{temperature}" (fun () ->
                  let scores = torch.zeros (2L, 3L)
                  MappingLoss.distillation temperature scores scores |> ignore)

          refuses "a teacher of another shape" "teacher" "(2, 4) and (2, 3)" (fun () ->
              MappingLoss.distillation 1.0 (torch.zeros (2L, 4L)) (torch.zeros (2L, 3L))
              |> ignore)

          refuses "a latent of another length, at scales" "latent" "(7)" (fun () ->
              use mapping = Mapping.create layout (Mapping.singleLatent 3)

              MappingLoss.smoothnessAtScales mapping (torch.zeros 7L) (torch.ones (int64 layout.Entries.Length))
              |> ignore) ]
