/// The bounds of mappings in closed form, attacked at the edge of their balls and along top singular directions.
module MappingNets.Experiments.TheoryAttack.MappingAttacks

open System
open TorchSharp
open MappingNets
open MappingNets.Core
open MappingNets.Experiments.TheoryAttack.Chance

let private layout =
    ParameterLayout.create
        [ "a.weight", [| 5L; 4L |], 4L
          "a.bias", [| 5L |], 4L
          "b.weight", [| 3L; 5L |], 5L
          "b.bias", [| 3L |], 5L ]

/// Any kind, activation, split, scale and modulation with a bound.
let mapping (random: Random) =
    let isSingle = random.Next 2 = 0

    let split =
        if isSingle then
            SingleLatent(random.Next(1, 9))
        else
            LayerWise [| "a", random.Next(1, 6); "b", random.Next(1, 5) |]

    let d = int64 (LatentSplit.count split)

    let modulation =
        match random.Next 3, isSingle with
        | 0, _ -> NoModulation
        | 1, true -> LinearModulation((uniform random (layout.Count * d * d)).view (layout.Count, d, d) |> scaled 0.2)
        | _ -> AdditiveModulation(random.NextDouble() - 0.5)

    Mapping.create
        layout
        { Mapping.singleLatent 1 with
            Split = split
            FixedWeights =
                pick
                    random
                    [ FixedWeightsKind.Dense
                      FixedWeightsKind.Hadamard
                      FixedWeightsKind.SignedPermutation ]
            Seed = uint64 (random.Next())
            Modulations = [| modulation |]
            Activation = pick random [ MappingActivation.Identity; MappingActivation.Tanh; MappingActivation.Sine ]
            Scale =
                if random.Next 2 = 0 then
                    FanInScale(0.5 + random.NextDouble())
                else
                    ExplicitScale(Array.init 4 (fun _ -> 2.0 * random.NextDouble() - 1.0))
            Bias = pick random [ MappingBias.Zero; MappingBias.Uniform ]
            Start = UniformStart 1.0 }

let jacobian (mapping: Mapping) (latent: torch.Tensor) =
    LinearMap.toMatrix latent (Linearization.at mapping latent).Jacobian

/// A mapping, a centre and a radius.
let private ball random =
    let mapping = mapping random

    let centre =
        uniform random (int64 mapping.LatentCount) |> scaled (2.0 * random.NextDouble())

    struct (mapping, centre, 0.05 + 1.5 * random.NextDouble())

/// A point of the ball, half of the time of its edge; half of the time beyond the centre, where the modulation is largest.
let private pointOf (random: Random) (centre: torch.Tensor) radius =
    let length = radius * share random

    if random.Next 2 = 0 && norm centre > 0.0 then
        centre
        + (centre + direction random centre.shape[0] * (0.2 * norm centre).ToScalar()
           |> ofLength length)
    else
        centre + (direction random centre.shape[0] |> scaled length)

/// What rounding may make of a difference of vectors of these sizes.
let private rounding (vectors: torch.Tensor list) = 4e-15 * (vectors |> List.sumBy norm)

let private lipschitz =
    { Bound = "MappingBounds.onBall, Lipschitz"
      Stream = "MappingBounds.onBall, Lipschitz"
      Ratio = "||J(y)|| / L, and ||g(z) - g(y)|| / (L ||z - y||), z - y along the top singular direction"
      TrialsInScene = 20
      Scene =
        fun random ->
            let struct (mapping, centre, radius) = ball random
            let bound = (MappingBounds.onBall mapping centre radius).Lipschitz

            fun random ->
                let y = pointOf random centre radius
                let struct (steepest, along) = top (jacobian mapping y)
                // Inside the ball, which is convex: towards the centre where it must.
                let step = 0.3 * radius * random.NextDouble()
                let inner = centre + (y - centre) * (1.0 - step / radius).ToScalar()
                let z = inner + along * step.ToScalar()
                let first, second = mapping.Generate z, mapping.Generate inner
                let moved = norm (first - second) - rounding [ first; second ]
                max steepest (moved / max 1e-12 (norm (z - inner))) / bound }

let private curvature =
    { Bound = "MappingBounds.onBall, curvature"
      Stream = "MappingBounds.onBall, curvature"
      Ratio = "||g(z) - g(y) - J(y) (z - y)|| / (K/2 ||z - y||^2)"
      TrialsInScene = 20
      Scene =
        fun random ->
            let struct (mapping, centre, radius) = ball random
            let bound = (MappingBounds.onBall mapping centre radius).Curvature

            fun random ->
                let y, z = pointOf random centre radius, pointOf random centre radius
                let step = z - y
                let first, second = mapping.Generate z, mapping.Generate y
                let linear = (jacobian mapping y).mv step
                let length = norm step
                let remainder = norm (first - second - linear) - rounding [ first; second; linear ]

                if remainder <= 0.0 then
                    0.0
                else
                    remainder / (bound / 2.0 * length * length) }

/// ln of the gamma function at multiples of a half.
let rec private logGammaOfHalves halves =
    match halves with
    | 1 -> 0.5 * log Math.PI
    | 2 -> 0.0
    | more -> log (float (more - 2) / 2.0) + logGammaOfHalves (more - 2)

