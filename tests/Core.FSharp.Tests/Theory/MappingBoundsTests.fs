/// Every bound as a property over random sizes, seeds, kinds, activations, modulations and radii, and how tight it is.
module MappingNets.Core.Tests.MappingBoundsTests

open System
open Expecto
open TorchSharp
open MappingNets
open MappingNets.Core
open MappingNets.Core.Tests.TensorExpectations
open MappingNets.Core.Tests.TheoremExamples

/// Dense weights are orthogonal to single precision only.
let private slack = 1.0 + 1e-5

/// A mapping, a ball and two points of it.
let private scene (random: Random) =
    let mapping = mapping random
    let d = int64 mapping.LatentCount
    let centre = uniform random d * (3.0 * random.NextDouble()).ToScalar()
    let radius = 2.0 * random.NextDouble()

    let point () =
        centre + direction random d * (radius * random.NextDouble()).ToScalar()

    mapping, centre, radius, point (), point ()

let private spectralNorm (matrix: torch.Tensor) =
    torch.linalg.svdvals(matrix).max().ToDouble()

let private jacobian (mapping: Mapping) (latent: torch.Tensor) =
    LinearMap.toMatrix latent (Linearization.at mapping latent).Jacobian

/// diag(s) W of a piece.
let private scaledWeights (mapping: Mapping) (piece: MappingPiece) =
    let like = torch.zeros (1L, dtype = torch.float64)

    let scales =
        mapping.ScaleVector(like).narrow (0L, piece.FirstRow, piece.FixedWeights.Rows)

    piece.FixedWeights.ToMatrix like * scales.unsqueeze 1L

let private noiseFor (mapping: Mapping) deviation (draw: int) =
    let key = CounterHash.named "test" (CounterHash.ofSeed 5UL)
    MappingLoss.noise key (int64 draw) deviation (torch.zeros (int64 mapping.LatentCount, dtype = torch.float64))

/// g with equal scales, without bias.
let private equalScales kind rows latents modulation =
    let layout = ParameterLayout.create [ "a.weight", [| rows |], 4L ]

    Mapping.create
        layout
        { Mapping.singleLatent latents with
            FixedWeights = kind
            Modulations = [| modulation |]
            Bias = MappingBias.Zero
            Start = UniformStart 1.0 }

/// The mean of ||g(z + eps) - g(z)||^2 over draws.
let private meanSquaredShift (mapping: Mapping) (latent: torch.Tensor) deviation (draws: int) =
    let here = mapping.Generate latent

    Seq.init draws (fun draw ->
        use _ = torch.NewDisposeScope()
        let there = mapping.Generate(latent + noiseFor mapping deviation draw)
        (there - here).square().sum().ToDouble())
    |> Seq.average

