namespace MappingNets.Core

open System
open TorchSharp
open MappingNets

[<StructuredFormatDisplay("{Text}")>]
type PieceBound =
    { Name: string
      Linear: float
      IsLinearExact: bool
      ModulationRate: float
      Lipschitz: float
      Curvature: float }

    member private bound.Text = bound.ToString()

    override bound.ToString() =
        FormattableString.Invariant $"{bound.Name}: Lipschitz {bound.Lipschitz:g4}, curvature {bound.Curvature:g4}"

[<StructuredFormatDisplay("{Text}")>]
type MappingBound =
    { Pieces: PieceBound[]
      Lipschitz: float
      Curvature: float
      Status: BoundStatus }

    member private bound.Text = bound.ToString()

    override bound.ToString() =
        let status = bound.Status.ToString().ToLowerInvariant()

        let lines =
            FormattableString.Invariant $"Lipschitz {bound.Lipschitz:g4}, curvature {bound.Curvature:g4} ({status})"
            :: [ for piece in bound.Pieces -> $"  {piece}" ]

        String.Join("\n", lines)

[<StructuredFormatDisplay("{Text}")>]
type NoiseReach =
    { Probability: float
      NoiseNorm: float
      WeightShift: float }

    member private reach.Text = reach.ToString()

    override reach.ToString() =
        FormattableString.Invariant
            $"with probability {reach.Probability:g4} noise of a norm up to {reach.NoiseNorm:g4} moves the weights by at most {reach.WeightShift:g4}"

