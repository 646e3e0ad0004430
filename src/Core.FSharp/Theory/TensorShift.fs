namespace MappingNets.Core

open System
open TorchSharp
open MappingNets
open MappingNets.Core.LayerEffects

[<ReferenceEquality>]
[<StructuredFormatDisplay("{Text}")>]
type TensorShift =
    { Moves: float -> float
      Rounding: float -> float
      Status: BoundStatus
      Reason: string }

    member private shift.Text = shift.ToString()

    override shift.ToString() =
        let status = shift.Status.ToString().ToLowerInvariant()

        FormattableString.Invariant
            $"moves by up to {shift.Moves 1.0:g4} within a radius of 1, rounding {shift.Rounding 1.0:g2} ({status})"

    member this.Move radius = this.Moves radius

module TensorShift =

    let unitRoundoff = Math.ScaleB(1.0, -24)

    let gamma terms = Rounding.gammaOf unitRoundoff terms

    /// Bounds that take no computing.
    let private exact moves =
        { Moves = moves
          Rounding = fun _ -> 0.0
          Status = BoundStatus.Proven
          Reason = "" }

    /// Bounds of up to 16 operations on numbers that are themselves bounds, raised by what computing them may take.
    let private proven moves rounding =
        { exact (moves >> Rounding.raised 16.0) with
            Rounding = rounding >> Rounding.raised 16.0 }

    let still = exact (fun _ -> 0.0)

    let itself = exact id

    let held shift =
        { shift with
            Moves = fun _ -> 0.0
            Rounding = fun _ -> shift.Rounding 0.0 }

    /// Bias, modulation, scale, a trained scale, a center and a function of four roundings, with room to spare.
    let private finishing = 16.0

    /// The squared scales of one tensor and zeros elsewhere, over the rows of its piece.
    let private only (squared: torch.Tensor) (piece: MappingPiece) (entry: ParameterEntry) =
        let own = torch.zeros ([| piece.Rows |], dtype = squared.dtype)
        let rows = entry.Offset - piece.FirstRow

        own.narrow(0L, rows, entry.Count).copy_ (squared.narrow (0L, entry.Offset, entry.Count))
        |> ignore

        own

    let private ofTensor
        (mapping: Mapping)
        (latent: torch.Tensor)
        (squared: torch.Tensor)
        (zero: torch.Tensor)
        (factor: (float * float) option)
        entry
        =
        let piece: MappingPiece =
            mapping.Pieces
            |> Array.find (fun piece ->
                piece.FirstRow <= (entry: ParameterEntry).Offset
                && entry.Offset < piece.FirstRow + piece.Rows)

        let own = only squared piece entry
        let struct (linear, rate) = MappingBounds.rowsNorm piece own
        let modulated = MappingBounds.modulationSize piece own
        let centre = norm (mapping.LatentOf(piece, latent))
        let steepest r = linear + rate * (centre + r / 2.0)
        let moves r = steepest r * r
        let columns = float piece.LatentCount

        // A row of a signed permutation has one entry, so that W with its entries' sizes has the norm of W; other rows are dense.
        let struct (sizes, terms) =
            let rows =
                sqrt ((own * piece.FixedWeights.RowNormsSquared own).sum().ToDouble())
                |> Rounding.raised (float piece.Rows + 2.0 * columns + 16.0)

            match piece.FixedWeights.Kind with
            | FixedWeightsKind.SignedPermutation -> struct (linear, 1.0)
            | FixedWeightsKind.Hadamard ->
                // Two transforms of w numbers each: log w additions and two products, and the sizes of their entries multiply to rows of
                // norm sqrt w at most.
                let window = float (Tilings.largestPowerOfTwo piece.FixedWeights.Columns)
                let operations = 2.0 * Math.Log2 window + 4.0 + finishing
                struct (rows, max columns (sqrt window * operations))
            | _ -> struct (rows, columns)

        let bias = norm (zero.narrow (0L, entry.Offset, entry.Count))

        let roundingBy (gamma: float -> float) r =
            let reach = centre + r

            times (gamma (terms + finishing)) (sizes * reach + bias)
            + times (gamma (2.0 * columns + finishing)) (modulated * reach * reach)

        let rounding = roundingBy gamma

        let shift =
            match factor with
            | None -> proven moves rounding
            | Some(scale, computed) ->
                // The norm of g in double precision, and what that is off by.
                let plain = computed + roundingBy Rounding.gamma 0.0

                proven (fun r -> scale * moves r + (plain + moves r) * r) (fun r -> times (scale + r) (rounding r))

        match piece.FixedWeights.Kind with
        | FixedWeightsKind.Dense ->
            { shift with
                Status = BoundStatus.Assumed
                Reason = "that dense fixed weights are orthogonal to a relative 2e-6 is measured" }
        | _ -> shift

    let ofMapping (mapping: Mapping) (latent: torch.Tensor) (scales: torch.Tensor | null) =
        requireFinite (nameof latent) (int64 mapping.LatentCount) latent

        if mapping.HasTrainableScales && isNull scales then
            raise (
                ArgumentNullException(
                    nameof scales,
                    "The mapping has trainable scales; without their values nothing is known of its weights."
                )
            )

        use _ = torch.no_grad ()
        use scope = torch.NewDisposeScope()
        let entries = mapping.Layout.Entries
        let precise = latent.detach().cpu().to_type torch.float64
        let vector = mapping.ScaleVector precise
        let zero = vector * mapping.PreActivation(torch.zeros_like precise)

        let factors =
            match scales with
            | null -> Array.create entries.Length None
            | scales ->
                requireFinite (nameof scales) (int64 entries.Length) scales
                let trained = scales.detach().cpu().to_type(torch.float64).data<float>().ToArray()

                // g without the trained scales, tensor by tensor.
                let plain = mapping.Layout.Split(mapping.Generate precise)
                Array.map2 (fun scale tensor -> Some(abs scale, norm tensor)) trained plain

        Array.map2 (ofTensor mapping precise (vector.square ()) zero) factors entries

    let private requireStrength (argument: string) (strength: float) =
        if not (Double.IsFinite strength) then
            raise (ArgumentException($"The strength is {strength}; it must be a finite number.", argument))

    let ofGroups (plan: FineTuningPlan) strength (latent: torch.Tensor) =
        requireStrength (nameof strength) strength
        requireFinite (nameof latent) (int64 plan.Groups) latent
        use _ = torch.no_grad ()
        use scope = torch.NewDisposeScope()
        let positions = plan.Positions(torch.CPU)
        use count = (int64 plan.Groups).ToScalar()
        let groups = torch.arange(count).repeat_interleave (plan.GroupSize)
        let sizes = latent.detach().cpu().to_type(torch.float64).abs ()

        plan.Layout.Entries
        |> Array.map (fun entry ->
            use low = (entry.Offset).ToScalar()
            use high = (entry.Offset + entry.Count).ToScalar()
            let inside = positions.ge(low).logical_and (positions.lt high)

            let counts =
                groups.masked_select(inside).bincount (null, minlength = int64 plan.Groups)

            let most = sqrt (float (counts.max().ToInt64()))
            let now = abs strength * norm (sizes * counts.to_type(torch.float64).sqrt ())
            let moves r = abs strength * most * r

            proven moves (fun r -> gamma 2.0 * (now + moves r)))

    let ofLowRank strength (a: torch.Tensor) (b: torch.Tensor) =
        requireStrength (nameof strength) strength
        requireMatrix (nameof a) a
        requireMatrix (nameof b) b

        if b.shape[1] <> a.shape[0] then
            raise (
                ArgumentException(
                    $"B has the shape {shapeText b.shape}; for A with {shapeText a.shape} it must be (m, {a.shape[0]}).",
                    nameof b
                )
            )

        use _ = torch.no_grad ()
        use scope = torch.NewDisposeScope()
        let a = a.detach().cpu().to_type torch.float64
        let b = b.detach().cpu().to_type torch.float64
        let left, right = SingularBounds.spectralNorm a, SingularBounds.spectralNorm b
        let sizes = norm a * norm b
        let both = norm a + norm b
        let terms = float a.shape[0]
        let size = abs strength

        proven (fun r -> size * (sqrt (left * left + right * right) * r + r * r / 2.0)) (fun r ->
            times (gamma (terms + finishing)) (size * (sizes + both * r + r * r)))

    let sum norm first second =
        { Moves = fun r -> first.Moves r + second.Moves r |> Rounding.raised 1.0
          Rounding =
            fun r ->
                let parts = first.Rounding r + second.Rounding r

                parts + gamma 1.0 * (norm + first.Moves r + second.Moves r + parts)
                |> Rounding.raised 16.0
          Status = max first.Status second.Status
          Reason =
            [ first.Reason; second.Reason ]
            |> List.filter (fun reason -> reason <> "")
            |> List.distinct
            |> String.concat "; " }
