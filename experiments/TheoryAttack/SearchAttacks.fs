/// Facts of theorem 2, singular values and charts, held against what a decomposition in double precision says.
module MappingNets.Experiments.TheoryAttack.SearchAttacks

open System
open TorchSharp
open MappingNets
open MappingNets.Core
open MappingNets.Experiments.TheoryAttack.Chance

/// A matrix of random shape whose singular values run over several decades.
let private matrix (random: Random) =
    let columns = random.NextInt64(1L, 9L)
    let rows = columns + random.NextInt64(0L, 9L)
    let plain = (uniform random (rows * columns)).view (rows, columns)
    let decades = 10.0 ** (-6.0 * random.NextDouble())

    let sizes =
        torch.tensor (
            Array.init (int columns) (fun column -> decades ** (float column / float (max 1L (columns - 1L))))
        )

    plain * sizes.unsqueeze 0L

let private singularValues (matrix: torch.Tensor) =
    (torch.linalg.svdvals matrix).data<float>().ToArray()

let private largest =
    { Bound = "SingularBounds.spectralNorm"
      Stream = "SingularBounds.spectralNorm"
      Ratio = "sigma_max / bound"
      TrialsInScene = 100
      Scene =
        fun _ random ->
            let matrix = matrix random

            (singularValues matrix |> Array.max) * (1.0 - 1e-14)
            / SingularBounds.spectralNorm matrix }

let private smallest =
    { Bound = "SingularBounds.smallest"
      Stream = "SingularBounds.smallest"
      Ratio = "bound / sigma_min; 0 where none was established"
      TrialsInScene = 100
      Scene =
        fun _ random ->
            let matrix = matrix random
            let values = singularValues matrix

            match SingularBounds.smallest matrix (LinearMap.ofMatrix matrix) with
            // What a decomposition's own rounding makes of it.
            | Some bound -> bound / (Array.min values + 1e-14 * Array.max values)
            | None -> 0.0 }

/// What theorem 2's facts are, over what they should be, for one random instance.
type private Facts =
    { Rank: float
      Parts: float
      Remainder: float }

/// theta* near g, and what theorem 2 concludes there.
let rec private instance (random: Random) =
    let mapping = MappingAttacks.mapping random
    let start = uniform random (int64 mapping.LatentCount)
    let map = DifferentiableMap.ofMapping mapping

    let target =
        mapping.Generate(start + (direction random start.shape[0] |> scaled (0.3 * random.NextDouble())))
        + (direction random mapping.WeightCount |> scaled (0.2 * random.NextDouble()))

    let options =
        { Solvability.defaults with
            MaximumIterations = 3
            LeastSquaresIterations = 100 }

    let found =
        try
            Some (Solvability.certify options map start target).Facts
        with :? InvalidOperationException ->
            // Singular there: the theorem does not apply.
            None

    match found with
    | None -> instance random
    | Some facts ->
        let a = MappingAttacks.jacobian mapping start
        let r = target - mapping.Generate start
        let struct (left, values, _) = torch.linalg.svd (a, fullMatrices = false)
        let exact = left.mv (left.t().mv r)
        let least, largest = values.min().ToDouble(), values.max().ToDouble()

        { Rank =
            match facts.SmallestSingular with
            | Some bound -> bound / (least + 1e-14 * largest)
            | None -> 0.0
          Parts =
            match facts.ReachableError with
            | Some bound ->
                // r here is the computed one, so what is allowed for its own rounding is left out.
                max 0.0 (norm (facts.Reachable - exact) - 1e-15 * largest / least * norm r)
                / (bound - facts.Rounding)
            | None -> 0.0
          Remainder =
            match facts.QuadraticBound with
            | Some bound -> facts.FirstStepRemainder / (bound + facts.Rounding)
            | None -> 0.0 }

/// The three facts are attacked on the same instances, each of which is solved once.
let private known = Collections.Generic.Dictionary<int, Facts>()

let private fact bound ratio read =
    { Bound = $"Solvability, {bound}"
      Stream = "Solvability"
      Ratio = ratio
      TrialsInScene = 1
      Scene =
        fun random ->
            let key = random.Next()

            if not (known.ContainsKey key) then
                known[key] <- instance (Random key)

            fun _ -> read known[key] }

let private fullRank = fact "Facts.SmallestSingular" "bound / sigma_min(A)" _.Rank

let private parts =
    fact
        "Facts.ReachableError"
        "||Reachable - A A^+ r|| / (bound - Rounding), r as computed, A^+ by a decomposition"
        _.Parts

let private remainder =
    fact
        "Facts.QuadraticBound"
        "what the first step leaves of the reachable part / (C_2 ||A^+ r||^2 + Rounding)"
        _.Remainder

let private chart =
    { Bound = "ChartFitting.fit, curvature"
      Stream = "ChartFitting.fit, curvature"
      Ratio = "||phi(z) - phi(y) - D phi(y) (z - y)|| / (K/2 ||z - y||^2) on the chart's ball"
      TrialsInScene = 50
      Scene =
        fun random ->
            let d, weights = random.Next(1, 4), 12L
            let frame = (uniform random (weights * int64 d)).view (weights, int64 d)
            let bend = (uniform random (weights * int64 (d * d))).view (weights, int64 (d * d))

            let snapshots =
                torch.stack
                    [| for _ in 1..20 do
                           let z = uniform random (int64 d)
                           let squares = (z.unsqueeze 1L * z.unsqueeze 0L).flatten ()

                           yield
                               frame.mv z
                               + bend.mv squares * 0.3.ToScalar()
                               + (uniform random weights |> scaled 0.01) |]

            let chart = (ChartFitting.fit snapshots d 0 20).Chart
            let bound = chart.Curvature.Value.Value

            fun random ->
                let point () =
                    chart.Centre
                    + (direction random (int64 d) |> scaled (chart.Radius * share random))

                let y, z = point (), point ()
                let step = z - y
                let first, second = chart.Map z, chart.Map y
                let linear = (chart.Jacobian y).mv step

                let left =
                    norm (first - second - linear)
                    - 4e-15 * (norm first + norm second + norm linear)

                max 0.0 left / (bound / 2.0 * (norm step ** 2.0) + 1e-300) }

let all = [ largest; smallest; fullRank; parts; remainder; chart ]