module MappingBounds =

    /// The product in which a rate of 0 stays 0 over an infinite ball.
    let private over (size: float) (rate: float) = if rate = 0.0 then 0.0 else rate * size

    let private number (tensor: torch.Tensor) = tensor.ToDouble()

    /// How far the columns of stored weights may be from orthogonal, relative to their norms.
    let private denseError = 2e-6

    /// What computing a bound may take from it: sums over the rows, and a few operations after them.
    let private raised (weights: FixedWeights) bound =
        let exact = Rounding.raised (2.0 * float weights.Rows + 64.0) bound

        match weights.Kind with
        | FixedWeightsKind.Dense -> exact * (1.0 + denseError)
        | _ -> exact

    /// The largest |sigma''|.
    let private bend activation =
        match activation with
        | MappingActivation.Identity -> 0.0
        | MappingActivation.Tanh -> 4.0 / (3.0 * sqrt 3.0)
        | MappingActivation.Sine -> 1.0
        | other -> noSuch (nameof activation) "activation" other

    /// sum over tiles of the largest squared scale in each.
    let private largestOfTiles (weights: FixedWeights) (squared: torch.Tensor) =
        let columns = int64 weights.Columns
        let tiles = (weights.Rows + columns - 1L) / columns

        let padding =
            torch.zeros ([| tiles * columns - weights.Rows |], dtype = squared.dtype)

        torch.cat([| squared; padding |], 0L).view(tiles, columns).amax([| 1L |]).sum ()
        |> number

    /// ||diag(s) W|| or a bound of it, and whether it is the norm itself, from the squared scales.
    let private linearNorm (weights: FixedWeights) (squared: torch.Tensor) =
        let largest = number (squared.max ())
        let isEqual = largest = number (squared.min ())

        match weights.Kind with
        | FixedWeightsKind.SignedPermutation ->
            // W^T diag(s)^2 W is diagonal: its product with ones is its diagonal.
            let ones = torch.ones ([| int64 weights.Columns |], dtype = squared.dtype)
            let diagonal = weights.TransposeApply(squared * weights.Apply ones)
            struct (sqrt (number (diagonal.max ())), true)
        | FixedWeightsKind.Hadamard -> struct (sqrt (largestOfTiles weights squared), isEqual)
        | _ ->
            let frobenius = number ((squared * weights.RowNormsSquared squared).sum ())
            let spectral = largest * weights.SpectralNorm * weights.SpectralNorm
            struct (sqrt (min frobenius spectral), isEqual)

    /// How much ||J|| and the largest row may grow for each unit of ||z||.
    let private rates modulation (squared: torch.Tensor) =
        match modulation with
        | NoModulation -> struct (0.0, 0.0)
        | AdditiveModulation strength ->
            let rate = 2.0 * abs strength
            struct (rate * sqrt (number (squared.sum ())), rate)
        | LinearModulation map ->
            let map = map.``to`` (squared.dtype, squared.device)
            let rows = (map + map.transpose (1L, 2L)).square().sum [| 1L; 2L |]
            let summed = Rounding.raised (float (map.shape[1] * map.shape[1]))
            struct (summed (sqrt (number ((squared * rows).sum ()))), summed (sqrt (number (rows.max ()))))
        | CustomModulation custom ->
            raise (
                ArgumentException(
                    $"Nothing is known in closed form of the custom modulation '{custom.Name}'; bounds exist for no, additive and linear modulation.",
                    "mapping"
                )
            )

    let rowsNorm (piece: MappingPiece) squared =
        let struct (linear, _) = linearNorm piece.FixedWeights squared
        let struct (rate, _) = rates piece.Modulation squared
        struct (raised piece.FixedWeights linear, raised piece.FixedWeights rate)

    let modulationSize (piece: MappingPiece) (squared: torch.Tensor) =
        match piece.Modulation with
        | LinearModulation map ->
            let map = map.``to`` (squared.dtype, squared.device)
            let rows = map.square().sum [| 1L; 2L |]

            sqrt (number ((squared * rows).sum ()))
            |> Rounding.raised (float (map.shape[1] * map.shape[1]))
            |> raised piece.FixedWeights
        | modulation ->
            let struct (rate, _) = rates modulation squared
            raised piece.FixedWeights rate

    let private pieceBound (mapping: Mapping) (scales: torch.Tensor) norm radius (piece: MappingPiece) =
        let squared = scales.narrow(0L, piece.FirstRow, piece.FixedWeights.Rows).square ()

        let struct (linear, isExact) = linearNorm piece.FixedWeights squared
        let struct (rate, rowRate) = rates piece.Modulation squared
        let raised bound = raised piece.FixedWeights bound
        let linear, rate, rowRate = raised linear, raised rate, raised rowRate
        let reach: float = norm + radius
        let lipschitz = linear + over reach rate

        let largestRow =
            sqrt (number ((piece.FixedWeights.RowNormsSquared squared).max ()))
            + over reach rowRate

        { Name = piece.Name
          Linear = linear
          IsLinearExact = isExact
          ModulationRate = rate
          Lipschitz = raised lipschitz
          Curvature = raised (over (over largestRow lipschitz) (bend mapping.Specification.Activation) + rate) }

    let onBall (mapping: Mapping) (centre: torch.Tensor) radius =
        requireFinite (nameof centre) (int64 mapping.LatentCount) centre

        if not (radius >= 0.0) then
            raise (ArgumentOutOfRangeException(nameof radius, radius, "The radius must be a number of at least 0."))

        if mapping.HasTrainableScales then
            raise (
                ArgumentException(
                    "The mapping has trainable scales, and its bounds depend on them: ask about mapping.AtScales(scales).",
                    nameof mapping
                )
            )

        use _ = torch.no_grad ()
        use scope = torch.NewDisposeScope()
        let plain = centre.cpu().to_type torch.float64
        let scales = mapping.ScaleVector(torch.zeros (1L, dtype = torch.float64))

        let pieces =
            mapping.Pieces
            |> Array.map (fun piece ->
                let norm = number (mapping.LatentOf(piece, plain).norm ())
                pieceBound mapping scales norm radius piece)

        { Pieces = pieces
          Lipschitz = pieces |> Array.map _.Lipschitz |> Array.max
          Curvature = pieces |> Array.map _.Curvature |> Array.max
          Status =
            if mapping.FixedWeightsKind = FixedWeightsKind.Dense then
                BoundStatus.Assumed
            else
                BoundStatus.Proven }

    let private requireDeviation deviation =
        requireNotNegative (nameof deviation) "The noise's standard deviation" deviation

    let noiseNorm deviation (count: int64) risk =
        requireDeviation deviation

        if count < 1L then
            raise (ArgumentOutOfRangeException(nameof count, count, "There must be at least one number."))

        if not (risk > 0.0 && risk < 1.0) then
            raise (ArgumentOutOfRangeException(nameof risk, risk, "The risk must lie between 0 and 1."))

        Rounding.raised 8.0 (deviation * (sqrt (float count) + sqrt (-2.0 * log risk)))

    let stability (mapping: Mapping) latent deviation =
        requireDeviation deviation
        let bound = onBall mapping latent 0.0

        Array.map2
            (fun (piece: MappingPiece) (known: PieceBound) ->
                let count = float piece.FixedWeights.Columns

                let slope =
                    known.Lipschitz + known.ModulationRate * deviation * sqrt (count + 2.0) / 2.0

                Rounding.raised 16.0 (slope * slope * deviation * deviation * count))
            mapping.Pieces
            bound.Pieces
        |> Array.sum

    let noiseReach (mapping: Mapping) latent deviation risk =
        let noise = noiseNorm deviation (int64 mapping.LatentCount) risk
        let bound = onBall mapping latent 0.0

        let slope =
            bound.Pieces
            |> Array.map (fun known -> known.Lipschitz + known.ModulationRate * noise / 2.0)
            |> Array.max

        { Probability = Rounding.complementBelow risk
          NoiseNorm = noise
          WeightShift = Rounding.raised 16.0 (slope * noise) }
