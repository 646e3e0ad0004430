/// The fused passes are held, bit for bit, to the plain definition: the same mapping put together from the plain kernels and
/// tensor operations.
module MappingNets.Core.Tests.FusedTests

open System
open System.Diagnostics
open System.Reflection
open System.Runtime.Intrinsics
open System.Runtime.Intrinsics.X86
open System.Text.RegularExpressions
open Expecto
open TorchSharp
open MappingNets
open MappingNets.Core

/// The environment variable that names what the processor of a child process is to lack.
let private without = "MAPPINGNETS_TESTS_WITHOUT"

/// A layout of random tensors, at least one weight.
let private layoutOf (random: Random) layers =
    ParameterLayout.create
        [ for layer in 1..layers do
              let fanIn = random.NextInt64(1L, 40L)
              yield $"layer{layer}.weight", [| random.NextInt64(1L, 60L); fanIn |], fanIn
              yield $"layer{layer}.bias", [| random.NextInt64(1L, 60L) |], fanIn ]

let private bits (tensor: torch.Tensor) =
    tensor.detach().cpu().contiguous().data<float32>().ToArray()
    |> Array.map BitConverter.SingleToInt32Bits

let private specification (random: Random) kind modulation (layout: ParameterLayout) =
    let split =
        if random.Next 2 = 0 then
            SingleLatent(random.Next(1, int (min layout.Count 700L) + 1))
        else
            layout.Layers
            |> Array.map (fun layer -> layer.Name, random.Next(1, int (min 300L layer.Count) + 1))
            |> LayerWise

    { Mapping.singleLatent 1 with
        Split = split
        FixedWeights = kind
        Seed = uint64 (random.Next())
        Modulations = [| modulation |]
        Bias =
            (if random.Next 3 = 0 then
                 MappingBias.Zero
             else
                 MappingBias.Uniform)
        Start = UniformStart 1.0 }

/// Holds the fused passes of a mapping to the plain definition.
let private compareMapping (random: Random) (layout: ParameterLayout) modulation specification =
    use mapping = Mapping.create layout specification
    use latent = mapping.InitialLatent().requires_grad_ ()

    let weight =
        torch.tensor (Array.init (int layout.Count) (fun _ -> float32 (random.NextDouble() - 0.5)))

    let gradient (generate: torch.Tensor -> torch.Tensor) =
        let theta = generate latent
        theta, torch.autograd.grad([| theta |], [| latent |], [| weight |]).[0]

    let plain, plainGradient = gradient mapping.GenerateComposed
    let fused, fusedGradient = gradient mapping.Generate
    Expect.equal (bits fused) (bits plain) "theta"

    match modulation with
    | NoModulation -> Expect.equal (bits fusedGradient) (bits plainGradient) "gradient"
    | _ ->
        // Only the sum that the shift's gradient needs is added up in another order.
        let difference = (fusedGradient - plainGradient).norm().ToSingle()
        let size = plainGradient.norm().ToSingle()
        Expect.isLessThan difference (1e-5f * size + 1e-7f) "gradient"

let private compare kind modulation seed =
    use scope = torch.NewDisposeScope()
    let random = Random(seed: int)
    let layout = layoutOf random (random.Next(1, 5))
    compareMapping random layout modulation (specification random kind modulation layout)

let private layoutOfRows (rows: int64) (columns: int64) =
    ParameterLayout.create [ "a.weight", [| rows; columns |], columns; "b.weight", [| 3001L |], 3001L ]

let private withLatents kind columns =
    { Mapping.singleLatent columns with
        FixedWeights = kind
        Start = UniformStart 1.0 }

