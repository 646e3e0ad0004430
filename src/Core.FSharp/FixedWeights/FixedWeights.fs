namespace MappingNets

type FixedWeightsKind =
    | SignedPermutation = 0
    | Hadamard = 1
    | Dense = 2

namespace MappingNets.Core

open System
open System.Collections.Generic
open TorchSharp
open MappingNets
open MappingNets.Core.FixedWeightsKernels

/// The two directions of a linear operator on plain tensors, outside any graph.
[<AbstractClass>]
type internal LinearOperator() =
    abstract Apply: latent: torch.Tensor -> torch.Tensor
    abstract Transpose: gradient: torch.Tensor -> torch.Tensor

/// W z as a node of the graph. Its gradient is W^T g and the other way round, so derivatives of any order exist.
type internal ApplyFunction() =
    inherit torch.autograd.SingleTensorFunction<ApplyFunction>()
    override _.Name = "FixedWeights.Apply"

    override _.forward(context, inputs) =
        let operator = inputs[1] :?> LinearOperator
        context.save_data ("operator", operator)
        operator.Apply(inputs[0] :?> torch.Tensor)

    override _.backward(context, gradient) =
        let operator = context.get_data "operator"
        List [ TransposeFunction.apply (gradient, operator); null ]

and internal TransposeFunction() =
    inherit torch.autograd.SingleTensorFunction<TransposeFunction>()
    override _.Name = "FixedWeights.TransposeApply"

    override _.forward(context, inputs) =
        let operator = inputs[1] :?> LinearOperator
        context.save_data ("operator", operator)
        operator.Transpose(inputs[0] :?> torch.Tensor)

    override _.backward(context, gradient) =
        let operator = context.get_data "operator"
        List [ ApplyFunction.apply (gradient, operator); null ]