[<Tests>]
let tests =
    testList
        "Mapping bounds"
        [ property "g is Lipschitz on the ball with the constant" (fun random ->
              let mapping, centre, radius, first, second = scene random
              let bound = MappingBounds.onBall mapping centre radius
              let moved = norm (mapping.Generate first - mapping.Generate second)
              Expect.isLessThanOrEqual moved (bound.Lipschitz * norm (first - second) * slack) "the Lipschitz bound")

          property "no Jacobian on the ball is larger, piece by piece" (fun random ->
              let mapping, centre, radius, first, _ = scene random
              let bound = MappingBounds.onBall mapping centre radius
              let matrix = jacobian mapping first

              for piece, known in Array.zip mapping.Pieces bound.Pieces do
                  let block =
                      matrix
                          .narrow(0L, piece.FirstRow, piece.FixedWeights.Rows)
                          .narrow (1L, piece.FirstLatent, piece.FixedWeights.Columns)

                  Expect.isLessThanOrEqual (spectralNorm block) (known.Lipschitz * slack) $"piece {piece.Name}"

              Expect.isLessThanOrEqual (spectralNorm matrix) (bound.Lipschitz * slack) "all pieces")

          property "the second-order remainder is within the curvature bound" (fun random ->
              let mapping, centre, radius, first, second = scene random
              let bound = MappingBounds.onBall mapping centre radius
              let step = first - second

              let remainder =
                  mapping.Generate first
                  - mapping.Generate second
                  - (jacobian mapping second).mv step

              let length = norm step

              Expect.isLessThanOrEqual
                  (norm remainder)
                  (bound.Curvature / 2.0 * length * length * slack + 1e-12)
                  "the remainder")

          property
              "the linear part is reached by some direction where it is said to be exact, and never absurd"
              (fun random ->
                  let mapping, centre, _, _, _ = scene random

                  for piece, known in Array.zip mapping.Pieces (MappingBounds.onBall mapping centre 0.0).Pieces do
                      let matrix = scaledWeights mapping piece
                      let reached = spectralNorm matrix
                      Expect.isLessThanOrEqual reached (known.Linear * slack + 1e-15) "a bound"

                      if piece.FixedWeights.Kind = FixedWeightsKind.SignedPermutation then
                          Expect.isTrue known.IsLinearExact "signed permutations are exact whatever the scales"

                      if known.IsLinearExact then
                          Expect.isGreaterThanOrEqual (reached * slack) known.Linear "the norm itself"
                      else
                          let largest =
                              mapping
                                  .ScaleVector(matrix)
                                  .narrow(0L, piece.FirstRow, piece.FixedWeights.Rows)
                                  .abs()
                                  .max ()

                          Expect.isLessThanOrEqual
                              known.Linear
                              (largest.ToDouble() * piece.FixedWeights.SpectralNorm * slack)
                              "not above the largest scale times ||W||")

          // Equal scales, no bias, no modulation, near z = 0, where sigma' is 1: then the whole of g, not only its linear part, is as
          // steep as the bound says. With unequal scales that holds for signed permutations alone.
          property "tightness: g itself moves by 90% of the bound along some direction" (fun random ->
              let kind =
                  [| FixedWeightsKind.Dense
                     FixedWeightsKind.Hadamard
                     FixedWeightsKind.SignedPermutation |][random.Next 3]

              let activation =
                  [| MappingActivation.Identity; MappingActivation.Tanh; MappingActivation.Sine |][random.Next 3]

              let layout = layoutOf random

              let scale =
                  if kind = FixedWeightsKind.SignedPermutation then
                      FanInScale 1.0
                  else
                      ExplicitScale(Array.create layout.Entries.Length 0.7)

              use mapping =
                  Mapping.create
                      layout
                      { Mapping.singleLatent (random.Next(1, int (min layout.Count 20L) + 1)) with
                          FixedWeights = kind
                          Seed = uint64 (random.Next())
                          Activation = activation
                          Scale = scale
                          Bias = MappingBias.Zero
                          Start = UniformStart 1.0 }

              let origin = torch.zeros (int64 mapping.LatentCount, dtype = torch.float64)
              let bound = MappingBounds.onBall mapping origin 1e-3
              let struct (_, _, directions) = torch.linalg.svd (jacobian mapping origin)
              let step = directions[0L] * 1e-3.ToScalar()
              let moved = norm (mapping.Generate(origin + step) - mapping.Generate origin)
              Expect.isGreaterThanOrEqual moved (0.9 * bound.Lipschitz * 1e-3) "as steep as the bound"
              Expect.isLessThanOrEqual moved (bound.Lipschitz * 1e-3 * slack) "and no steeper")

          // W of one column has equal entries up to sign, and z is its only direction, so both parts of the bound add up.
          test "tightness: the modulation's share is reached where the parts point the same way" (fun () ->
              use mapping =
                  equalScales FixedWeightsKind.SignedPermutation 40L 1 (AdditiveModulation 0.3)

              let centre = torch.tensor ([| 2.0 |])
              let bound = MappingBounds.onBall mapping centre 1.0
              let steepest = spectralNorm (jacobian mapping (torch.tensor ([| 3.0 |])))
              Expect.isGreaterThan steepest (0.9 * bound.Pieces[0].ModulationRate * 3.0) "the share is there"
              Expect.isLessThanOrEqual steepest (bound.Lipschitz * slack) "within the bound"
              let share = 2.0 * 0.3 * sqrt 40.0 / sqrt 4.0
              Expect.floatClose Accuracy.high bound.Pieces[0].ModulationRate share "2 alpha sqrt(P) times the scale")

          property "each draw of noise moves g no further than the stability bound's inequality" (fun random ->
              let mapping, latent, _, _, _ = scene random
              let bound = MappingBounds.onBall mapping latent 0.0

              let noise =
                  uniform random (int64 mapping.LatentCount)
                  * (3.0 * random.NextDouble()).ToScalar()

              let shift = mapping.Generate(latent + noise) - mapping.Generate latent

              for piece, known in Array.zip mapping.Pieces bound.Pieces do
                  let own = norm (mapping.LatentOf(piece, noise))
                  let moved = norm (shift.narrow (0L, piece.FirstRow, piece.FixedWeights.Rows))

                  Expect.isLessThanOrEqual
                      moved
                      (slack * own * (known.Lipschitz + known.ModulationRate * own / 2.0) + 1e-12)
                      "a ||eps|| + rate ||eps||^2 / 2")

          test "the stability bound is the mean itself without modulation and with equal scales" (fun () ->
              for kind in
                  [ FixedWeightsKind.Dense
                    FixedWeightsKind.Hadamard
                    FixedWeightsKind.SignedPermutation ] do
                  use mapping = equalScales kind 120L 30 NoModulation
                  let latent = torch.zeros (30L, dtype = torch.float64)
                  let bound = MappingBounds.stability mapping latent 0.3
                  let mean = meanSquaredShift mapping latent 0.3 500
                  Expect.isLessThan (abs (mean / bound - 1.0)) 0.05 $"{kind}: mean {mean}, bound {bound}"
                  let lipschitz = (MappingBounds.onBall mapping latent infinity).Lipschitz
                  Expect.floatClose Accuracy.high bound (lipschitz * lipschitz * 0.09 * 30.0) "L^2 s^2 d")

          test "the stability bound holds where noise leaves every ball" (fun () ->
              for strength in [ 0.05; 0.5; -2.0 ] do
                  use mapping =
                      equalScales FixedWeightsKind.SignedPermutation 60L 12 (AdditiveModulation strength)

                  let latent = torch.ones (12L, dtype = torch.float64)

                  for deviation in [ 0.01; 1.0 ] do
                      let bound = MappingBounds.stability mapping latent deviation
                      let mean = meanSquaredShift mapping latent deviation 500
                      Expect.isLessThan mean bound $"alpha {strength}, s {deviation}"
                      Expect.isGreaterThan mean (bound / 50.0) $"not absurd: alpha {strength}, s {deviation}")

          // At z = 0 the mean is s^2 sigma^2 (||W||_F^2 + alpha^2 P sigma^2 d (d + 2)), for E ||eps||^4 = sigma^4 d (d + 2).
          test "where the modulation outweighs W, the stability bound is the mean itself" (fun () ->
              use mapping =
                  equalScales FixedWeightsKind.SignedPermutation 60L 12 (AdditiveModulation 50.0)

              let latent = torch.zeros (12L, dtype = torch.float64)

              for deviation in [ 0.5; 2.0 ] do
                  let square = deviation * deviation
                  let mean = 0.25 * square * (60.0 + 2500.0 * 60.0 * square * 12.0 * 14.0)
                  let bound = MappingBounds.stability mapping latent deviation
                  Expect.isGreaterThanOrEqual bound mean $"s {deviation}"
                  Expect.isLessThan bound (1.01 * mean) $"tight, s {deviation}")

          test "noise stays within its reach as often as it is said to" (fun () ->
              use mapping = equalScales FixedWeightsKind.Hadamard 100L 16 (AdditiveModulation 0.1)
              let latent = torch.ones (16L, dtype = torch.float64)
              let reach = MappingBounds.noiseReach mapping latent 0.2 0.05
              let here = mapping.Generate latent

              let outside =
                  Seq.init 1000 (fun draw ->
                      use _ = torch.NewDisposeScope()
                      let noise = noiseFor mapping 0.2 draw

                      norm noise > reach.NoiseNorm
                      || norm (mapping.Generate(latent + noise) - here) > reach.WeightShift)
                  |> Seq.filter id
                  |> Seq.length

              Expect.isLessThanOrEqual outside 50 "at most 5% outside"
              Expect.isLessThan reach.NoiseNorm (0.2 * 4.0 * 2.0) "not absurd")

          test "an infinite ball has a bound without modulation and none with" (fun () ->
              use still = equalScales FixedWeightsKind.Hadamard 20L 5 NoModulation
              use moving = equalScales FixedWeightsKind.Hadamard 20L 5 (AdditiveModulation 0.1)
              let origin = torch.zeros (5L, dtype = torch.float64)
              Expect.isTrue (Double.IsFinite (MappingBounds.onBall still origin infinity).Lipschitz) "none"

              Expect.isTrue
                  (Double.IsPositiveInfinity (MappingBounds.onBall moving origin infinity).Lipschitz)
                  "additive")

          test "bad balls, deviations and modulations are refused by name" (fun () ->
              use mapping = equalScales FixedWeightsKind.Hadamard 20L 5 NoModulation
              let origin = torch.zeros (5L, dtype = torch.float64)
              let hole = torch.tensor ([| 0.0; 1.0; nan; 0.0; 0.0 |])
              let refuses parts action = raises<ArgumentException> parts action

              refuses [ "(3)"; "(5)"; "centre" ] (fun () ->
                  MappingBounds.onBall mapping (origin.narrow (0L, 0L, 3L)) 1.0 |> ignore)

              refuses [ "Element 2"; "centre" ] (fun () -> MappingBounds.onBall mapping hole 1.0 |> ignore)
              refuses [ "radius"; "-1" ] (fun () -> MappingBounds.onBall mapping origin -1.0 |> ignore)
              refuses [ "radius" ] (fun () -> MappingBounds.onBall mapping origin nan |> ignore)
              refuses [ "deviation"; "-0.5" ] (fun () -> MappingBounds.stability mapping origin -0.5 |> ignore)
              refuses [ "risk"; "1" ] (fun () -> MappingBounds.noiseReach mapping origin 0.1 1.0 |> ignore)

              let custom =
                  Modulation.ofMatrix "swirl" (fun z -> torch.outer (torch.ones (20L, dtype = z.dtype), z))

              use unknown = equalScales FixedWeightsKind.Hadamard 20L 5 custom
              refuses [ "'swirl'" ] (fun () -> MappingBounds.onBall unknown origin 1.0 |> ignore)) ]
