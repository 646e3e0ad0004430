namespace MappingNets.Core

open System
open TorchSharp

/// A piece with what the fused passes need to know of its place and its modulation.
type internal FusedPiece =
    { FixedWeights: FixedWeights
      Kernel: TilePasses.Piece
      FirstLatent: int64
      Modulation: Modulation }

    /// alpha of an additive modulation, otherwise 0.
    member this.Strength =
        match this.Modulation with
        | AdditiveModulation strength -> strength
        | _ -> 0.0

    member this.LatentOf(latent: torch.Tensor) =
        latent.narrow (0L, this.FirstLatent, int64 this.Kernel.Tiling.Columns)

    /// Adds the gradient of alpha ||z||^2, which every row gets; `sum` is that of the rows' gradients.
    member this.AddLatentPart(own: torch.Tensor, latent: torch.Tensor, sum: float) =
        use latentPart = this.LatentOf latent
        // A name of its own keeps the number alive until libtorch has read it.
        use factor = (2.0 * this.Strength * sum).ToScalar()
        own.add_ (latentPart, alpha = factor) |> ignore

/// z's gradient from those of theta's tensors, one tensor at a time from the last to the first, so that no more than one of them
/// need exist at once. Gives the bits of the pass over all of them. Besides z's gradient it keeps fewer than d numbers: the rows
/// of a tile that starts in a tensor that is still to come.
[<Sealed>]
type internal TensorwisePullback(entries: ParameterEntry[], scales: float[], pieces: FusedPiece[], latent: torch.Tensor)
    =

    let plain = latent.detach().contiguous().DetachFromDisposeScope()

    let result =
        torch.zeros([| latent.shape[0] |], dtype = torch.float32, device = torch.CPU).DetachFromDisposeScope()

    let room = pieces |> Array.map _.Kernel.Tiling.Columns |> Array.max |> int64

    // The rows kept end where the room does, because those that come next stand before them.
    let kept =
        torch.empty([| room |], dtype = torch.float32, device = torch.CPU).DetachFromDisposeScope()

    let mutable keptCount = 0L
    let mutable next = entries.Length - 1
    let mutable sum = 0.0

    let keptFrom count =
        TensorMemory.at (TensorMemory.pointer<float32> kept) (room - count)

    /// Keeps the first rows of a tensor, times its scale, before those that are kept.
    let keep (gradient: nativeptr<float32>) (count: int64) scale =
        keptCount <- keptCount + count
        RowKernels.scaleRun gradient (int count) scale (keptFrom keptCount)

    /// Adds the gradient of tensor `index` of the layout, any shape of its size, in single precision.
    member _.Add(index: int, gradient: torch.Tensor) =
        if index <> next then
            raise (
                ArgumentOutOfRangeException(
                    nameof index,
                    index,
                    $"Tensors come from the last to the first; the next one is {next}."
                )
            )

        let entry = entries[index]

        if
            gradient.numel () <> entry.Count
            || gradient.dtype <> torch.float32
            || gradient.device_type <> DeviceType.CPU
        then
            raise (
                ArgumentException(
                    $"The gradient of '{entry.Name}' has {gradient.numel ()} elements of {gradient.dtype} on {gradient.device}; it must have {entry.Count} of Float32 on the CPU.",
                    nameof gradient
                )
            )

        use dense = gradient.detach().contiguous ()
        let start = TensorMemory.pointer<float32> dense
        let scale = float32 scales[index]

        let piece =
            pieces |> Array.findBack (fun piece -> piece.Kernel.FirstRow <= entry.Offset)

        let firstEntry =
            entries |> Array.findIndex (fun entry -> entry.Offset = piece.Kernel.FirstRow)

        let tensor = index - firstEntry

        match piece.Kernel.Tiling.TensorRuns[tensor] with
        | [||] -> keep start entry.Count scale
        | runs ->
            let own: TilePasses.Segment =
                { First = entry.Offset
                  Count = entry.Count
                  Scale = scale
                  Address = start }

            let following: TilePasses.Segment =
                { First = entry.Offset + entry.Count
                  Count = keptCount
                  Scale = 1.0f
                  Address = keptFrom keptCount }

            let segments = if keptCount = 0L then [| own |] else [| own; following |]
            use ownResult = piece.LatentOf result
            let address = TensorMemory.pointer<float32> ownResult

            sum <-
                sum
                + FusedTranspose.pullbackTensor piece.Kernel segments tensor (piece.Strength <> 0.0) address

            let firstRow =
                piece.Kernel.FirstRow + runs[0].First * int64 piece.Kernel.Tiling.Columns

            keptCount <- 0L
            keep start (firstRow - entry.Offset) scale

            if tensor = 0 then
                if piece.Strength <> 0.0 then
                    piece.AddLatentPart(ownResult, plain, sum)

                sum <- 0.0

        next <- next - 1

    /// z's gradient, shape (d), the caller's to dispose; all tensors must have come.
    member _.Result() =
        if next >= 0 then
            invalidOp $"The gradients of {next + 1} tensors are missing, the next one that of '{entries[next].Name}'."

        result.clone ()

    interface IDisposable with
        member _.Dispose() =
            plain.Dispose()
            result.Dispose()
            kept.Dispose()
