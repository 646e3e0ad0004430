/// Generation and its transpose as one pass over memory: theta = (W z + shift + b) * scale, and z's gradient from theta's.
/// Nothing of size P exists beyond theta, its gradient and the bias. Single precision, on the CPU.
module internal MappingNets.Core.FusedGeneration

open System
open System.Runtime.InteropServices
open System.Threading.Tasks
open Microsoft.FSharp.NativeInterop
open MappingNets.Core.FixedWeightsKernels
open MappingNets.Core.TilePasses
open MappingNets.Core.VectorKernels
open MappingNets.Core.WalshHadamard

let private inverseRoot (size: int) = float32 (1.0 / sqrt (float size))

/// The orthogonal tile of FixedWeightsKernels on the workspace's values.
let private orthogonalTile (piece: Piece) tile size transposed (workspace: Workspace) =
    let tiling = piece.Tiling
    let values = workspace.Values
    let window = largestPowerOfTwo size
    let scale = inverseRoot window

    let sign (key: CounterHash.Key) =
        fillSigns key tiling.Columns tile size workspace.Signs
        applySigns workspace.SignBytes size values

    let first () = walshHadamard values window scale

    let last () =
        if window < size then
            walshHadamard (offset values (size - window)) window scale

    if transposed then
        sign tiling.OutputSigns

        if window < size then
            last ()
            sign tiling.MiddleSigns

        first ()
        sign tiling.Signs
    else
        sign tiling.Signs
        first ()

        if window < size then
            sign tiling.MiddleSigns
            last ()

        sign tiling.OutputSigns

/// The latents that a Hadamard tile transforms: all in order, or r keyed ones in the last tile.
let private readColumns (piece: Piece) tile size (latent: nativeptr<float32>) (workspace: Workspace) =
    let permutation = hadamardPermutation piece.Tiling tile

    for index in 0 .. size - 1 do
        NativePtr.set workspace.Values index (NativePtr.get latent (permutation.Column index))

let private epilogueOf (segment: Segment) (hasShift: bool) shift (bias: nativeptr<float32>) (row: int64) =
    { HasShift = hasShift
      Shift = shift
      Bias = (if isNull bias then bias else TensorMemory.at bias row)
      Scale = segment.Scale }

/// Generates the rows of a piece into the segments' addresses. `bias` is that of the whole theta, or null.
let generate
    (piece: Piece)
    (latent: nativeptr<float32>)
    (hasShift: bool)
    (shift: float32)
    (bias: nativeptr<float32>)
    (segments: Segment[])
    =
    let tiling = piece.Tiling
    let columns = tiling.Columns

    let runTile (workspace: Workspace) _ tile =
        let size = tiling.TileRows tile
        let firstRow = piece.FirstRow + tile * int64 columns

        if piece.IsHadamard then
            let isWhole = size = columns && largestPowerOfTwo size = size

            if isWhole then
                // One window: signs, butterflies, then everything else in the pass that writes theta.
                fillSigns tiling.Signs columns tile size workspace.Signs
                copySigned latent workspace.SignBytes size workspace.Values
                unscaledWalshHadamard workspace.Values size
                fillSigns tiling.OutputSigns columns tile size workspace.Signs
            else
                readColumns piece tile size latent workspace
                orthogonalTile piece tile size false workspace

            forEachRun segments firstRow size (fun segment within start count ->
                let epilogue = epilogueOf segment hasShift shift bias (firstRow + int64 start)

                let values = offset workspace.Values start
                let rows = TensorMemory.at segment.Address within

                if isWhole then
                    finishSignedRun values workspace.SignBytes start count (inverseRoot size) epilogue rows
                else
                    finishRun values count epilogue rows)
        else
            let permutation = piece.Permutations[tile]
            fillSigns tiling.Signs columns tile size workspace.Signs

            forEachRun segments firstRow size (fun segment within start count ->
                signedRun
                    latent
                    workspace.SignBytes
                    permutation
                    start
                    count
                    (epilogueOf segment hasShift shift bias (firstRow + int64 start))
                    (TensorMemory.at segment.Address within))

    forEachTile piece runTile

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
    let chunks = chunkCount tiling.Tiles
    let totals = Array.zeroCreate<float> chunks
    let bytes = unativeint chunks * unativeint columns * 4un
    let partial = NativeMemory.AlignedAlloc(bytes, 64un)
    NativeMemory.Clear(partial, bytes)
    let partialStart: nativeptr<float32> = NativePtr.ofVoidPtr partial

    let runTile (workspace: Workspace) chunk tile =
        let size = tiling.TileRows tile
        let firstRow = piece.FirstRow + tile * int64 columns
        let sums = TensorMemory.at partialStart (int64 chunk * int64 columns)

        let scaleRows () =
            forEachRun segments firstRow size (fun segment within start count ->
                scaleRun (TensorMemory.at segment.Address within) count segment.Scale (offset workspace.Values start))

            if needsSum then
                totals[chunk] <- totals[chunk] + sumOf workspace.Values size

        let scaleSignedRows () =
            if needsSum then
                scaleRows ()
                applySigns workspace.SignBytes size workspace.Values
            else
                forEachRun segments firstRow size (fun segment within start count ->
                    scaleSignedRun
                        (TensorMemory.at segment.Address within)
                        workspace.SignBytes
                        start
                        count
                        segment.Scale
                        (offset workspace.Values start))

        if piece.IsHadamard && size = columns && largestPowerOfTwo size = size then
            fillSigns tiling.OutputSigns columns tile size workspace.Signs
            scaleSignedRows ()
            unscaledWalshHadamard workspace.Values size
            fillSigns tiling.Signs columns tile size workspace.Signs
            addSignedRun workspace.Values workspace.SignBytes columns (inverseRoot size) sums
        elif piece.IsHadamard then
            scaleRows ()
            orthogonalTile piece tile size true workspace

            if size = columns then
                addRun workspace.Values columns sums
            else
                scatterAdd workspace.Values size (piece.Permutations[tile]) sums
        else
            fillSigns tiling.Signs columns tile size workspace.Signs
            let permutation = piece.Permutations[tile]

            if needsSum then
                scaleRows ()

            forEachRun segments firstRow size (fun segment within start count ->
                addSignedRows
                    (TensorMemory.at segment.Address within)
                    workspace.SignBytes
                    permutation
                    start
                    count
                    segment.Scale
                    sums)

    try
        forEachTile piece runTile
        Buffer.MemoryCopy(partial, NativePtr.toVoidPtr result, 4L * int64 columns, 4L * int64 columns)

        for chunk in 1 .. chunks - 1 do
            addRun (TensorMemory.at partialStart (int64 chunk * int64 columns)) columns result

        Array.sum totals
    finally
        NativeMemory.AlignedFree partial
