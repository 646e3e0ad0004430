/// What a mapping does not depend on: what callers do to arrays of theirs, the mode it is first used in, and memory that was freed.
module MappingNets.Core.Tests.MappingLifetimeTests

open System
open Expecto
open TorchSharp
open MappingNets
open MappingNets.Core
open MappingNets.Core.Tests.HashedTensors
open MappingNets.Core.Tests.MappingExamples
open MappingNets.Core.Tests.TensorExpectations

let private z () = hashed 3UL "z" [ 5L ]

let private refusesDisposed (work: unit -> unit) =
    Expect.throwsT<ObjectDisposedException> work "it is disposed"

[<Tests>]
let tests =
    testList
        "a mapping's lifetime"
        [ test "the arrays it shows are copies" (fun () ->
              let shapes = [| 2L; 3L |]

              let layout =
                  ParameterLayout.create [ "a.weight", shapes, 3L; "b.weight", [| 4L |], 4L ]

              use mapping = Mapping.create layout (Mapping.singleLatent 2)
              let latent = torch.ones 2L
              let before = mapping.Generate latent
              shapes[0] <- 1L
              layout.Entries[0].Shape[ 0 ] <- 1L
              layout.Entries[0] <- layout.Entries[1]
              layout.Layers[0] <- layout.Layers[1]
              layout.Layers[0].Entries[ 0 ] <- layout.Entries[1]
              mapping.Scales[0] <- 100.0
              mapping.Pieces[0] <- Unchecked.defaultof<MappingPiece>
              Expect.equal (string layout) "2 tensors, P = 10: a.weight(2, 3); b.weight(4)" "the layout"
              Expect.equal layout.Entries[0].Shape [| 2L; 3L |] "the shape"
              Expect.equal layout.Layers[0].Name "a" "the layer"
              same "theta" (before.to_type torch.float64) ((mapping.Generate latent).to_type torch.float64))

          test "what becomes of the scales it was given does not reach it" (fun () ->
              let scales = [| 1.0; 1.0; 1.0; 1.0 |]

              let specification =
                  { single FixedWeightsKind.SignedPermutation "none" MappingActivation.Identity with
                      Scale = ExplicitScale scales }

              use mapping = Mapping.create layout specification
              let single = (z ()).to_type torch.float32
              let before = mapping.Generate single
              scales[0] <- 100.0
              Expect.equal mapping.Scales [| 1.0; 1.0; 1.0; 1.0 |] "its scales"
              sameBits "theta" before (mapping.Generate single)

              match (Mapping.specification mapping).Scale with
              | ExplicitScale own -> Expect.equal own[0] 1.0 "and those of its specification"
              | rule -> failtest $"It has the rule {rule}.")

          for name, kind, modulationName, activation in compositions do
              test $"{name}: made and first used where no graph is kept, it trains afterwards" (fun () ->
                  let specification = single kind modulationName activation

                  use mapping =
                      (use _ = torch.inference_mode true
                       Mapping.create layout specification)

                  // The custom modulation of the examples is made of doubles.
                  let precisions =
                      [ torch.float64
                        if modulationName <> "custom" then
                            torch.float32 ]

                  (use _ = torch.inference_mode true

                   for precision in precisions do
                       mapping.Generate((z ()).to_type precision) |> ignore)

                  for precision in precisions do
                      let latent = (z ()).to_type(precision).requires_grad_ true
                      (mapping.Generate latent).sum().backward ()
                      let gradient = Option.ofObj latent.grad
                      Expect.isTrue ((Option.get gradient).isfinite().all().ToBoolean()) $"{precision}")

          test
              "a map that was made where no graph is kept is refused: libtorch ends the process at the first gradient"
              (fun () ->
                  let specification =
                      (use _ = torch.inference_mode true
                       single FixedWeightsKind.SignedPermutation "linear" MappingActivation.Identity)

                  Expect.throwsC (fun () -> Mapping.create layout specification |> ignore) (fun refusal ->
                      Expect.stringContains refusal.Message "inference_mode" "the reason"))

          test "fine-tuning's places too" (fun () ->
              use plan =
                  FineTuning.plan layout [ "fc.weight" ] 2 2L WeightGrouping.Contiguous (CounterHash.ofSeed 1UL)

              let latent = torch.ones (2L, dtype = torch.float64)

              (use _ = torch.inference_mode true
               FineTuning.spread plan latent |> ignore)

              let trained = latent.requires_grad_ true
              (FineTuning.spread plan trained).sum().backward ()
              Expect.isNotNull trained.grad "a gradient")

          test "disposed, it says so instead of reading what is gone" (fun () ->
              for activation in activations do
                  let mapping =
                      Mapping.create layout (single FixedWeightsKind.SignedPermutation "none" activation)

                  let latent = (z ()).to_type torch.float32
                  mapping.Generate latent |> ignore
                  (mapping :> IDisposable).Dispose()
                  refusesDisposed (fun () -> mapping.Generate latent |> ignore)
                  refusesDisposed (fun () -> mapping.Generate(latent, torch.ones 4L) |> ignore)
                  refusesDisposed (fun () -> mapping.PreActivation latent |> ignore)
                  refusesDisposed (fun () -> mapping.Pullback(latent, torch.ones 19L) |> ignore))

          test "a stored bias is made for the first pass, found at each, and not where it was freed" (fun () ->
              let bias = lazy (torch.ones 19L)

              let source =
                  FusedGeneration.biasSourceOf false (CounterHash.ofSeed 1UL) 19L (fun () -> bias.Value)

              Expect.isFalse bias.IsValueCreated "nothing is made for a mapping that does not generate"

              match source () with
              | FusedGeneration.StoredBias address -> Expect.notEqual address 0n "it is in memory"
              | _ -> failtest "It is not stored."

              bias.Value.Dispose()
              refusesDisposed (fun () -> source () |> ignore))

          test "a bias of a gibibyte and more is never stored" (fun () ->
              let source =
                  FusedGeneration.biasSourceOf false (CounterHash.ofSeed 1UL) (1L <<< 40) (fun () ->
                      failtest "It is stored.")

              match source () with
              | FusedGeneration.HashedBias _ -> ()
              | _ -> failtest "It is not made anew.")

          test "trained scales twice are their product, in double precision" (fun () ->
              use mapping =
                  Mapping.create
                      layout
                      { single FixedWeightsKind.SignedPermutation "none" MappingActivation.Identity with
                          TrainableScale = true }

              let tenth = torch.tensor [| 0.1; 0.1; 0.1; 0.1 |]
              use once = mapping.AtScales tenth
              use twice = once.AtScales(torch.ones (4L, dtype = torch.float64))
              Expect.equal twice.Scales once.Scales "times 1"
              near 1e-12 "theta" (mapping.Generate(z (), tenth)) (twice.Generate(z ()))) ]
