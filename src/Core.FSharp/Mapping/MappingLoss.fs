namespace MappingNets.Core

open System
open TorchSharp
open MappingNets
open MappingNets.Core.HeldNumbers

type LossTerms =
    { Stability: torch.Tensor | null
      Smoothness: torch.Tensor | null
      Alignment: torch.Tensor | null }

module MappingLoss =

    let crossEntropy smoothing (scores: torch.Tensor) (labels: torch.Tensor) =
        if not (smoothing >= 0.0 && smoothing < 1.0) then
            raise (
                ArgumentOutOfRangeException(nameof smoothing, smoothing, "Label smoothing must be from 0 to below 1.")
            )

        torch.nn.functional.cross_entropy (scores, labels, label_smoothing = smoothing)

    let private sameShape (argument: string) (first: torch.Tensor) (second: torch.Tensor) =
        if first.shape <> second.shape then
            raise (
                ArgumentException($"The shapes differ: {shapeText first.shape} and {shapeText second.shape}.", argument)
            )

    let distillation temperature (teacher: torch.Tensor) (scores: torch.Tensor) =
        requirePositive (nameof temperature) temperature
        sameShape (nameof teacher) teacher scores
        use divisor = temperature.ToScalar()
        let soft = (teacher.detach () / divisor).softmax 1L
        let logProbabilities = torch.nn.functional.log_softmax (scores / divisor, 1L)
        -(soft * logProbabilities).sum(1L).mean () |> times (temperature * temperature)

    let meanSquaredError (outputs: torch.Tensor) (targets: torch.Tensor) =
        sameShape (nameof targets) outputs targets
        torch.nn.functional.mse_loss (outputs, targets)

    let noise key (step: int64) deviation (like: torch.Tensor) =
        requireNotNegative (nameof deviation) "The noise's standard deviation" deviation
        let stepKey = CounterHash.child (uint64 step) key

        let values =
            Array.init (int like.shape[0]) (fun index -> deviation * CounterHash.normal stepKey (uint64 index))

        use plain = torch.from_array values
        plain.``to`` (like.dtype, like.device, copy = true)

    let stability (perturbed: torch.Tensor) (outputs: torch.Tensor) =
        sameShape (nameof perturbed) perturbed outputs
        use samples = (float outputs.shape[0]).ToScalar()
        (perturbed - outputs).square().sum () / samples

    /// ||w_j + v_j||^2 for every row j of a piece, shape (P_piece) or ().
    let private squaredRows (piece: MappingPiece) (own: torch.Tensor) =
        let norms = piece.FixedWeights.RowNormsSquared own

        match piece.Modulation with
        | AdditiveModulation strength ->
            // ||w_j||^2 + 4 alpha w_j z + 4 alpha^2 ||z||^2
            norms
            + times (4.0 * strength) (piece.FixedWeights.Apply own)
            + times (4.0 * strength * strength) (own.dot own)
        | LinearModulation map ->
            let map = map.``to`` (own.dtype, own.device)
            let slopes = (map + map.transpose (1L, 2L)).matmul own
            (piece.FixedWeights.ToMatrix own + slopes).square().sum 1L
        | _ -> norms

    let private isAffine (mapping: Mapping) =
        mapping.Specification.Activation = MappingActivation.Identity
        && mapping.Pieces
           |> Array.forall (fun piece ->
               match piece.Modulation with
               | NoModulation
               | AdditiveModulation _ -> true
               | _ -> false)

    /// sum_j s_j^2 ||w_j||^2 + 4 alpha z^T W^T s^2 + 4 alpha^2 ||z||^2 sum_j s_j^2: O(d), the sums over rows being constants.
    let private affineSmoothness (mapping: Mapping) latent =
        Array.map2
            (fun (piece: MappingPiece) (struct (norms: float, total: float, transposed: torch.Tensor | null)) ->
                let own: torch.Tensor = mapping.LatentOf(piece, latent)

                match piece.Modulation, transposed with
                | AdditiveModulation strength, NonNull transposed ->
                    times (4.0 * strength) (own.dot (transposed.``to`` (own.dtype, own.device)))
                    + times (4.0 * strength * strength * total) (own.dot own)
                    |> plus norms
                | _ -> times 0.0 (own.sum ()) |> plus norms)
            mapping.Pieces
            mapping.SquaredScaleSums
        |> Array.reduce (fun total part -> total + part)

    /// sum_j s_j^2 sigma'(h_j)^2 ||w_j + v_j||^2 for given squared scales (P).
    let private generalSmoothness (mapping: Mapping) latent (squaredScales: torch.Tensor) =
        let weights =
            if mapping.Activation = MappingActivation.Identity then
                squaredScales
            else
                squaredScales
                * (ActivationSlope.at mapping.Activation (mapping.PreActivation latent)).square ()

        mapping.Pieces
        |> Array.map (fun piece ->
            let own = mapping.LatentOf(piece, latent)
            let part = weights.narrow (0L, piece.FirstRow, piece.FixedWeights.Rows)
            (part * squaredRows piece own).sum ())
        |> Array.reduce (fun total part -> total + part)

    let smoothness (mapping: Mapping) (latent: torch.Tensor) =
        if mapping.Pieces |> Array.exists _.Modulation.IsCustomModulation then
            (Differentiation.jacobian (fun z -> mapping.Generate z) latent).square().sum ()
        elif isAffine mapping then
            affineSmoothness mapping latent
        else
            generalSmoothness mapping latent ((mapping.ScaleVector latent).square ())

    let smoothnessAtScales (mapping: Mapping) (latent: torch.Tensor) (scales: torch.Tensor) =
        let entries = mapping.Layout.Entries
        mapping.Check latent
        requireVector (nameof scales) (int64 entries.Length) scales

        if mapping.Pieces |> Array.exists _.Modulation.IsCustomModulation then
            (Differentiation.jacobian (fun z -> mapping.Generate(z, scales)) latent).square().sum ()
        elif
            isAffine mapping
            && mapping.FixedWeightsKind <> FixedWeightsKind.Dense
            && mapping.Pieces |> Array.forall (fun piece -> piece.Modulation.IsNoModulation)
        then
            // Rows have norm 1, so a tensor of n weights gives n (t s)^2, s as g has it.
            let sums =
                Array.map2
                    (fun (entry: ParameterEntry) scale -> float entry.Count * scale * scale)
                    entries
                    mapping.ScalesInUse

            use sums = torch.tensor (sums, dtype = scales.dtype, device = scales.device)
            (scales.square () * sums).sum () + times 0.0 (latent.sum ())
        else
            let trained =
                torch.cat (
                    entries
                    |> Array.mapi (fun index entry -> scales[int64 index].expand entry.Count),
                    0L
                )

            generalSmoothness mapping latent ((mapping.ScaleVector latent * trained).square ())

    /// The mean square below which a latent counts as zero. The plain cosine has no derivative there and a huge one nearby,
    /// which an optimiser that starts at z = 0 would never forget.
    let private zeroLatent = 1e-6

    let alignment (mapping: Mapping) (latent: torch.Tensor) =
        let one (piece: MappingPiece) =
            let own = mapping.LatentOf(piece, latent)

            let mean = piece.FixedWeights.RowMean own + Modulation.rowMean piece.Modulation own

            use zero = (zeroLatent * float own.shape[0]).ToScalar()
            use tiny = 1e-24.ToScalar()
            use whole = 1.0.ToScalar()
            let squared = (own.dot own).clamp_min zero
            let cosine = own.dot mean / (squared * (mean.dot mean + tiny)).sqrt ()
            whole - cosine

        let terms = mapping.Pieces |> Array.map one
        torch.stack(terms, 0L).mean ()

    let private rules (options: LossOptions) =
        [| options.Stability; options.Smoothness; options.Alignment |]

    let trainableCount options =
        LossCoefficients.trained (rules options)

    let current options raw =
        LossCoefficients.current (rules options) raw

    let total options (raw: torch.Tensor | null) (task: torch.Tensor) (terms: LossTerms) =
        LossCoefficients.contributions
            (rules options)
            raw
            [| "stability", terms.Stability
               "smoothness", terms.Smoothness
               "alignment", terms.Alignment |]
        |> Array.fold (+) task
