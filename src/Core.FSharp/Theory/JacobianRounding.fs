/// What computing a mapping's Jacobian in double precision may have made of it, and a modulation whose parts cancel of the mapping itself.
///
/// Row j of A is s_j sigma'(h_j) v_j, v_j = w_j + M(z)_j and what the modulation adds. Three errors meet there: that of h_j, which sigma' passes on; that
/// of the function sigma'; and that of v_j and of the products. The model is that of docs/theorems.md, with tanh, sine and exp as four operations.
module internal MappingNets.Core.JacobianRounding

open System
open TorchSharp
open MappingNets

/// How far each computed slope may be from the true one where the pre-activations are off by at most `errors`.
let private slopeErrors activation (slopes: torch.Tensor) (errors: torch.Tensor) =
    match activation with
    | MappingActivation.Identity -> torch.zeros_like slopes
    | MappingActivation.Tanh ->
        // The logarithm of tanh' is nowhere steeper than 2.
        let doubled = errors * 2.0.ToScalar()

        slopes * (doubled.expm1 () + doubled.exp () * (Rounding.gamma 64.0).ToScalar())
    | MappingActivation.Sine -> errors + (Rounding.gamma 16.0).ToScalar()
    | other -> noSuch (nameof activation) "activation" other

/// The size of each row's modulation for ||z|| = 1, as a matrix: |alpha|, ||B_j||_F.
let private modulationRows (piece: MappingPiece) (like: torch.Tensor) =
    match piece.Modulation with
    | NoModulation -> torch.zeros_like like
    | AdditiveModulation strength -> torch.ones_like like * (abs strength).ToScalar()
    | LinearModulation map -> (map.``to`` (like.dtype, like.device)).square().sum([| 1L; 2L |]).sqrt ()
    | CustomModulation custom ->
        invalidOp $"Nothing is known of the rounding of '{custom.Name}', so no one may ask for it."

/// The squared errors of a piece's rows.
let private squaredOfPiece (mapping: Mapping) point (scales: torch.Tensor) (bias: torch.Tensor) slopes piece =
    let own = mapping.LatentOf(piece, point)
    let weights = piece.FixedWeights
    let columns = float weights.Columns
    let reach = Rounding.frobeniusAbove own

    let rows (whole: torch.Tensor) =
        whole.narrow (0L, piece.FirstRow, weights.Rows)

    let norms = weights.RowNormsSquared(own).sqrt ()
    let modulation = modulationRows piece norms * reach.ToScalar()

    // What is added up for w_j z, and what W's own entries are off by. Hadamard tiles that are no power of two are products of two
    // transforms, of which the sizes of the entries multiply to rows of norm sqrt d at most.
    let struct (sizes, wrong) =
        match weights.Kind with
        | FixedWeightsKind.SignedPermutation -> struct ((weights.Apply own).abs (), 0.0)
        | FixedWeightsKind.Hadamard ->
            let wide = sqrt columns
            struct (norms * (wide * reach).ToScalar(), Rounding.gamma (columns + 64.0) * wide)
        | _ -> struct (norms * reach.ToScalar(), 0.0)

    let operations = (Rounding.gamma (2.0 * columns + 64.0)).ToScalar()

    let preActivation =
        (sizes + modulation * reach.ToScalar() + (rows bias).abs ()) * operations

    let vectors = norms + modulation * 2.0.ToScalar()
    let vectorErrors = vectors * operations + wrong.ToScalar()
    let there = vectors + vectorErrors

    let product =
        (rows slopes).abs () * (vectorErrors + there * (Rounding.gamma 8.0).ToScalar())

    let errors =
        product
        + slopeErrors mapping.Specification.Activation (rows slopes) preActivation * there

    (rows scales * errors).square().sum().ToDouble()

/// At least the Frobenius norm of the difference of A as Linearization.at computes it from A; z in double precision, no custom modulation.
let above (mapping: Mapping) (latent: torch.Tensor) =
    use _ = torch.no_grad ()
    use scope = torch.NewDisposeScope()
    let point = latent.detach ()
    let scales = mapping.ScaleVector point
    let bias = mapping.PreActivation(torch.zeros_like point)

    let slopes =
        ActivationSlope.at mapping.Specification.Activation (mapping.PreActivation point)

    let columns = float mapping.LatentCount

    mapping.Pieces
    |> Array.sumBy (squaredOfPiece mapping point scales bias slopes)
    |> sqrt
    // What computing the bound may have taken from it.
    |> Rounding.raised (2.0 * float mapping.Layout.Count + columns * columns + 1e5)

/// At least the norm of what the rounding of M(z) z adds to g(z) anywhere on the ball of a finite radius around z_0: gamma (2 d + 64) times the size of
/// the modulation's summands. Where they cancel each other neither g nor its derivative shows it. No custom modulation.
let ofModulation (mapping: Mapping) (centre: torch.Tensor) radius =
    use _ = torch.no_grad ()
    use scope = torch.NewDisposeScope()
    let point = centre.detach().cpu().to_type torch.float64
    let squared = (mapping.ScaleVector point).square ()

    mapping.Pieces
    |> Array.sumBy (fun piece ->
        let reach = Rounding.frobeniusAbove (mapping.LatentOf(piece, point)) + radius

        let size =
            MappingBounds.modulationSize piece (squared.narrow (0L, piece.FirstRow, piece.FixedWeights.Rows))

        // |sigma'| is at most 1.
        let error =
            Rounding.gamma (2.0 * float piece.FixedWeights.Columns + 64.0)
            * size
            * reach
            * reach

        error * error)
    |> sqrt
    |> Rounding.raised (float mapping.Pieces.Length + 16.0)