[<Tests>]
let tests =
    testList
        "Fused generation"
        [ for kind in [ FixedWeightsKind.SignedPermutation; FixedWeightsKind.Hadamard ] do
              for modulation in [ NoModulation; AdditiveModulation 0.01 ] do
                  test $"{kind}, {Modulation.describe modulation}: the bits of the plain definition, forth and back" {
                      for seed in 1..60 do
                          compare kind modulation seed
                  }

          for kind in [ FixedWeightsKind.SignedPermutation; FixedWeightsKind.Hadamard ] do
              for modulation in [ NoModulation; AdditiveModulation 0.01 ] do
                  // Two layers of an odd number of weights each: no tensor and no bias starts where a vector or a word does.
                  test $"{kind}, {Modulation.describe modulation}: the same with tiles of 2^k rows" {
                      for columns in [ 64; 128; 256; 512; 1024; 2048; 4096; 8192; 16384 ] do
                          use scope = torch.NewDisposeScope()

                          let layout =
                              ParameterLayout.create
                                  [ "first.weight", [| 3L * int64 columns + 5L |], 7L
                                    "second.weight", [| 2L * int64 columns |], 5L
                                    "second.bias", [| int64 columns / 2L + 17L |], 5L ]

                          compareMapping
                              (Random 4)
                              layout
                              modulation
                              { Mapping.singleLatent 1 with
                                  Split = LayerWise [| "first", columns; "second", columns |]
                                  FixedWeights = kind
                                  Modulations = [| modulation |]
                                  Start = UniformStart 1.0 }
                  }

          for kind in [ FixedWeightsKind.SignedPermutation; FixedWeightsKind.Hadamard ] do
              test $"{kind}: the bits of the plain definition with many small tiles" {
                  for columns in [ 16; 48; 64; 250; 256; 512; 1000 ] do
                      use scope = torch.NewDisposeScope()
                      compareMapping (Random columns) (layoutOfRows 301L 503L) NoModulation (withLatents kind columns)
              }

              for columns in [ 256; 1024; 1501; 16384 ] do
                  // Twice, because sums are kept from one pass to the next.
                  test $"{kind}: the same bits on several cores, {columns} latents, twice" {
                      use scope = torch.NewDisposeScope()
                      let layout = layoutOfRows 1100L 1003L

                      for seed in 1..2 do
                          compareMapping (Random seed) layout NoModulation (withLatents kind columns)
                  }

              test $"{kind}: the same bits where theta is written past the caches" {
                  for columns in [ 512; 2000; 2048 ] do
                      use scope = torch.NewDisposeScope()
                      compareMapping (Random 5) (layoutOfRows 2901L 2900L) NoModulation (withLatents kind columns)
              }

          for kind in [ FixedWeightsKind.SignedPermutation; FixedWeightsKind.Hadamard ] do
              // One weight short of 512 whole tiles, of as many rows as take more than one thread.
              test $"{kind}: the same bits where whole tiles have rows for several threads and the weights have not" {
                  use scope = torch.NewDisposeScope()
                  let layout = ParameterLayout.create [ "a.weight", [| 1_048_575L |], 3L ]

                  for seed in 1..3 do
                      compareMapping (Random seed) layout NoModulation (withLatents kind 2048)
              }

          for kind in [ FixedWeightsKind.SignedPermutation; FixedWeightsKind.Hadamard ] do
              test $"{kind}: the same gradient where memory holds the sums of few runs, or of none" {
                  use scope = torch.NewDisposeScope()
                  let key, tensors = CounterHash.ofSeed 3UL, [| 700_001L; 5L; 400_000L |]
                  use weights = FixedWeights.createForTensors kind key tensors 1000
                  use gradient = torch.linspace (-1.0, 1.0, weights.Rows, dtype = torch.float32)
                  let expected = weights.TransposeApply gradient

                  let segment: TilePasses.Segment =
                      { First = 0L
                        Count = weights.Rows
                        Scale = 1.0f
                        Address = TensorMemory.pointer<float32> gradient }

                  match weights.Fused 0L with
                  | null -> failtest "matrix-free weights have fused passes"
                  | piece ->
                      // Sums of 1,000 columns take a page; besides them there is one to start on.
                      for runs in [ 0L; 1L; 3L; 31L; 64L ] do
                          let sums = TilePasses.PartialSums(piece.Tiling, (3L + runs) * 4096L)
                          Expect.equal (int64 sums.Runs) runs "places"
                          use result = torch.empty 1000L

                          FusedTranspose.pullback
                              { piece with PartialSums = sums }
                              [| segment |]
                              false
                              (TensorMemory.pointer<float32> result)
                          |> ignore

                          Expect.equal (bits result) (bits expected) $"{runs} runs"
              }

          test "a gradient that is not finite stays in its own pass" {
              for columns in [ 1024; 16384 ] do
                  for kind in [ FixedWeightsKind.SignedPermutation; FixedWeightsKind.Hadamard ] do
                      use scope = torch.NewDisposeScope()
                      let layout = layoutOfRows 33L 4099L
                      use mapping = Mapping.create layout (withLatents kind columns)
                      use latent = mapping.InitialLatent().requires_grad_ ()

                      let gradient (weight: torch.Tensor) =
                          bits (torch.autograd.grad([| mapping.Generate latent |], [| latent |], [| weight |]).[0])

                      let ones = torch.ones layout.Count
                      let before = gradient ones
                      gradient (ones * Single.NaN) |> ignore
                      Expect.equal (gradient ones) before "gradient"
          }

          test "the gradient's gradient goes through the fused node" {
              use scope = torch.NewDisposeScope()
              let layout = layoutOf (Random 3) 2

              use mapping =
                  Mapping.create
                      layout
                      { Mapping.singleLatent 20 with
                          Modulations = [| AdditiveModulation 0.3 |]
                          Start = UniformStart 1.0 }

              use latent = mapping.InitialLatent()
              let loss (generate: torch.Tensor -> torch.Tensor) (z: torch.Tensor) = (generate z).tanh().square().sum ()
              let direction = torch.ones_like latent
              let fused = Differentiation.hessianv (loss mapping.Generate) latent direction

              let plain =
                  Differentiation.hessianv (loss mapping.GenerateComposed) latent direction

              Expect.isTrue (torch.allclose (fused, plain, rtol = 1e-3, atol = 1e-4)) $"{fused} {plain}"
          }

          testCase "where the processor is to be a narrower one, it is" (fun () ->
              match Environment.GetEnvironmentVariable without with
              | "AVX-512" -> Expect.isFalse Vector512.IsHardwareAccelerated "it has AVX-512"
              | "AVX2" -> Expect.isFalse Avx2.IsSupported "it has AVX2"
              | null -> ()
              | other -> failtest $"there is no check for a processor without {other}") ]

