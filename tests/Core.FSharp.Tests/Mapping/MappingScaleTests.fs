/// Scales, start and bias of a mapping, and what it refuses.
module MappingNets.Core.Tests.MappingScaleTests

open Expecto
open TorchSharp
open MappingNets
open MappingNets.Core
open MappingNets.Core.Tests.HashedTensors
open MappingNets.Core.Tests.TensorExpectations
open MappingNets.Core.Tests.MappingExamples
open MappingNets.Core.Tests.Refusals

let private plain = Mapping.singleLatent 5

[<Tests>]
let scales =
    testList
        "scales and start"
        [ test "the scale of a tensor is gain / sqrt(fan-in)" (fun () ->
              use mapping = Mapping.create layout { plain with Scale = FanInScale 3.0 }
              Expect.equal mapping.Scales [| 1.5; 1.5; 3.0 / sqrt 2.0; 3.0 / sqrt 2.0 |] "scales"
              let vector = numbers (mapping.ScaleVector(torch.zeros (1L, torch.float64)))
              Expect.equal (Array.countBy float32 vector) [| 1.5f, 10; float32 (3.0 / sqrt 2.0), 9 |] "per weight")

          test "explicit scales are taken as they are" (fun () ->
              let scales = [| 1.0; 0.0; -2.0; 0.5 |]

              use mapping =
                  Mapping.create
                      layout
                      { plain with
                          Scale = ExplicitScale scales }

              let z = hashed 51UL "z" [ 5L ]

              for part, raw, scale in
                  Seq.zip3 (layout.Split(mapping.Generate z)) (layout.Split(mapping.PreActivation z)) scales do
                  same "tensor" (raw * scale) part)

          test "trainable scales multiply each tensor, and 1 changes no bit" (fun () ->
              use mapping = Mapping.create layout { plain with TrainableScale = true }
              Expect.equal mapping.TrainableCount 9 "5 latents and 4 scales"
              let z = (hashed 51UL "z" [ 5L ]).to_type torch.float32
              sameBits "ones" (mapping.Generate z) (mapping.Generate(z, torch.ones 4L))
              let factors = [ 2.0; 0.5; -1.0; 0.0 ]
              let scaled = mapping.Generate(z, (vector factors).to_type torch.float32)

              for part, whole, factor in Seq.zip3 (layout.Split scaled) (layout.Split(mapping.Generate z)) factors do
                  sameBits $"times {factor}" (whole * factor) part)

          test "fixed scales are not counted as trained" (fun () ->
              use mapping = Mapping.create layout plain
              Expect.equal mapping.TrainableCount 5 "latents")

          test "with a uniform bias and z = 0 every tensor starts within 1 / sqrt(fan-in), filling it" (fun () ->
              let wide =
                  ParameterLayout.create [ "a.w", [| 100L; 64L |], 64L; "b.w", [| 500L; 9L |], 9L ]

              use mapping = Mapping.create wide plain
              let z = mapping.InitialLatent()
              Expect.equal (numbers (z.to_type torch.float64)) (Array.zeroCreate 5) "z is 0"

              for part, limit in Seq.zip (wide.Split(mapping.Generate z)) [ 1.0 / 8.0; 1.0 / 3.0 ] do
                  let values = numbers (part.to_type torch.float64)
                  Expect.isLessThanOrEqual (values |> Array.map abs |> Array.max) (limit * (1.0 + 1e-7)) "within"
                  let deviation = values |> Array.averageBy (fun x -> x * x) |> sqrt
                  Expect.isLessThan (abs (deviation / (limit / sqrt 3.0) - 1.0)) 0.03 "uniform")

          test "the uniform start lies within its amplitude, filling it" (fun () ->
              let start amplitude =
                  use mapping =
                      Mapping.create
                          (ParameterLayout.create [ "w", [| 4000L |], 1L ])
                          { Mapping.singleLatent 2000 with
                              Start = UniformStart amplitude }

                  mapping.InitialLatent()

              let values = numbers ((start 0.25).to_type torch.float64)
              Expect.isLessThanOrEqual (values |> Array.map abs |> Array.max) 0.25 "within"
              Expect.isLessThan (abs (Array.averageBy (fun x -> x * x) values - 0.0625 / 3.0)) 0.002 "uniform"
              Expect.equal (start 0.25).dtype torch.float32 "precision")

          test "a zero bias leaves W(z) z alone" (fun () ->
              use mapping =
                  Mapping.create
                      layout
                      { plain with
                          Bias = MappingBias.Zero
                          Start = UniformStart 1.0 }

              let z = hashed 51UL "z" [ 5L ]
              sameBits "product" (mapping.Pieces[0].FixedWeights.Apply z) (mapping.PreActivation z)) ]

