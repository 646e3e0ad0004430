namespace MappingNets.Core

open System
open System.Collections.Generic
open TorchSharp
open MappingNets.Core.Tilings

/// The two directions of a linear operator on plain tensors, outside any graph.
[<AbstractClass>]
type internal LinearOperator() =
    abstract Apply: latent: torch.Tensor -> torch.Tensor
    abstract Transpose: gradient: torch.Tensor -> torch.Tensor
    /// The rows of the gradient, first and count, that make up a tensor's part of the transpose.
    abstract TensorRows: tensor: int -> struct (int64 * int64)
    /// That part, from those rows.
    abstract TransposeTensor: tensor: int * rows: torch.Tensor -> torch.Tensor
    /// Frees what it has made of its own on devices.
    abstract Dispose: unit -> unit
    default _.Dispose() = ()

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

    /// A matrix-free operator: kernels on the CPU, tensor operations elsewhere. The tensors of the latter are made once per
    /// device and precision.
    type MatrixFree
        (
            tiling: Tiling,
            applySingle: Kernel<float32>,
            applyDouble: Kernel<double>,
            transposeSingle: int[] -> Kernel<float32>,
            transposeDouble: int[] -> Kernel<double>,
            elsewhere: torch.ScalarType -> torch.Device -> FixedWeightsTorch.TensorOperations
        ) =
        inherit LinearOperator()

        let tables =
            Collections.Concurrent.ConcurrentDictionary<
                struct (torch.ScalarType * string),
                Lazy<FixedWeightsTorch.TensorOperations>
             >()

        let onDevice (tensor: torch.Tensor) =
            tables
                .GetOrAdd(
                    struct (tensor.dtype, tensor.device.ToString()),
                    fun _ -> lazy (elsewhere tensor.dtype tensor.device)
                )
                .Value

        /// Runs a kernel from a dense CPU vector to a new one. The kernel counts the input's elements from `first` on.
        let run single double (input: torch.Tensor) (first: int64) (length: int64) =
            use dense = input.contiguous ()
            let output = torch.empty ([| length |], dtype = input.dtype, device = torch.CPU)

            let onTensors (kernel: Kernel<'T>) =
                kernel (TensorMemory.at (TensorMemory.pointer<'T> dense) -first) (TensorMemory.pointer<'T> output)

            if input.dtype = torch.float32 then
                onTensors single
            elif input.dtype = torch.float64 then
                onTensors double
            else
                // Another size of number would be written past the tensor's end.
                invalidOp $"There is no kernel for {input.dtype}."

            output

        /// The parts of some tensors from the rows of their tiles, the first of which is `first`.
        let transpose tensors (first: int64) (rows: torch.Tensor) =
            if rows.device_type = DeviceType.CPU then
                run (transposeSingle tensors) (transposeDouble tensors) rows first (int64 tiling.Columns)
            else
                (onDevice rows).Transpose tensors (first / int64 tiling.Columns) rows

        override _.Apply latent =
            if latent.device_type = DeviceType.CPU then
                run applySingle applyDouble latent 0L tiling.Rows
            else
                (onDevice latent).Apply latent

        override _.Transpose gradient =
            transpose tiling.TensorsBackwards 0L gradient

        override _.TensorRows tensor =
            let struct (first, next) = tiling.TensorRows tensor
            struct (first, next - first)

        override this.TransposeTensor(tensor, rows) =
            match this.TensorRows tensor with
            | struct (_, 0L) -> torch.zeros ([| int64 tiling.Columns |], dtype = rows.dtype, device = rows.device)
            | struct (first, _) -> transpose [| tensor |] first rows

        override _.Dispose() =
            for operations in tables.Values do
                if operations.IsValueCreated then
                    operations.Value.Tables |> List.iter _.Dispose()

    /// A stored matrix. Within a tensor libtorch adds in an order of its own; the tensors' parts are added from the last to the first.
    type Stored(matrix: torch.Tensor, tensors: int64[]) =
        inherit LinearOperator()

        let offsets = tensors |> Array.scan (+) 0L

        let like (tensor: torch.Tensor) =
            matrix.``to`` (tensor.dtype, tensor.device)

        let part (whole: torch.Tensor) tensor (rows: torch.Tensor) =
            whole.narrow(0L, offsets[tensor], tensors[tensor]).t().mv rows

        override _.Apply latent = (like latent).mv latent

        override _.Transpose gradient =
            use scope = torch.NewDisposeScope()
            let whole = like gradient
            // Alive until libtorch has read it, which the 1 that an operator makes is not always.
            use one = (1.0).ToScalar()

            seq { tensors.Length - 1 .. -1 .. 0 }
            |> Seq.map (fun tensor -> part whole tensor (gradient.narrow (0L, offsets[tensor], tensors[tensor])))
            |> Seq.reduce (fun total next -> total.add_ (next, one))
            |> _.MoveToOuterDisposeScope()

        override _.TensorRows tensor =
            struct (offsets[tensor], tensors[tensor])

        override _.TransposeTensor(tensor, rows) = part (like rows) tensor rows

    /// Orthonormal columns from a QR decomposition of uniform numbers, times sqrt(P / d); R's diagonal is made positive, which
    /// makes the decomposition unique.
    let denseMatrix (key: CounterHash.Key) (rows: int64) (columns: int) =
        // Made under inference mode, no graph could ever hold it.
        use _ = torch.inference_mode false
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

        use length = (sqrt (float rows / float columns)).ToScalar()
        q.mul_(r.diagonal().sign ()).mul_ length |> ignore

        // The fixed weights own it, whatever scope they are made in.
        q.to_type(torch.float32).contiguous().DetachFromDisposeScope()
