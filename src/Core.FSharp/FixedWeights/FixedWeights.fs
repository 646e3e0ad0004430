namespace MappingNets

type FixedWeightsKind =
    | SignedPermutation = 0
    | Hadamard = 1
    | Dense = 2

namespace MappingNets.Core

open System
open TorchSharp
open MappingNets
open MappingNets.Core.Tilings
open MappingNets.Core.PlainFixedWeights

[<Sealed>]
type FixedWeights
    internal
    (
        kind: FixedWeightsKind,
        rows: int64,
        columns: int,
        columnNormsSquared: float[],
        matrix: torch.Tensor | null,
        operator: LinearOperator,
        tiling: Tiling | null,
        tensors: int64[]
    ) =

    let permutations =
        lazy
            (match tiling with
             | null -> invalidOp "Only matrix-free fixed weights have tiles."
             | tiling -> TilePermutations tiling)

    let inGraph (tensor: torch.Tensor) =
        tensor.requires_grad && torch.is_grad_enabled ()

    let apply (latent: torch.Tensor) =
        if inGraph latent then
            ApplyFunction.apply (latent, operator)
        else
            operator.Apply latent

    let transpose (gradient: torch.Tensor) =
        if inGraph gradient then
            TransposeFunction.apply (gradient, operator)
        else
            operator.Transpose gradient

    let offsets = tensors |> Array.scan (+) 0L

    /// The rows of a g that has one value for each tensor.
    let constantRows (values: float[]) (first: int64) (count: int64) =
        let filled index =
            use value = values[index].ToScalar()
            let length = min (first + count) offsets[index + 1] - max first offsets[index]
            torch.full ([| length |], value, dtype = torch.float64, device = torch.CPU)

        let parts =
            [| for index in 0 .. tensors.Length - 1 do
                   if offsets[index] < first + count && offsets[index + 1] > first then
                       filled index |]

        torch.cat (parts, 0L)

    let transposeConstant (values: float[]) =
        use _ = torch.no_grad ()
        use scope = torch.NewDisposeScope()

        match matrix with
        | NonNull _ -> (transpose (constantRows values 0L rows)).DetachFromDisposeScope()
        | _ ->
            let total =
                torch.zeros ([| int64 columns |], dtype = torch.float64, device = torch.CPU)

            use one = (1.0).ToScalar()

            for tensor in tensors.Length - 1 .. -1 .. 0 do
                match operator.TensorRows tensor with
                | struct (_, 0L) -> ()
                | struct (first, count) ->
                    use inner = torch.NewDisposeScope()

                    total.add_ (operator.TransposeTensor(tensor, constantRows values first count), one)
                    |> ignore

            total.DetachFromDisposeScope()

    /// The alignment term asks for it at every step.
    let rowMean =
        constant (fun () ->
            use sum = transposeConstant (Array.create tensors.Length 1.0)
            use count = (float rows).ToScalar()
            (sum / count).DetachFromDisposeScope())

    member _.Kind = kind
    member _.Rows = rows
    member _.Columns = columns
    member _.ColumnNormsSquared = Array.copy columnNormsSquared
    member _.SpectralNorm = sqrt (Array.max columnNormsSquared)

    member _.Apply latent =
        TensorChecks.requireVector (nameof latent) (int64 columns) latent
        apply latent

    member _.TransposeApply gradient =
        TensorChecks.requireVector (nameof gradient) rows gradient
        transpose gradient

    member internal _.TransposeConstant values = transposeConstant values

    member internal _.TensorRows tensor = operator.TensorRows tensor

    member internal _.TransposeTensor(tensor, rows: torch.Tensor) =
        let struct (_, count) = operator.TensorRows tensor
        TensorChecks.requireVector (nameof rows) count rows
        operator.TransposeTensor(tensor, rows)

    /// The matrix as the fused passes see it, generating theta from a row on; null where it is stored, or so wide that no array holds
    /// the sums of a pass.
    member internal _.Fused(firstRow: int64) : TilePasses.Piece | null =
        match tiling with
        | null -> null
        | _ when not (TilePasses.PartialSums.Fits columns) -> null
        | tiling ->
            { IsHadamard = (kind = FixedWeightsKind.Hadamard)
              Tiling = tiling
              Permutations = permutations.Value
              PartialSums = TilePasses.PartialSums tiling
              FirstRow = firstRow }

    member _.RowMean(like: torch.Tensor) =
        rowMean.Value.``to`` (like.dtype, like.device, copy = true)

    member _.RowNormsSquared(like: torch.Tensor) =
        match matrix with
        | NonNull matrix -> matrix.``to``(like.dtype, like.device).square().sum (1L)
        | _ -> torch.ones ([| rows |], dtype = like.dtype, device = like.device)

    member _.ToMatrix(like: torch.Tensor) =
        TensorChecks.requirePrecision (nameof like) like

        match matrix with
        | NonNull matrix -> matrix.``to`` (like.dtype, like.device, copy = true)
        | _ ->
            use _ = torch.no_grad ()
            use scope = torch.NewDisposeScope()
            let identity = torch.eye (int64 columns, dtype = like.dtype, device = like.device)

            let columns = Array.init columns (fun column -> apply (identity[int64 column]))

            torch.stack(columns, 1L).MoveToOuterDisposeScope()

    interface IDisposable with
        member _.Dispose() =
            if rowMean.IsValueCreated then
                rowMean.Value.Dispose()

            match matrix with
            | NonNull matrix -> matrix.Dispose()
            | _ -> ()

            operator.Dispose()

