module MappingNets.Core.Tests.MappingTests

open System
open Expecto
open TorchSharp
open MappingNets
open MappingNets.Core
open MappingNets.Core.Tests.GoldenValues
open MappingNets.Core.Tests.HashedTensors
open MappingNets.Core.Tests.TensorExpectations
open MappingNets.Core.Tests.MappingExamples

/// The fixed bias of seed 7, from the hash.
let private bias () =
    let key = CounterHash.ofSeed 7UL |> CounterHash.named "bias"
    vector [ for index in 0UL .. 18UL -> float (CounterHash.symmetricUniform key index) ]

/// W(z) z + b of one piece from whole matrices.
let private preActivation (piece: MappingPiece) (own: torch.Tensor) =
    let rows = piece.FixedWeights.Rows

    let modulated =
        piece.FixedWeights.ToMatrix own + modulationMatrix piece.Modulation rows own

    modulated.mv own + (bias ()).narrow (0L, piece.FirstRow, rows)

let private scales () =
    let scale fanIn count =
        List.replicate count (float (float32 (1.0 / sqrt fanIn)))

    vector (scale 4.0 10 @ scale 2.0 9)

[<Tests>]
let generation =
    testList
        "mapping"
        [ for name, kind, modulationName, activation in compositions do
              test $"theta is sigma(W(z) z + b) * scale: {name}" (fun () ->
                  for specification in
                      [ single kind modulationName activation
                        layerWise kind modulationName activation ] do
                      use mapping = Mapping.create layout specification
                      let z = hashed 41UL "z" [ int64 mapping.LatentCount ]
                      let mutable first = 0L

                      let expected =
                          mapping.Pieces
                          |> Array.map (fun piece ->
                              let count = int64 piece.FixedWeights.Columns
                              Expect.equal piece.FirstLatent first "first latent"
                              let own = z.narrow (0L, first, count)
                              first <- first + count
                              preActivation piece own)
                          |> fun parts -> torch.cat (parts, 0L)

                      same "pre-activation" expected (mapping.PreActivation z)
                      same "theta" (sigma activation expected * scales ()) (mapping.Generate z))

          test "row j of the pre-activation is sum_i w_ij z_i + alpha ||z||^2 + b_j" (fun () ->
              use mapping =
                  Mapping.create layout (single FixedWeightsKind.Hadamard "additive" MappingActivation.Identity)

              let z = hashed 41UL "z" [ 5L ]
              let w, b = mapping.Pieces[0].FixedWeights.ToMatrix z, bias ()
              let norm = List.sum [ for i in 0L .. 4L -> z[i].ToDouble() ** 2.0 ]

              let rows =
                  [ for j in 0L .. 18L ->
                        List.sum [ for i in 0L .. 4L -> w[j, i].ToDouble() * z[i].ToDouble() ]
                        + 0.3 * norm
                        + b[j].ToDouble() ]

              same "rows" (vector rows) (mapping.PreActivation z))

          test "the passes before a curved activation are made once" (fun () ->
              use mapping =
                  Mapping.create layout (single FixedWeightsKind.SignedPermutation "additive" MappingActivation.Tanh)

              match mapping.Fused, mapping.TensorPasses with
              | null, NonNull passes -> Expect.isTrue (obj.ReferenceEquals(passes, mapping.TensorPasses)) "the same"
              | _ -> failtest "There must be passes before the activation and none to the whole of theta.")

          test "every layer of a layer-wise mapping has fixed weights of its own" (fun () ->
              let square = ParameterLayout.create [ "a.w", [| 8L |], 1L; "b.w", [| 8L |], 1L ]

              let specification =
                  { Mapping.singleLatent 8 with
                      Split = LayerWise [| "a", 4; "b", 4 |] }

              use mapping = Mapping.create square specification

              let matrices =
                  mapping.Pieces
                  |> Array.map (fun piece -> bitsOf (piece.FixedWeights.ToMatrix(torch.zeros 4L)))

              Expect.notEqual matrices[0] matrices[1] "matrices")

          test "SLVT equals LWT with one layer, bit for bit" (fun () ->
              let oneLayer =
                  ParameterLayout.create [ "fc.weight", [| 10L; 3L |], 3L; "fc.bias", [| 10L |], 3L ]

              for kind in FixedWeightsExamples.kinds do
                  let slvt =
                      { Mapping.singleLatent 7 with
                          FixedWeights = kind
                          Seed = 9UL
                          Activation = MappingActivation.Tanh
                          Modulations = [| AdditiveModulation 0.1 |] }

                  use first = Mapping.create oneLayer slvt

                  use second =
                      Mapping.create
                          oneLayer
                          { slvt with
                              Split = LayerWise [| "fc", 7 |] }

                  let z = (hashed 42UL "z" [ 7L ]).to_type torch.float32
                  sameBits $"{kind}" (first.Generate z) (second.Generate z))

          test "equal specifications give equal bits, another seed gives others" (fun () ->
              for kind in FixedWeightsExamples.kinds do
                  let specification =
                      { layerWise kind "additive" MappingActivation.Sine with
                          Start = UniformStart 0.5 }

                  use first = Mapping.create layout specification
                  use second = Mapping.create layout specification
                  use other = Mapping.create layout { specification with Seed = 8UL }
                  let z = first.InitialLatent()
                  sameBits "start" z (second.InitialLatent())
                  sameBits $"{kind}" (first.Generate z) (second.Generate z)
                  Expect.notEqual (bitsOf (other.InitialLatent())) (bitsOf z) "another start"
                  Expect.notEqual (bitsOf (other.Generate z)) (bitsOf (first.Generate z)) $"another {kind}")

          test "a mapping made in a dispose scope outlives it" (fun () ->
              for kind in FixedWeightsExamples.kinds do
                  use mapping =
                      (use _ = torch.NewDisposeScope()
                       let mapping = Mapping.create layout (single kind "none" MappingActivation.Identity)
                       mapping.Generate(torch.zeros (5L, torch.float64)) |> ignore
                       mapping)

                  let theta = mapping.Generate(torch.zeros (5L, torch.float64))
                  same $"{kind}" (bias () * scales ()) theta) ]