[<AutoOpen>]
module internal LinearOperators =

    type Kernel<'T when 'T: unmanaged> = nativeptr<'T> -> nativeptr<'T> -> unit

    /// Runs a kernel from one dense CPU vector to a new one.
    let private run<'T when 'T: unmanaged> (kernel: Kernel<'T>) (input: torch.Tensor) (length: int64) =
        use dense = input.contiguous ()
        let output = torch.empty ([| length |], dtype = input.dtype)
        kernel (TensorMemory.pointer<'T> dense) (TensorMemory.pointer<'T> output)
        output

    /// A matrix-free operator: kernels on the CPU, tensor operations elsewhere. The tensors of the latter are made once per
    /// device and precision.
    type MatrixFree
        (
            tiling: Tiling,
            applySingle: Kernel<float32>,
            applyDouble: Kernel<double>,
            transposeSingle: Kernel<float32>,
            transposeDouble: Kernel<double>,
            elsewhere:
                torch.ScalarType
                    -> torch.Device
                    -> struct ((torch.Tensor -> torch.Tensor) * (torch.Tensor -> torch.Tensor))
        ) =
        inherit LinearOperator()

        let tables =
            Collections.Concurrent.ConcurrentDictionary<
                struct (torch.ScalarType * string),
                struct ((torch.Tensor -> torch.Tensor) * (torch.Tensor -> torch.Tensor))
             >()

        let onDevice (tensor: torch.Tensor) =
            tables.GetOrAdd(
                struct (tensor.dtype, tensor.device.ToString()),
                fun _ -> elsewhere tensor.dtype tensor.device
            )

        let choose single double (tensor: torch.Tensor) length =
            if tensor.dtype = torch.float32 then
                run<float32> single tensor length
            else
                run<double> double tensor length

        override _.Apply latent =
            if latent.device_type = DeviceType.CPU then
                choose applySingle applyDouble latent tiling.Rows
            else
                let struct (apply, _) = onDevice latent
                apply latent

        override _.Transpose gradient =
            if gradient.device_type = DeviceType.CPU then
                choose transposeSingle transposeDouble gradient (int64 tiling.Columns)
            else
                let struct (_, transpose) = onDevice gradient
                transpose gradient

    /// Orthonormal columns from a QR decomposition of uniform numbers, times sqrt(P / d); R's diagonal is made positive, which
    /// makes the decomposition unique.
    let denseMatrix (key: CounterHash.Key) (rows: int64) (columns: int) =
        use scope = torch.NewDisposeScope()
        let size = rows * int64 columns

        let struct (q, r) =
            // Matrices of some gigabytes come through here: none is kept longer than it is needed.
            use random = HashTensors.symmetricUniform key size
            use matrix = random.view (rows, int64 columns)
            // Double precision where it is affordable; in single precision the columns are orthogonal to about 1e-6.
            if size <= (1L <<< 22) then
                use precise = matrix.to_type torch.float64
                torch.linalg.qr precise
            else
                torch.linalg.qr matrix

        q.mul_(r.diagonal().sign ()).mul_ ((sqrt (float rows / float columns)).ToScalar())
        |> ignore

        // The fixed weights own it, whatever scope they are made in.
        q.to_type(torch.float32).contiguous().DetachFromDisposeScope()

[<Sealed>]
type FixedWeights
    internal
    (
        kind: FixedWeightsKind,
        rows: int64,
        columns: int,
        columnNormsSquared: float[],
        matrix: torch.Tensor | null,
        operator: LinearOperator | null,
        tiling: Tiling | null
    ) =

    let permutations =
        lazy
            (match tiling with
             | null -> invalidOp "Only matrix-free fixed weights have tiles."
             | tiling -> TilePermutations tiling)

    let like (tensor: torch.Tensor) (other: torch.Tensor) =
        tensor.``to`` (other.dtype, other.device)

    let inGraph (tensor: torch.Tensor) =
        tensor.requires_grad && torch.is_grad_enabled ()

    let apply (latent: torch.Tensor) =
        match matrix, operator with
        | NonNull matrix, _ -> (like matrix latent).mv latent
        | _, NonNull operator ->
            if inGraph latent then
                ApplyFunction.apply (latent, operator)
            else
                operator.Apply latent
        | _ -> invalidOp "Fixed weights need a matrix or an operator."

    let transpose (gradient: torch.Tensor) =
        match matrix, operator with
        | NonNull matrix, _ -> (like matrix gradient).t().mv gradient
        | _, NonNull operator ->
            if inGraph gradient then
                TransposeFunction.apply (gradient, operator)
            else
                operator.Transpose gradient
        | _ -> invalidOp "Fixed weights need a matrix or an operator."

    /// The alignment term asks for it at every step.
    let rowMean =
        lazy
            (use _ = torch.no_grad ()
             use scope = torch.NewDisposeScope()
             // Beyond 2^27 rows the ones would take more room than the weights; single precision still counts whole tiles exactly.
             let precision = if rows <= (1L <<< 27) then torch.float64 else torch.float32
             let ones = torch.ones ([| rows |], dtype = precision)
             ((transpose ones).to_type torch.float64 / (float rows).ToScalar()).DetachFromDisposeScope())

    member _.Kind = kind
    member _.Rows = rows
    member _.Columns = columns
    member _.ColumnNormsSquared = columnNormsSquared
    member _.SpectralNorm = sqrt (Array.max columnNormsSquared)

    member _.Apply latent =
        TensorChecks.requireVector (nameof latent) (int64 columns) latent
        apply latent

    member _.TransposeApply gradient =
        TensorChecks.requireVector (nameof gradient) rows gradient
        transpose gradient

    /// The matrix as the fused passes see it, generating theta from a row on; null where it is stored.
    member internal _.Fused(firstRow: int64) : TilePasses.Piece | null =
        match tiling with
        | null -> null
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

    let create kind key rows columns =
        check rows columns
        let tiling = tiling key rows columns

        match kind with
        | FixedWeightsKind.Dense ->
            let norms = Array.create columns (float rows / float columns)
            new FixedWeights(kind, rows, columns, norms, denseMatrix key rows columns, null, null)
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

            new FixedWeights(kind, rows, columns, tiledNorms tiling, null, operator, tiling)
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

            new FixedWeights(kind, rows, columns, tiledNorms tiling, null, operator, tiling)
        | other -> noSuch (nameof kind) "kind of fixed weights" other
