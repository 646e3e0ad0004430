/// The transpose of generation as one pass over memory: z's gradient from theta's. Nothing of size P exists beyond theta's gradient.
/// Single precision, on the CPU.
module internal MappingNets.Core.FusedTranspose

open System
open System.Runtime.Intrinsics.X86
open Microsoft.FSharp.NativeInterop
open MappingNets.Core.FixedWeightsKernels
open MappingNets.Core.TilePasses
open MappingNets.Core.VectorLanes
open MappingNets.Core.RowKernels
open MappingNets.Core.SignedPermutationKernels
open MappingNets.Core.SignedPermutationSums
open MappingNets.Core.WalshHadamard
open MappingNets.Core.OrthogonalTiles

/// The sum of a tile's values in double precision, eight interleaved partial sums.
let private sumOf (values: nativeptr<float32>) size =
    let partial = Array.zeroCreate<float> 8

    for index in 0 .. size - 1 do
        partial[index &&& 7] <- partial[index &&& 7] + float (NativePtr.get values index)

    Array.sum partial

/// result = result + the sums of chunk `index` in some columns; the first chunk starts the result.
let private addChunk index (sums: nativeptr<float32>) count (result: nativeptr<float32>) =
    if index = 0 then
        let bytes = 4L * int64 count
        Buffer.MemoryCopy(NativePtr.toVoidPtr sums, NativePtr.toVoidPtr result, bytes, bytes)
    else
        addRun sums count result

/// Columns of the sums that are added at a time: they stay in the first-level cache.
[<Literal>]
let private SumColumns = 2048

/// result = result + the sums of the chunks from `firstChunk` on, in order, each at its own place.
let private addChunks (tiling: Tiling) (sumsAt: int -> nativeptr<float32>) firstChunk (result: nativeptr<float32>) =
    let addColumns block =
        let first = block * SumColumns
        let count = min SumColumns (tiling.Columns - first)

        for index in firstChunk .. chunkCount tiling.Tiles - 1 do
            addChunk index (offset (sumsAt (1 + index)) first) count (offset result first)

    let blocks = (tiling.Columns + SumColumns - 1) / SumColumns

    if tiling.Rows < ParallelRows || blocks = 1 then
        for block in 0 .. blocks - 1 do
            addColumns block
    else
        TensorThreads.forEach blocks addColumns

/// The transpose: result = W^T u with u = gradient * scale, and the sum of u where the shift needs it (else 0).
let pullback (piece: Piece) (segments: Segment[]) (needsSum: bool) (result: nativeptr<float32>) =
    let tiling = piece.Tiling
    let columns = tiling.Columns
    let totals = Array.zeroCreate<float> (chunkCount tiling.Tiles)
    let partial = piece.PartialSums.Rent()

    let sumsAt place = piece.PartialSums.At(partial, place)
    let sumsOf (chunk: Chunk) = sumsAt chunk.Place

    // The first tile of a chunk starts its sums. Where it writes them all anyway, they need not be cleared before.
    let clearBefore chunk tile first =
        if tile = chunk.FirstTile then
            clear (offset (sumsOf chunk) first) (columns - first)

    let scaleRows (workspace: Workspace) (chunk: Chunk) size firstRow =
        forEachRun segments firstRow size (fun segment within start count ->
            scaleRun (TensorMemory.at segment.Address within) count segment.Scale (offset workspace.Values start))

        if needsSum then
            totals[chunk.Index] <- totals[chunk.Index] + sumOf workspace.Values size

    let runSigned (workspace: Workspace) (chunk: Chunk) tile size firstRow =
        if needsSum then
            scaleRows workspace chunk size firstRow

        let permutation = piece.Permutations[tile]
        let signs = workspace.Signs.Of(tile, 1)
        let sums = sumsOf chunk
        let segment = segments[segmentOf segments firstRow]
        let within = firstRow - segment.First

        if
            Avx2.IsSupported
            && size = columns
            && columns >= LargeTile
            && within + int64 size <= segment.Count
        then
            let rows = TensorMemory.at segment.Address within
            let inverse = piece.Permutations.InverseMultiplier tile
            addSignedTile rows signs permutation inverse columns segment.Scale (tile = chunk.FirstTile) sums
            // The rows that do not fill a group.
            let first = 8 * permutation.Groups
            clearBefore chunk tile first
            addSignedRows (offset rows first) signs permutation first (columns - first) segment.Scale sums
        else
            clearBefore chunk tile 0

            forEachRun segments firstRow size (fun segment within start count ->
                let rows = TensorMemory.at segment.Address within
                addSignedRows rows signs permutation start count segment.Scale sums)

    let runWhole (workspace: Workspace) chunk tile size firstRow =
        let signs = workspace.OutputSigns.Of(tile, 1)
        let segment = segments[segmentOf segments firstRow]
        let within = firstRow - segment.First

        let target: WideHadamardEnds.SignedSums =
            { Signs = workspace.Signs.Of(tile, 1)
              Factor = inverseRoot size
              IsFirst = (tile = chunk.FirstTile)
              Sums = sumsOf chunk }

        if within + int64 size <= segment.Count && not needsSum then
            let rows = TensorMemory.at segment.Address within
            addSignedTransform rows segment.Scale signs workspace.Values size (offset rows size) target
        else
            scaleRows workspace chunk size firstRow
            let values = workspace.Values
            addSignedTransform values 1.0f signs values size values target

    let runOther (workspace: Workspace) chunk tile size firstRow =
        clearBefore chunk tile 0
        scaleRows workspace chunk size firstRow
        orthogonalTile piece tile size true workspace

        if size = columns then
            addRun workspace.Values columns (sumsOf chunk)
        else
            scatterAdd workspace.Values size piece.Permutations[tile] (sumsOf chunk)

    let runTiles (workspace: Workspace) chunk (group: TileGroup) =
        clearBefore chunk group.Tile 0
        let signs = workspace.Signs.Of(group.Tile, group.Count)
        addSignedTiles group.Rows signs piece.Permutations columns group.Tile group.Count group.Scale (sumsOf chunk)

    let runTile workspace chunk tile =
        let size = tiling.TileRows tile
        let firstRow = piece.FirstRow + tile * int64 columns

        if not piece.IsHadamard then
            runSigned workspace chunk tile size firstRow
        elif isOneWindow piece size then
            runWhole workspace chunk tile size firstRow
        else
            runOther workspace chunk tile size firstRow

    let finished chunk =
        addChunk chunk.Index (sumsOf chunk) columns result

    let added =
        forEachTile
            piece
            segments
            (not piece.IsHadamard && isForTiles columns && not needsSum)
            runTiles
            runTile
            finished

    addChunks tiling sumsAt added result
    piece.PartialSums.Return partial
    Array.sum totals
