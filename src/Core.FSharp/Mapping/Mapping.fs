namespace MappingNets.Core

open System
open System.Collections.Concurrent
open TorchSharp
open MappingNets

[<Sealed>]
type Mapping
    internal
    (
        layout: ParameterLayout,
        specification: MappingSpecification,
        pieces: MappingPiece[],
        scales: float[],
        scalePrecision: torch.ScalarType,
        ownsPieces: bool
    ) =

    let latentCount = LatentSplit.count specification.Split
    let root = CounterHash.ofSeed specification.Seed

    let biasKey = CounterHash.named "bias" root

    /// The bias as a tensor; null where there is none. The fused passes make it anew where that is fast.
    let bias =
        lazy
            (use _ = torch.inference_mode false

             match specification.Bias with
             | MappingBias.Zero -> null
             | _ -> (HashTensors.symmetricUniform biasKey layout.Count).DetachFromDisposeScope())

    /// The scale of every weight; only the paths that are not fused need it.
    let scaleVector =
        constant (fun () ->
            use scope = torch.NewDisposeScope()

            let parts =
                Array.map2
                    (fun (entry: ParameterEntry) (scale: float) ->
                        use scale = scale.ToScalar()
                        torch.full ([| entry.Count |], scale, dtype = scalePrecision, device = torch.CPU))
                    layout.Entries
                    scales

            torch.cat(parts, 0L).DetachFromDisposeScope())

    /// The constants on other devices and in other precisions, made once for each.
    let copies =
        ConcurrentDictionary<struct (string * torch.ScalarType * string), torch.Tensor>()

    let copyLike name (constant: torch.Tensor) (other: torch.Tensor) =
        if other.dtype = constant.dtype && other.device_type = DeviceType.CPU then
            constant
        else
            copies.GetOrAdd(
                struct (name, other.dtype, other.device.ToString()),
                fun _ ->
                    use _ = torch.inference_mode false
                    constant.``to``(other.dtype, other.device).DetachFromDisposeScope()
            )

    let activate values =
        ActivationSlope.apply "specification" specification.Activation values

    let latentOf (piece: MappingPiece) (latent: torch.Tensor) =
        latent.narrow (0L, piece.FirstLatent, int64 piece.FixedWeights.Columns)

    let linear (piece: MappingPiece) latent =
        let own = latentOf piece latent
        let product = piece.FixedWeights.Apply own

        match piece.Modulation with
        | NoModulation -> product
        | modulation -> product + Modulation.shiftOf modulation piece.FixedWeights.Rows own

    let preActivation latent =
        let products =
            match pieces with
            | [| piece |] -> linear piece latent
            | pieces -> torch.cat (pieces |> Array.map (fun piece -> linear piece latent), 0L)

        match bias.Value with
        | null -> products
        | bias -> products + copyLike "bias" bias latent

    let generate latent =
        activate (preActivation latent) * copyLike "scale" scaleVector.Value latent

    /// A fixed scale as it is in use: rounded to single, but for the product with trained scales.
    let inUse (scale: float) =
        if scalePrecision = torch.float64 then
            scale
        else
            float (float32 scale)

    let squaredScaleSums =
        lazy (SquaredScales.sums layout pieces (Array.map inUse scales) scaleVector)

    /// Null where a modulation or stored fixed weights need the general path.
    let passes tensorScales : FusedMapping | null =
        let kernels =
            pieces
            |> Array.choose (fun piece ->
                match piece.Modulation, piece.FixedWeights.Fused piece.FirstRow with
                | (NoModulation | AdditiveModulation _), NonNull kernel ->
                    Some
                        { FixedWeights = piece.FixedWeights
                          Kernel = kernel
                          FirstLatent = piece.FirstLatent
                          Modulation = piece.Modulation }
                | _ -> None)

        if kernels.Length = pieces.Length then
            let source =
                match specification.Bias with
                | MappingBias.Zero -> fun () -> FusedGeneration.NoBias
                | _ -> FusedGeneration.biasSource biasKey layout.Count (fun () -> nonNull bias.Value)

            FusedMapping(
                layout.Entries,
                tensorScales,
                kernels,
                source,
                fun like -> copyLike "scale" scaleVector.Value like
            )
        else
            null

    let fused =
        if specification.Activation = MappingActivation.Identity then
            passes scales
        else
            null

    /// The passes before a curved activation, which the scales follow.
    let unscaledPasses = lazy (passes (Array.create scales.Length 1.0))

    let generateFast (latent: torch.Tensor) =
        match fused with
        | NonNull fused when FusedMapping.Fits latent ->
            if latent.requires_grad && torch.is_grad_enabled () then
                // A copy: what its owner does to z before the backward pass must not reach the graph.
                GenerateFunction.apply (latent.clone (), fused)
            else
                fused.Generate latent
        | _ -> generate latent

    let mutable isDisposed = false

    let check latent =
        ObjectDisposedException.ThrowIf(isDisposed, typeof<Mapping>)
        TensorChecks.requireVector (nameof latent) (int64 latentCount) latent

    member _.Layout = layout
    member internal _.Specification = specification
    member _.Pieces = Array.copy pieces
    member _.Seed = specification.Seed
    member _.FixedWeightsKind = specification.FixedWeights
    member _.Activation = specification.Activation
    member _.Bias = specification.Bias
    member _.HasTrainableScales = specification.TrainableScale

    member _.IsLayerWise =
        match specification.Split with
        | LayerWise _ -> true
        | SingleLatent _ -> false

    member _.WeightCount = layout.Count
    member _.LatentCount = latentCount
    member _.Scales = Array.copy scales

    member _.TrainableCount =
        latentCount
        + (if specification.TrainableScale then
               layout.Entries.Length
           else
               0)

    member _.InitialLatent() =
        match specification.Start with
        | ZeroStart -> torch.zeros ([| int64 latentCount |], dtype = torch.float32, device = torch.CPU)
        | UniformStart amplitude ->
            use uniform =
                HashTensors.symmetricUniform (CounterHash.named "latent" root) (int64 latentCount)

            use amplitude = amplitude.ToScalar()
            uniform * amplitude

    member internal _.Check latent = check latent

    member _.LatentOf(piece, latent) =
        check latent
        latentOf piece latent

    member _.PreActivation latent =
        check latent
        preActivation latent

    member _.Generate(latent: torch.Tensor) =
        check latent
        generateFast latent

    /// The general path, for tests that hold the fused one to it.
    member internal _.GenerateComposed(latent: torch.Tensor) = generate latent

    member internal _.Fused = fused

    /// Tensor by tensor, W z + b with the modulation, times the scale where the identity follows; null where the general path is needed.
    member internal _.TensorPasses: FusedMapping | null =
        match fused with
        | null -> unscaledPasses.Value
        | fused -> fused

    /// What follows `TensorPasses` for the tensor of an entry: the activation and the scale.
    member internal _.Activate(index: int, values: torch.Tensor) =
        if specification.Activation = MappingActivation.Identity then
            values
        else
            use scale = scales[index].ToScalar()
            activate values * scale

    member internal _.ScalesInUse = Array.map inUse scales

    member internal _.SquaredScaleSums = squaredScaleSums.Value

    member _.Generate(latent: torch.Tensor, scales: torch.Tensor) =
        check latent
        TensorChecks.requireVector (nameof scales) (int64 layout.Entries.Length) scales

        let parts = (generateFast latent).split (layout.Entries |> Array.map _.Count, 0L)

        torch.cat (parts |> Array.mapi (fun index part -> part * scales[int64 index]), 0L)

    member _.Pullback(latent: torch.Tensor, gradient: torch.Tensor) =
        check latent
        TensorChecks.requireVector (nameof gradient) layout.Count gradient
        TensorChecks.requireSamePlace (nameof gradient) "The gradient is" gradient latent

        match fused with
        | NonNull fused when FusedMapping.Fits latent && FusedMapping.Fits gradient ->
            use _ = torch.no_grad ()
            fused.Pullback(latent, gradient)
        | _ -> (Differentiation.jacobianTv generate latent gradient).detach ()

    member _.ScaleVector(like: torch.Tensor) = copyLike "scale" scaleVector.Value like

    member _.AtScales(trained: torch.Tensor) =
        TensorChecks.requireFinite (nameof trained) (int64 layout.Entries.Length) trained
        use precise = trained.detach().cpu().to_type torch.float64

        let product =
            (scales, precise.data<float>().ToArray())
            ||> Array.map2 (fun scale factor -> inUse scale * factor)

        new Mapping(
            layout,
            { specification with
                Scale = ExplicitScale product
                TrainableScale = false },
            pieces,
            product,
            torch.float64,
            false
        )

    override _.ToString() =
        $"{MappingSpecification.describe specification} -> P = {layout.Count}"

    interface IDisposable with
        member _.Dispose() =
            isDisposed <- true

            if bias.IsValueCreated then
                bias.Value |> Option.ofObj |> Option.iter _.Dispose()

            if scaleVector.IsValueCreated then
                scaleVector.Value.Dispose()

            if squaredScaleSums.IsValueCreated then
                for struct (_, _, transposed) in squaredScaleSums.Value do
                    transposed |> Option.ofObj |> Option.iter _.Dispose()

            for copy in copies.Values do
                copy.Dispose()

            if ownsPieces then
                for piece in pieces do
                    (piece.FixedWeights :> IDisposable).Dispose()