/// The list above in a process that believes to be on another processor, one without a feature and its switches.
let private onProcessorWithout (feature: string) (switches: string list) =
    let start =
        ProcessStartInfo(
            "dotnet",
            [ Assembly.GetExecutingAssembly().Location
              "--filter-test-list"
              "Fused generation"
              "--no-spinner"
              "--colours"
              "0" ],
            RedirectStandardOutput = true
        )

    start.Environment[without] <- feature

    for switch in switches do
        start.Environment[$"DOTNET_Enable{switch}"] <- "0"

    use child =
        match Process.Start start with
        | null -> failwith "dotnet did not start"
        | child -> child

    let output = child.StandardOutput.ReadToEnd()
    child.WaitForExit()
    Expect.equal child.ExitCode 0 output
    // A filter that no test passes is no failure.
    Expect.isTrue (Regex.IsMatch(output, "[1-9][0-9,]* tests run in ")) output

[<Tests>]
let otherProcessors =
    testSequencedGroup "processors"
    <| testList
        "Kernels for narrower processors"
        // The switch for AVX-512 has had two names.
        [ testCase "without AVX-512" (fun () -> onProcessorWithout "AVX-512" [ "AVX512F"; "AVX512" ])
          testCase "without AVX2" (fun () -> onProcessorWithout "AVX2" [ "AVX2" ]) ]
