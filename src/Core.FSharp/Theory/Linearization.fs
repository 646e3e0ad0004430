namespace MappingNets.Core

open System
open TorchSharp
open MappingNets

type Linearization =
    { Latent: torch.Tensor
      Value: torch.Tensor
      Jacobian: LinearMap
      ThroughWeights: LinearMap
      ThroughLatent: LinearMap }

module Linearization =

    /// The derivative of a piece's pre-activation, or a part of it: (d) to (P) or (), and back.
    [<Struct>]
    type private Part =
        { Apply: torch.Tensor -> torch.Tensor
          Transpose: torch.Tensor -> torch.Tensor }

    let private plus first second =
        { Apply = fun v -> first.Apply v + second.Apply v
          Transpose = fun u -> first.Transpose u + second.Transpose u }

    let private ofMatrix (matrix: torch.Tensor) =
        { Apply = fun v -> matrix.mv v
          Transpose = fun u -> matrix.t().mv u }

    /// The derivative of M(z) x at x = z: through M (sum_i z_i dM_ji/dz), and through x (M(z) itself).
    let private shiftParts modulation rows (own: torch.Tensor) =
        match modulation with
        | NoModulation ->
            let none =
                { Apply = fun v -> v.sum () * 0.0.ToScalar()
                  Transpose = fun _ -> torch.zeros_like own }

            struct (none, none)
        | AdditiveModulation strength ->
            // Each row of both is alpha z.
            let row = own * strength.ToScalar()

            let part =
                { Apply = fun v -> row.dot v
                  Transpose = fun u -> row * u.sum () }

            struct (part, part)
        | LinearModulation map ->
            let map = map.``to`` (own.dtype, own.device)
            struct (ofMatrix (map.transpose(1L, 2L).matmul own), ofMatrix (map.matmul own))
        | CustomModulation custom ->
            let fits = Modulation.requireShape custom "M(z) x" [| rows |]
            let throughModulation z = custom.Apply z own |> fits
            let throughArgument x = custom.Apply own x |> fits

            struct ({ Apply = Differentiation.jacobianv throughModulation own
                      Transpose = Differentiation.jacobianTv throughModulation own },
                    { Apply = throughArgument
                      Transpose = Differentiation.jacobianTv throughArgument own })

    /// Pieces of a block-diagonal map, and diag(s sigma'(h)) before them.
    let private assemble (mapping: Mapping) (weighting: torch.Tensor) (parts: Part[]) : LinearMap =
        let pieces = mapping.Pieces

        let rows (piece: MappingPiece) (vector: torch.Tensor) =
            vector.narrow (0L, piece.FirstRow, piece.FixedWeights.Rows)

        let inScope (compute: unit -> torch.Tensor) =
            use _ = torch.no_grad ()
            use scope = torch.NewDisposeScope()
            (compute ()).MoveToOuterDisposeScope()

        { Rows = mapping.Layout.Count
          Columns = int64 mapping.LatentCount
          Apply =
            fun vector ->
                inScope (fun () ->
                    let products =
                        Array.map2
                            (fun piece part -> rows piece weighting * part.Apply(mapping.LatentOf(piece, vector)))
                            pieces
                            parts

                    if products.Length = 1 then
                        products[0]
                    else
                        torch.cat (products, 0L))
          TransposeApply =
            fun covector ->
                inScope (fun () ->
                    let weighted = weighting * covector

                    torch.cat (Array.map2 (fun piece part -> part.Transpose(rows piece weighted)) pieces parts, 0L)) }

    let at (mapping: Mapping) (latent: torch.Tensor) =
        requireFinite (nameof latent) (int64 mapping.LatentCount) latent
        use _ = torch.no_grad ()
        let point = latent.detach().clone ()
        let preActivation = mapping.PreActivation point
        let scales = mapping.ScaleVector point

        let activation = mapping.Specification.Activation

        let value = ActivationSlope.apply (nameof mapping) activation preActivation * scales
        let weighting = ActivationSlope.at activation preActivation * scales

        let parts =
            mapping.Pieces
            |> Array.map (fun piece ->
                let weights = piece.FixedWeights

                let fixedPart =
                    { Apply = weights.Apply
                      Transpose = weights.TransposeApply }

                let struct (throughWeights, throughArgument) =
                    shiftParts piece.Modulation weights.Rows (mapping.LatentOf(piece, point))

                throughWeights, plus fixedPart throughArgument)

        { Latent = point
          Value = value
          Jacobian = assemble mapping weighting (parts |> Array.map (fun (weights, latent) -> plus latent weights))
          ThroughWeights = assemble mapping weighting (Array.map fst parts)
          ThroughLatent = assemble mapping weighting (Array.map snd parts) }

[<ReferenceEquality>]
[<StructuredFormatDisplay("{Text}")>]
type DifferentiableMap =
    { LatentCount: int
      WeightCount: int64
      Evaluate: torch.Tensor -> torch.Tensor
      Derivative: torch.Tensor -> LinearMap
      EvaluationRounding: (torch.Tensor -> float -> float) option
      DerivativeRounding: (torch.Tensor -> float) option
      Curvature: (torch.Tensor -> float -> Bound) option }

    member private map.Text = map.ToString()

    override map.ToString() =
        let curvature =
            if map.Curvature.IsSome then
                "with a bound"
            else
                "without a bound"

        $"a map from {map.LatentCount} latents to {map.WeightCount} weights, {curvature} of its curvature"

module DifferentiableMap =

    let ofMapping (mapping: Mapping) =
        if mapping.HasTrainableScales then
            raise (
                ArgumentException(
                    "The mapping has trainable scales, and g depends on them: take mapping.AtScales(scales).",
                    nameof mapping
                )
            )

        let isKnown = not (mapping.Pieces |> Array.exists _.Modulation.IsCustomModulation)

        { LatentCount = mapping.LatentCount
          WeightCount = mapping.Layout.Count
          Evaluate = fun latent -> mapping.Generate latent
          Derivative = fun latent -> (Linearization.at mapping latent).Jacobian
          EvaluationRounding =
            if isKnown then
                Some(JacobianRounding.ofModulation mapping)
            else
                None
          DerivativeRounding =
            if isKnown then
                Some(JacobianRounding.above mapping)
            else
                None
          Curvature =
            if not isKnown then
                None
            else
                Some(fun centre radius ->
                    let bound = MappingBounds.onBall mapping centre radius

                    if bound.Status = BoundStatus.Proven then
                        Bound.proven bound.Curvature
                    else
                        Bound.assumed "the stored weights are orthogonal to 2e-6" bound.Curvature) }

    let ofFunction latentCount weightCount f =
        if latentCount < 1 then
            raise (ArgumentOutOfRangeException(nameof latentCount, latentCount, "There must be at least one latent."))

        if weightCount < 1L then
            raise (ArgumentOutOfRangeException(nameof weightCount, weightCount, "There must be at least one weight."))

        { LatentCount = latentCount
          WeightCount = weightCount
          Evaluate = f
          Derivative =
            fun latent ->
                { Rows = weightCount
                  Columns = int64 latentCount
                  Apply = Differentiation.jacobianv f latent
                  TransposeApply = Differentiation.jacobianTv f latent }
          EvaluationRounding = None
          DerivativeRounding = None
          Curvature = None }