module FixedWeights =

    let private check (rows: int64) (columns: int) =
        if columns < 1 then
            raise (ArgumentOutOfRangeException(nameof columns, columns, "There must be at least one latent (d >= 1)."))

        if int64 columns > rows then
            raise (
                ArgumentOutOfRangeException(
                    nameof columns,
                    columns,
                    $"There are more latents than weights to generate (d = {columns}, P = {rows}); d may be at most P."
                )
            )

    /// floor(P / d), and one more for the columns that the last, smaller tile reads.
    let private tiledNorms (tiling: Tiling) =
        let norms = Array.create tiling.Columns (float tiling.FullTiles)

        if tiling.Remainder > 0 then
            let permutation = tilePermutation tiling tiling.FullTiles

            for index in 0 .. tiling.Remainder - 1 do
                let column = permutation.Column index

                norms[column] <- norms[column] + 1.0

        norms

    let currentVersion = 2

    let createOfVersion version kind key (tensors: int64[]) columns =
        if version < 1 || version > currentVersion then
            raise (
                ArgumentOutOfRangeException(
                    nameof version,
                    version,
                    $"The versions of the fixed weights are 1 to {currentVersion}."
                )
            )

        if tensors.Length = 0 then
            raise (ArgumentException("There must be at least one tensor.", nameof tensors))

        tensors
        |> Array.tryFindIndex (fun count -> count < 1L)
        |> Option.iter (fun index ->
            raise (
                ArgumentException(
                    $"Tensor {index} has {tensors[index]} weights; every tensor must have at least one.",
                    nameof tensors
                )
            ))

        let tensors = Array.copy tensors

        let rows =
            try
                tensors |> Array.fold (fun sum count -> Checked.(+) sum count) 0L
            with :? OverflowException ->
                raise (
                    ArgumentException($"The tensors have more than {Int64.MaxValue} weights together.", nameof tensors)
                )

        check rows columns
        let tiling = tiling version key tensors columns

        match kind with
        | FixedWeightsKind.Dense ->
            let norms = Array.create columns (float rows / float columns)
            let matrix = denseMatrix key rows columns
            new FixedWeights(kind, rows, columns, norms, matrix, Stored(matrix, tensors), null, tensors)
        | FixedWeightsKind.Hadamard ->
            let operator =
                MatrixFree(
                    tiling,
                    hadamardApplySingle tiling,
                    hadamardApplyDouble tiling,
                    hadamardTransposeSingle tiling,
                    hadamardTransposeDouble tiling,
                    FixedWeightsTorch.hadamard tiling
                )

            new FixedWeights(kind, rows, columns, tiledNorms tiling, null, operator, tiling, tensors)
        | FixedWeightsKind.SignedPermutation ->
            let operator =
                MatrixFree(
                    tiling,
                    signedPermutationApplySingle tiling,
                    signedPermutationApplyDouble tiling,
                    signedPermutationTransposeSingle tiling,
                    signedPermutationTransposeDouble tiling,
                    FixedWeightsTorch.signedPermutation tiling
                )

            new FixedWeights(kind, rows, columns, tiledNorms tiling, null, operator, tiling, tensors)
        | other -> noSuch (nameof kind) "kind of fixed weights" other

    let createForTensors kind key tensors columns =
        createOfVersion currentVersion kind key tensors columns

    let create kind key rows columns =
        check rows columns
        createForTensors kind key [| rows |] columns
