namespace MappingNets.Core

open System
open System.Collections.Generic
open System.Runtime.InteropServices
open System.Threading
open Microsoft.FSharp.NativeInterop
open TorchSharp

/// What a fused generation needs of its mapping when the gradient comes back.
[<AbstractClass>]
type internal Generator() =
    /// theta at z, outside any graph.
    abstract Generate: latent: torch.Tensor -> torch.Tensor
    /// z's gradient from theta's, outside any graph.
    abstract Pullback: latent: torch.Tensor * gradient: torch.Tensor -> torch.Tensor
    /// The same through tensor operations, which can be differentiated in both.
    abstract DifferentiablePullback: latent: torch.Tensor * gradient: torch.Tensor -> torch.Tensor

/// theta = g(z) as one node of the graph: two passes over memory, forth and back.
type internal GenerateFunction() =
    inherit torch.autograd.SingleTensorFunction<GenerateFunction>()
    override _.Name = "Mapping.Generate"

    override _.forward(context, inputs) =
        let latent = inputs[0] :?> torch.Tensor
        let generator = inputs[1] :?> Generator
        context.save_data ("generator", generator)
        context.save_for_backward (List [ latent ])
        generator.Generate latent

    override _.backward(context, gradient) =
        let generator = context.get_data "generator" :?> Generator
        let latent = context.get_saved_variables().[0]

        let result =
            try
                if torch.is_grad_enabled () then
                    generator.DifferentiablePullback(latent, gradient)
                else
                    generator.Pullback(latent, gradient)
            with _ ->
                // Native code called this: an exception would end the process. No one takes a gradient of NaN for a right one.
                use nothing = Double.NaN.ToScalar()
                torch.full_like (latent, nothing)

        // The native side takes its hold only after this returns.
        context.save_data ("result", [| result |])
        List<torch.Tensor> [ result; Unchecked.defaultof<torch.Tensor> ]

