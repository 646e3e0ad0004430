/// Generation and its transpose as one pass over memory: theta = (W z + shift + b) * scale, and z's gradient from theta's.
/// Nothing of size P exists beyond theta, its gradient and the bias. Single precision, on the CPU.
module internal MappingNets.Core.FusedGeneration

open System
open System.Runtime.InteropServices
open System.Runtime.Intrinsics.X86
open Microsoft.FSharp.NativeInterop
open TorchSharp
open MappingNets.Core.FixedWeightsKernels
open MappingNets.Core.TilePasses
open MappingNets.Core.VectorLanes
open MappingNets.Core.RowKernels
open MappingNets.Core.SignedPermutationKernels
open MappingNets.Core.WalshHadamard

let private inverseRoot (size: int) = float32 (1.0 / sqrt (float size))

/// The orthogonal tile of FixedWeightsKernels on the workspace's values.
let private orthogonalTile (piece: Piece) tile size transposed (workspace: Workspace) =
    let values = workspace.Values
    let window = largestPowerOfTwo size
    let scale = inverseRoot window

    let sign (signs: SignRuns) = applySigns (signs.Of tile) size values

    let first () = walshHadamard values window scale

    let last () =
        if window < size then
            walshHadamard (offset values (size - window)) window scale

    if transposed then
        sign workspace.OutputSigns

        if window < size then
            last ()
            sign workspace.MiddleSigns

        first ()
        sign workspace.Signs
    else
        sign workspace.Signs
        first ()

        if window < size then
            sign workspace.MiddleSigns
            last ()

        sign workspace.OutputSigns

/// The latents that a Hadamard tile transforms: all in order, or r keyed ones in the last tile.
let private readColumns (piece: Piece) tile size (latent: nativeptr<float32>) (workspace: Workspace) =
    let permutation = hadamardPermutation piece.Tiling tile

    for index in 0 .. size - 1 do
        NativePtr.set workspace.Values index (NativePtr.get latent (permutation.Column index))

/// Whether a tile is one transform: a full one of 2^k rows.
let private isOneWindow (piece: Piece) size =
    size = piece.Tiling.Columns && largestPowerOfTwo size = size

/// Where the bias of theta comes from.
[<NoEquality; NoComparison>]
type BiasSource =
    | NoBias
    /// In memory, that of the whole theta.
    | StoredBias of nativeint
    /// Made anew each time, from its stream.
    | HashedBias of CounterHash.Key

/// The cheapest source of a bias: its stream where numbers are made as fast as they are read, otherwise the tensor that holds them.
let biasSource (hasBias: bool) (key: CounterHash.Key) (stored: unit -> torch.Tensor | null) =
    if hasBias && HashRuns.isFast then
        HashedBias key
    else
        match stored () with
        | null -> NoBias
        | tensor -> StoredBias(NativePtr.toNativeInt (TensorMemory.pointer<float32> tensor))

/// The biases of `count` weights from weight `row` on; null where there are none.
let private biasesOf (bias: BiasSource) (row: int64) (count: int) (workspace: Workspace) : nativeptr<float32> =
    match bias with
    | NoBias -> NativePtr.ofNativeInt 0n
    | StoredBias address -> TensorMemory.at (NativePtr.ofNativeInt address) row
    | HashedBias key -> workspace.Biases.Of(key, row, count)

/// Generates the rows of a piece into the segments' addresses.
let generate
    (piece: Piece)
    (latent: nativeptr<float32>)
    (hasShift: bool)
    (shift: float32)
    (bias: BiasSource)
    (segments: Segment[])
    =
    let tiling = piece.Tiling
    let columns = tiling.Columns

    // -0 changes no bit of what it is added to.
    let shiftOrNone = if hasShift then shift else -0.0f

    let epilogueOf (segment: Segment) biases =
        { Shift = shiftOrNone
          Bias = biases
          Scale = segment.Scale }

    let runSigned (workspace: Workspace) tile size firstRow =
        let permutation = piece.Permutations[tile]
        let signs = workspace.Signs.Of tile

        forEachBlock segments firstRow size (fun segment within start count ->
            let biases = biasesOf bias (firstRow + int64 start) count workspace
            let rows = TensorMemory.at segment.Address within
            signedRun latent signs permutation start count (epilogueOf segment biases) rows)

    // One window: signs, butterflies, then everything else in the pass that writes theta.
    let runWhole (workspace: Workspace) tile size firstRow =
        let segment = segments[segmentOf segments firstRow]
        let output = TensorMemory.at segment.Address (firstRow - segment.First)
        signedUnscaledTransform latent 1.0f (workspace.Signs.Of tile) workspace.Values size output
        let signs = workspace.OutputSigns.Of tile
        let factor = inverseRoot size

        forEachBlock segments firstRow size (fun segment within start count ->
            let biases = biasesOf bias (firstRow + int64 start) count workspace
            let values = offset workspace.Values start
            let rows = TensorMemory.at segment.Address within
            finishSignedRun values signs start count factor (epilogueOf segment biases) rows)

    let runOther (workspace: Workspace) tile size firstRow =
        readColumns piece tile size latent workspace
        orthogonalTile piece tile size false workspace

        forEachBlock segments firstRow size (fun segment within start count ->
            let biases = biasesOf bias (firstRow + int64 start) count workspace
            let values = offset workspace.Values start
            finishRun values count (epilogueOf segment biases) (TensorMemory.at segment.Address within))

    let runTiles (workspace: Workspace) _ (tiles: TileGroup) =
        let first = piece.FirstRow + tiles.Tile * int64 columns

        let epilogue =
            { Shift = shiftOrNone
              Bias = biasesOf bias first (tiles.Count * columns) workspace
              Scale = tiles.Scale }

        let signs = workspace.Signs.Of tiles.Tile
        signedTiles latent signs piece.Permutations columns tiles.Tile tiles.Count epilogue tiles.Rows

    let runTile workspace _ tile =
        let size = tiling.TileRows tile
        let firstRow = piece.FirstRow + tile * int64 columns

        if not piece.IsHadamard then
            runSigned workspace tile size firstRow
        elif isOneWindow piece size then
            runWhole workspace tile size firstRow
        else
            runOther workspace tile size firstRow

    forEachTile piece segments (not piece.IsHadamard && isForTiles columns) runTiles runTile

