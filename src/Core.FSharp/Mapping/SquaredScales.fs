/// What the smoothness of an affine mapping needs of its fixed weights.
module internal MappingNets.Core.SquaredScales

open System
open TorchSharp
open MappingNets

/// For each piece sum_j s_j^2 ||w_j||^2, sum_j s_j^2 and W^T s^2 with s the scales as they are in use. The last only where a modulation asks for it;
/// with matrix-free weights nothing here has P numbers.
let sums (layout: ParameterLayout) (pieces: MappingPiece[]) (scales: float[]) (scaleVector: Lazy<torch.Tensor>) =
    use _ = torch.no_grad ()
    use _ = torch.inference_mode false
    use scope = torch.NewDisposeScope()

    let squared = scales |> Array.map (fun scale -> scale ** 2.0)
    // A copy at each look.
    let entries = layout.Entries

    pieces
    |> Array.map (fun piece ->
        let own =
            [| for index in 0 .. entries.Length - 1 do
                   let first = entries[index].Offset - piece.FirstRow

                   if first >= 0L && first < piece.Rows then
                       index |]

        let values = own |> Array.map (fun index -> squared[index])

        let total =
            own |> Array.sumBy (fun index -> squared[index] * float entries[index].Count)

        let norms =
            if piece.FixedWeights.Kind <> FixedWeightsKind.Dense then
                total
            else
                let rows =
                    scaleVector.Value.to_type(torch.float64).square().narrow (0L, piece.FirstRow, piece.Rows)

                (rows * piece.FixedWeights.RowNormsSquared rows).sum(torch.float64).ToDouble()

        let transposed: torch.Tensor | null =
            match piece.Modulation with
            | AdditiveModulation _ -> piece.FixedWeights.TransposeConstant values
            | _ -> null

        struct (norms, total, transposed))