[<Tests>]
let goldenThetas =
    testList
        "golden theta"
        [ for version, example in
              [ for example in items (golden "theta") -> 1, example
                for example in items (golden "thetaVersion2") -> 2, example ] do
              let kind = kindOf (field "kind" example)
              let latents = field "latents" example |> items |> List.map _.GetInt32()

              test $"version {version}, {kind}, latents {latents}" (fun () ->
                  let split =
                      match latents with
                      | [ count ] -> SingleLatent count
                      | counts -> LayerWise(Array.zip [| "conv1"; "fc" |] (List.toArray counts))

                  use mapping =
                      Mapping.create
                          layout
                          { Mapping.singleLatent 5 with
                              Split = split
                              FixedWeights = kind
                              FixedWeightsVersion = version
                              Seed = word (field "seed" example)
                              Scale = FanInScale((field "gain" example).GetDouble())
                              Start = UniformStart((field "amplitude" example).GetDouble()) }

                  let z = mapping.InitialLatent()
                  Expect.equal (bitsOf z) (floatBits (field "latent" example)) "z"
                  Expect.equal (bitsOf (mapping.Generate z)) (floatBits (field "theta" example)) "theta"

                  let gradient =
                      floatBits (field "thetaGradient" example)
                      |> Array.map (fun bits -> BitConverter.UInt32BitsToSingle(uint32 bits))

                  for generate in [ mapping.Generate; mapping.GenerateComposed ] do
                      use latent = z.detach().clone().requires_grad_ ()

                      let actual =
                          torch.autograd.grad([| generate latent |], [| latent |], [| torch.tensor gradient |]).[0]

                      Expect.equal (bitsOf actual) (floatBits (field "latentGradient" example)) "z's gradient")

          test "what becomes of arrays that were given or handed out reaches no mapping" (fun () ->
              let scales, counts = [| for _ in layout.Entries -> 1.0 |], [| "conv1", 3; "fc", 4 |]

              use mapping =
                  Mapping.create
                      layout
                      { Mapping.singleLatent 7 with
                          Split = LayerWise counts
                          Scale = ExplicitScale scales }

              let z = torch.linspace (0.1, 0.9, 7L, torch.float32)
              let before, described = bitsOf (mapping.Generate z), mapping.ToString()
              scales[0] <- 100.0
              counts[0] <- "conv1", 1

              match (Mapping.specification mapping).Scale, (Mapping.specification mapping).Split with
              | ExplicitScale handed, LayerWise split ->
                  handed[0] <- 100.0
                  split[0] <- "conv1", 1
              | _ -> failtest "The specification is another."

              Expect.equal (bitsOf (mapping.Generate z)) before "theta"
              Expect.equal (mapping.ToString()) described "the description") ]