[<Tests>]
let refusals =
    let create specification =
        fun () -> Mapping.create layout specification |> ignore

    let mapping = lazy (Mapping.create layout plain)

    testList
        "mapping refuses"
        [ refuses "d above P" "split" "20" (create (Mapping.singleLatent 20))
          refuses "d of 0" "split" "0" (create (Mapping.singleLatent 0))
          refuses "an unknown layer" "split" "conv2"
          <| create
              { plain with
                  Split = LayerWise [| "conv2", 3; "fc", 3 |] }
          refuses "a gain that is no number" "specification" "NaN" (create { plain with Scale = FanInScale nan })
          refuses "a gain of 0" "specification" "gain is 0" (create { plain with Scale = FanInScale 0.0 })
          refuses "too few scales" "specification" "3 scales"
          <| create
              { plain with
                  Scale = ExplicitScale [| 1.0; 1.0; 1.0 |] }
          refuses "an infinite scale" "specification" "fc.weight"
          <| create
              { plain with
                  Scale = ExplicitScale [| 1.0; 1.0; infinity; 1.0 |] }
          refuses "a scale beyond single precision" "specification" "3.4e38"
          <| create
              { plain with
                  Scale = ExplicitScale [| 1.0; 1.0; 1e39; 1.0 |] }
          refuses "a gain beyond single precision" "specification" "3.4e38"
          <| create { plain with Scale = FanInScale 1e39 }
          refuses
              "an amplitude that is no number"
              "specification"
              "NaN"
              (create { plain with Start = UniformStart nan })
          refuses "a bias and a start of 0" "specification" "bias of 0" (create { plain with Bias = MappingBias.Zero })
          refuses "a bias of 0 and an amplitude of 0" "specification" "bias of 0"
          <| create
              { plain with
                  Bias = MappingBias.Zero
                  Start = UniformStart 0.0 }
          refuses "too many modulations" "specification" "2 modulations"
          <| create
              { plain with
                  Modulations = [| NoModulation; NoModulation |] }
          refuses "no modulation" "specification" "0 modulations" (create { plain with Modulations = [||] })
          refuses "an infinite strength" "modulation" "alpha"
          <| create
              { plain with
                  Modulations = [| AdditiveModulation infinity |] }
          refuses "a map for another size" "modulation" "(19, 5, 4)" (fun () ->
              create
                  { plain with
                      Modulations = [| LinearModulation(torch.zeros (19L, 5L, 4L)) |] }
                  ())
          refuses "a latent of another length" "latent" "(6)" (fun () ->
              mapping.Value.Generate(torch.zeros 6L) |> ignore)
          refuses "whole-number latents" "latent" "Int64" (fun () ->
              mapping.Value.PreActivation(torch.zeros (5L, torch.int64)) |> ignore)
          refuses "too few trainable scales" "scales" "(3)" (fun () ->
              mapping.Value.Generate(torch.zeros 5L, torch.ones 3L) |> ignore)
          refuses "a latent of another length for a piece" "latent" "(4)" (fun () ->
              mapping.Value.LatentOf(mapping.Value.Pieces[0], torch.zeros 4L) |> ignore) ]