/// The sum of a tile's values in double precision, eight interleaved partial sums.
let private sumOf (values: nativeptr<float32>) size =
    let partial = Array.zeroCreate<float> 8

    for index in 0 .. size - 1 do
        partial[index &&& 7] <- partial[index &&& 7] + float (NativePtr.get values index)

    Array.sum partial

/// The transpose: result = W^T u with u = gradient * scale, and the sum of u where the shift needs it (else 0).
let pullback (piece: Piece) (segments: Segment[]) (needsSum: bool) (result: nativeptr<float32>) =
    let tiling = piece.Tiling
    let columns = tiling.Columns
    let tiles = tiling.Tiles
    let chunks = chunkCount tiles
    let totals = Array.zeroCreate<float> chunks
    let partial = piece.PartialSums.Rent()

    let sumsOf chunk = piece.PartialSums.Chunk(partial, chunk)

    let clearBefore chunk tile =
        if tile = chunkStart tiles chunks chunk then
            NativeMemory.Clear(NativePtr.toVoidPtr (sumsOf chunk), 4un * unativeint columns)

    let scaleRows (workspace: Workspace) chunk size firstRow =
        forEachRun segments firstRow size (fun segment within start count ->
            scaleRun (TensorMemory.at segment.Address within) count segment.Scale (offset workspace.Values start))

        if needsSum then
            totals[chunk] <- totals[chunk] + sumOf workspace.Values size

    let runSigned (workspace: Workspace) chunk tile size firstRow =
        if needsSum then
            scaleRows workspace chunk size firstRow

        let permutation = piece.Permutations[tile]
        let signs = workspace.Signs.Of tile

        forEachRun segments firstRow size (fun segment within start count ->
            let rows = TensorMemory.at segment.Address within
            let sums = sumsOf chunk
            let large = Avx2.IsSupported && count = columns && columns >= LargeTile

            if large then
                let inverse = piece.Permutations.InverseMultiplier tile
                addSignedTile rows signs permutation inverse columns segment.Scale sums

            // The rows that are left: all, or those that do not fill a group.
            let first = if large then 8 * permutation.Groups else start
            let rest = offset rows (first - start)
            addSignedRows rest signs permutation first (start + count - first) segment.Scale sums)

    let runWhole (workspace: Workspace) chunk tile size firstRow =
        let signs = workspace.OutputSigns.Of tile
        let segment = segments[segmentOf segments firstRow]
        let within = firstRow - segment.First

        if within + int64 size <= segment.Count && not needsSum then
            let rows = TensorMemory.at segment.Address within
            signedUnscaledTransform rows segment.Scale signs workspace.Values size (offset rows size)
        else
            scaleRows workspace chunk size firstRow
            let values = workspace.Values
            signedUnscaledTransform values 1.0f signs values size values

        addSignedRun workspace.Values (workspace.Signs.Of tile) columns (inverseRoot size) (sumsOf chunk)

    let runOther (workspace: Workspace) chunk tile size firstRow =
        scaleRows workspace chunk size firstRow
        orthogonalTile piece tile size true workspace

        if size = columns then
            addRun workspace.Values columns (sumsOf chunk)
        else
            scatterAdd workspace.Values size piece.Permutations[tile] (sumsOf chunk)

    let runTiles (workspace: Workspace) chunk (group: TileGroup) =
        clearBefore chunk group.Tile
        let signs = workspace.Signs.Of group.Tile
        addSignedTiles group.Rows signs piece.Permutations columns group.Tile group.Count group.Scale (sumsOf chunk)

    let runTile workspace chunk tile =
        let size = tiling.TileRows tile
        let firstRow = piece.FirstRow + tile * int64 columns
        clearBefore chunk tile

        if not piece.IsHadamard then
            runSigned workspace chunk tile size firstRow
        elif isOneWindow piece size then
            runWhole workspace chunk tile size firstRow
        else
            runOther workspace chunk tile size firstRow

    forEachTile piece segments (not piece.IsHadamard && isForTiles columns && not needsSum) runTiles runTile

    let bytes = 4L * int64 columns
    Buffer.MemoryCopy(NativePtr.toVoidPtr (sumsOf 0), NativePtr.toVoidPtr result, bytes, bytes)

    for chunk in 1 .. chunks - 1 do
        addRun (sumsOf chunk) columns result

    piece.PartialSums.Return partial
    Array.sum totals