/// The mapping with the identity as activation, no or additive modulation and matrix-free fixed weights, in single precision
/// on the CPU: each direction is one pass over memory. Gives the bits of the same mapping put together from tensor operations.
[<Sealed>]
type internal FusedMapping
    (
        entries: ParameterEntry[],
        scales: float[],
        pieces: FusedPiece[],
        biasNow: unit -> FusedGeneration.BiasSource,
        scaleVector: torch.Tensor -> torch.Tensor
    ) =
    inherit Generator()

    let segments address =
        Array.mapi2
            (fun index (entry: ParameterEntry) (scale: float) ->
                { TilePasses.Segment.First = entry.Offset
                  TilePasses.Segment.Count = entry.Count
                  TilePasses.Segment.Scale = float32 scale
                  TilePasses.Segment.Address = address index })
            entries
            scales

    /// What is added to every weight of a piece for the modulation; nothing where there is none.
    let shiftOf (piece: FusedPiece) (own: torch.Tensor) =
        match piece.Modulation with
        | AdditiveModulation _ ->
            use shift = Modulation.shift piece.Modulation own
            true, shift.ToSingle()
        | _ -> false, 0.0f

    let generateAt (latent: torch.Tensor) address =
        use dense = latent.detach().contiguous ()
        let segments = segments address
        let bias = biasNow ()

        for piece in pieces do
            use own = piece.LatentOf dense
            let hasShift, shift = shiftOf piece own
            FusedGeneration.generate piece.Kernel (TensorMemory.pointer<float32> own) hasShift shift bias segments

        GC.KeepAlive biasNow

    let room =
        2L
        * (pieces
           |> Array.map (fun piece -> int64 piece.Kernel.Tiling.Columns)
           |> Array.max)

    /// What a tile at the border of two tensors has beyond the one that is generated.
    let spare =
        new ThreadLocal<byte[]>(fun () -> GC.AllocateUninitializedArray<byte>(int (4L * room), true))

    /// Whether the mapping can run fused on a latent like this one.
    static member Fits(latent: torch.Tensor) =
        latent.dtype = torch.float32 && latent.device_type = DeviceType.CPU

    /// Writes theta, a dense vector (P).
    member _.GenerateInto(latent: torch.Tensor, theta: torch.Tensor) =
        let start = TensorMemory.pointer<float32> theta
        generateAt latent (fun index -> TensorMemory.at start entries[index].Offset)

    /// theta as one new dense tensor for each entry of the layout, outside any graph.
    member _.GenerateTensors(latent: torch.Tensor) =
        let tensors =
            entries
            |> Array.map (fun entry -> torch.empty (entry.Shape, dtype = torch.float32, device = torch.CPU))

        generateAt latent (fun index -> TensorMemory.pointer<float32> tensors[index])
        tensors

    /// Writes the tensors of the layout's entries from `first` on, dense ones of their sizes, and nothing else of theta.
    member _.GenerateSome(latent: torch.Tensor, first: int, tensors: torch.Tensor[]) =
        use dense = latent.detach().contiguous ()

        let segments =
            tensors
            |> Array.mapi (fun index tensor ->
                let entry = entries[first + index]

                { TilePasses.Segment.First = entry.Offset
                  TilePasses.Segment.Count = entry.Count
                  TilePasses.Segment.Scale = float32 scales[first + index]
                  TilePasses.Segment.Address = TensorMemory.pointer<float32> tensor })

        let spare =
            NativePtr.ofNativeInt (Marshal.UnsafeAddrOfPinnedArrayElement(spare.Value, 0))

        let bias = biasNow ()

        for piece in pieces do
            let start = piece.Kernel.FirstRow
            let next = start + piece.Kernel.Tiling.Rows

            match
                segments
                |> Array.filter (fun segment -> segment.First >= start && segment.First < next)
            with
            | [||] -> ()
            | segments ->
                use own = piece.LatentOf dense
                let hasShift, shift = shiftOf piece own
                let pointer = TensorMemory.pointer<float32> own
                FusedGeneration.generateRows piece.Kernel pointer hasShift shift bias spare segments

        GC.KeepAlive biasNow

    /// z's gradient (d) from the gradients of theta's tensors, one for each entry of the layout.
    member _.PullbackOf(latent: torch.Tensor, gradients: torch.Tensor[]) =
        let dense = gradients |> Array.map (fun gradient -> gradient.detach().contiguous ())

        let addresses =
            dense |> Array.map (fun gradient -> TensorMemory.pointer<float32> gradient)

        let segments = segments (fun index -> addresses[index])
        use plain = latent.detach().contiguous ()

        let result =
            torch.empty ([| latent.shape[0] |], dtype = torch.float32, device = torch.CPU)

        for piece in pieces do
            use own = piece.LatentOf result
            let address = TensorMemory.pointer<float32> own
            let needsSum = (piece.Strength <> 0.0)
            let sum = FusedTranspose.pullback piece.Kernel segments needsSum address

            if needsSum then
                piece.AddLatentPart(own, plain, sum)

        for gradient in dense do
            gradient.Dispose()

        result

    /// The same for gradients that come one at a time, from the last tensor to the first.
    member _.PullbackByTensor(latent: torch.Tensor) =
        new TensorwisePullback(entries, scales, pieces, latent)

    override this.Generate latent =
        let last = entries[entries.Length - 1]

        let theta =
            torch.empty ([| last.Offset + last.Count |], dtype = torch.float32, device = torch.CPU)

        this.GenerateInto(latent, theta)
        theta

    override this.Pullback(latent, gradient) =
        let parts = gradient.split (entries |> Array.map _.Count, 0L)
        let result = this.PullbackOf(latent, parts)

        for part in parts do
            part.Dispose()

        result

    override _.DifferentiablePullback(latent, gradient) =
        let scaled = gradient * scaleVector latent

        let parts =
            pieces
            |> Array.map (fun piece ->
                let rows = scaled.narrow (0L, piece.Kernel.FirstRow, piece.Kernel.Tiling.Rows)
                let linear = piece.FixedWeights.TransposeApply rows

                match piece.Modulation with
                | AdditiveModulation strength ->
                    use factor = (2.0 * strength).ToScalar()
                    linear + piece.LatentOf latent * rows.sum () * factor
                | _ -> linear)

        torch.cat (parts, 0L)