let private stability =
    { Bound = "MappingBounds.stability"
      Stream = "MappingBounds.stability"
      Ratio =
        "E ||g(z + eps) - g(z)||^2 / bound; the mean of 16 draws, corrected by the exact mean of what bounds each draw"
      TrialsInScene = 10
      Scene =
        fun random ->
            let mapping = mapping random
            let latent = uniform random (int64 mapping.LatentCount) |> scaled 2.0
            let deviation = 0.02 + 0.5 * random.NextDouble()
            let bound = MappingBounds.stability mapping latent deviation
            let there = mapping.Generate latent
            let pieces = (MappingBounds.onBall mapping latent 0.0).Pieces

            // (a ||eps|| + rate ||eps||^2 / 2)^2 bounds each draw; its mean is known by the moments of ||eps||.
            let exact =
                Array.zip mapping.Pieces pieces
                |> Array.sumBy (fun (piece, known) ->
                    let d = float piece.LatentCount

                    let cubed =
                        exp (
                            1.5 * log 2.0 + logGammaOfHalves (piece.LatentCount + 3)
                            - logGammaOfHalves piece.LatentCount
                        )

                    let s = deviation
                    let a, rate = known.Lipschitz, known.ModulationRate

                    a * a * s * s * d
                    + a * rate * s ** 3.0 * cubed
                    + rate * rate / 4.0 * s ** 4.0 * d * (d + 2.0))

            let normal (random: Random) =
                sqrt (-2.0 * log (1.0 - random.NextDouble()))
                * cos (2.0 * Math.PI * random.NextDouble())

            fun random ->
                let draws =
                    [ for _ in 1..16 do
                          let eps =
                              torch.tensor (Array.init mapping.LatentCount (fun _ -> deviation * normal random))

                          let moved = mapping.Generate(latent + eps) - there

                          let each =
                              Array.zip mapping.Pieces pieces
                              |> Array.sumBy (fun (piece, known) ->
                                  let length = norm (mapping.LatentOf(piece, eps))
                                  (known.Lipschitz * length + known.ModulationRate * length * length / 2.0) ** 2.0)

                          yield struct (norm moved ** 2.0, each) ]

                let moved = draws |> List.sumBy (fun struct (square, _) -> square)
                let control = draws |> List.sumBy (fun struct (_, each) -> each)
                moved / control * exact / bound }

let private noise =
    { Bound = "MappingBounds.noiseReach"
      Stream = "MappingBounds.noiseReach"
      Ratio = "||g(z + eps) - g(z)|| / WeightShift for ||eps|| at the reach, along the top singular direction"
      TrialsInScene = 20
      Scene =
        fun random ->
            let mapping = mapping random
            let latent = uniform random (int64 mapping.LatentCount) |> scaled 2.0

            let reach =
                MappingBounds.noiseReach mapping latent (0.2 * random.NextDouble() + 1e-3) 0.01

            let struct (_, along) = top (jacobian mapping latent)

            fun random ->
                let wobble = direction random along.shape[0] |> scaled (0.5 * random.NextDouble())
                let eps = along + wobble |> ofLength (reach.NoiseNorm * share random)
                let signed = if random.Next 2 = 0 then eps else -eps

                norm (mapping.Generate(latent + signed) - mapping.Generate latent)
                / reach.WeightShift }

let private tensors =
    { Bound = "TensorShift.ofMapping"
      Stream = "TensorShift.ofMapping"
      Ratio = "||t(p') - t(p)|| / bound for each tensor, trained scales moving too"
      TrialsInScene = 20
      Scene =
        fun random ->
            let plain = mapping random
            let isScaled = random.Next 2 = 0

            let mapping =
                if isScaled then
                    Mapping.create
                        plain.Layout
                        { Mapping.specification plain with
                            TrainableScale = true }
                else
                    plain

            let latent = uniform random (int64 mapping.LatentCount)

            let scales =
                if isScaled then
                    uniform random 4L + 1.5.ToScalar() |> Some
                else
                    None

            let generate (latent: torch.Tensor) (scales: torch.Tensor option) =
                match scales with
                | Some scales -> mapping.Generate(latent, scales)
                | None -> mapping.Generate latent

            let shifts = TensorShift.ofMapping mapping latent (scales |> Option.toObj)

            let before = mapping.Layout.Split(generate latent scales)

            fun random ->
                let radius = 0.01 + random.NextDouble()
                let count = latent.shape[0]
                let tensor = random.Next 4

                let struct (_, along) =
                    let entry = mapping.Layout.Entries[tensor]

                    top ((jacobian plain latent).narrow (0L, entry.Offset, entry.Count))

                let byLatent = if random.Next 2 = 0 then along else direction random count
                let angle = if isScaled then random.NextDouble() * Math.PI else 0.0
                let sign = if random.Next 2 = 0 then 1.0 else -1.0

                let moved =
                    generate
                        (latent + byLatent * (sign * radius * cos angle).ToScalar())
                        (scales
                         |> Option.map (fun scales ->
                             let one = torch.zeros_like scales
                             one.narrow(0L, int64 tensor, 1L).fill_ (1.0.ToScalar()) |> ignore
                             scales + one * (radius * sin angle).ToScalar()))

                let after = mapping.Layout.Split moved

                Array.init 4 (fun place ->
                    max 0.0 (norm (after[place] - before[place]) - rounding [ after[place]; before[place] ])
                    / max 1e-300 (shifts[place].Moves radius))
                |> Array.max }

let all = [ lipschitz; curvature; stability; noise; tensors ]
