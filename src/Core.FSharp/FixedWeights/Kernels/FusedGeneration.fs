/// Generation as one pass over memory: theta = (W z + shift + b) * scale. Nothing of size P exists beyond theta and the bias.
/// Single precision, on the CPU.
module internal MappingNets.Core.FusedGeneration

open System
open Microsoft.FSharp.NativeInterop
open TorchSharp
open MappingNets.Core.OrderOfAdditions
open MappingNets.Core.Tilings
open MappingNets.Core.TilePasses
open MappingNets.Core.VectorLanes
open MappingNets.Core.RowKernels
open MappingNets.Core.SignedPermutationKernels
open MappingNets.Core.WalshHadamard
open MappingNets.Core.OrthogonalTiles

/// The latents that a Hadamard tile transforms: all in order, or r keyed ones in the last tile.
let private readColumns (piece: Piece) tile size (latent: nativeptr<float32>) (workspace: Workspace) =
    let permutation = hadamardPermutation piece.Tiling tile

    for index in 0 .. size - 1 do
        NativePtr.set workspace.Values index (NativePtr.get latent (permutation.Column index))

/// Where the bias of theta comes from.
[<NoEquality; NoComparison>]
type BiasSource =
    | NoBias
    /// In memory, that of the whole theta.
    | StoredBias of nativeint
    /// Made anew each time, from its stream.
    | HashedBias of CounterHash.Key

/// A bias of more weights is made anew even where that takes longer than reading it: in memory it would be 1 GiB and more
/// beside weights that may never all be there at once.
[<Literal>]
let private LargestStoredBias = 268435456L

/// The source of a bias: its stream where numbers are made as fast as they are read, otherwise the tensor that holds them.
/// Asked for at each pass: the tensor is made for the first of them, and may have been freed since; the caller keeps the
/// function alive while it uses the source.
let biasSourceOf
    (isFast: bool)
    (key: CounterHash.Key)
    (count: int64)
    (stored: unit -> torch.Tensor)
    : unit -> BiasSource =
    if isFast || count > LargestStoredBias then
        fun () -> HashedBias key
    else
        fun () ->
            let tensor = stored ()

            if tensor.IsInvalid then
                raise (ObjectDisposedException "Mapping")

            StoredBias(NativePtr.toNativeInt (TensorMemory.pointer<float32> tensor))

/// The same for this processor.
let biasSource key count stored =
    biasSourceOf HashRuns.isFast key count stored

/// The biases of `count` weights from weight `row` on; null where there are none.
let private biasesOf (bias: BiasSource) (row: int64) (count: int) (workspace: Workspace) : nativeptr<float32> =
    match bias with
    | NoBias -> NativePtr.ofNativeInt 0n
    | StoredBias address -> TensorMemory.at (NativePtr.ofNativeInt address) row
    | HashedBias key -> workspace.Biases.Of(key, row, count)

/// So many weights do not stay in the caches until the target reads them, so they are written past them.
[<Literal>]
let private RowsInCaches = 8388608L

/// Generates `count` tiles of a piece from `firstTile` on into the addresses of the segments, which hold all their rows.
let generateTiles
    (piece: Piece)
    (latent: nativeptr<float32>)
    (hasShift: bool)
    (shift: float32)
    (bias: BiasSource)
    (firstTile: int64)
    (count: int64)
    (segments: Segment[])
    =
    let tiling = piece.Tiling
    let columns = tiling.Columns
    let rows = min tiling.Rows (count * int64 columns)

    let pastCaches = rows >= RowsInCaches

    // -0 changes no bit of what it is added to.
    let shiftOrNone = if hasShift then shift else -0.0f

    let epilogueOf (segment: Segment) biases =
        { Shift = shiftOrNone
          Bias = biases
          Scale = segment.Scale
          PastCaches = pastCaches }

    let runSigned (workspace: Workspace) tile size firstRow =
        let permutation = piece.Permutations[tile]
        let signs = workspace.Signs.Of(tile, 1)

        forEachBlock segments firstRow size (fun segment within start count ->
            let biases = biasesOf bias (firstRow + int64 start) count workspace
            let rows = TensorMemory.at segment.Address within
            signedRun latent signs permutation start count (epilogueOf segment biases) rows)

    // One window: signs, butterflies, then everything else in the pass that writes theta.
    let runWhole (workspace: Workspace) tile size firstRow =
        let segment = segments[segmentOf segments firstRow]
        let output = TensorMemory.at segment.Address (firstRow - segment.First)
        let ahead = if pastCaches then workspace.Values else output
        let inputSigns = workspace.Signs.Of(tile, 1)
        let signs = workspace.OutputSigns.Of(tile, 1)
        let factor = inverseRoot size

        if
            WideWalshHadamard.isFor size
            && size <= WideHadamardEnds.LargestWritten
            && firstRow + int64 size <= segment.First + segment.Count
        then
            let target: WideHadamardEnds.SignedRows =
                { Signs = signs
                  Factor = factor
                  Epilogue = epilogueOf segment (biasesOf bias firstRow size workspace)
                  Output = output }

            WideHadamardEnds.writeSigned latent 1.0f inputSigns workspace.Values size ahead target
        else
            signedUnscaledTransform latent 1.0f inputSigns workspace.Values size ahead

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

    let runTiles (workspace: Workspace) (tiles: TileGroup) =
        let first = piece.FirstRow + tiles.Tile * int64 columns

        let epilogue =
            { Shift = shiftOrNone
              Bias = biasesOf bias first (tiles.Count * columns) workspace
              Scale = tiles.Scale
              PastCaches = pastCaches }

        let signs = workspace.Signs.Of(tiles.Tile, tiles.Count)
        signedTiles latent signs piece.Permutations columns tiles.Tile tiles.Count epilogue tiles.Rows

    let runTile workspace tile =
        let size = tiling.TileRows tile
        let firstRow = piece.FirstRow + tile * int64 columns

        if not piece.IsHadamard then
            runSigned workspace tile size firstRow
        elif isOneWindow piece size then
            runWhole workspace tile size firstRow
        else
            runOther workspace tile size firstRow

    let runs = cut firstTile count (int (min count 32L))
    let inGroups = not piece.IsHadamard && isForTiles columns

    forEachRunOfTiles tiling rows runs.Length (fun workspace _ index ->
        forEachTile piece segments inGroups runs[index] (runTiles workspace) (runTile workspace))
    |> ignore

/// Generates all rows of a piece into the segments' addresses.
let generate piece latent hasShift shift bias segments =
    generateTiles piece latent hasShift shift bias 0L piece.Tiling.Tiles segments

/// Generates the rows of the segments, which are neighbours in the piece. What a tile at either end has beyond them goes to `spare`,
/// room for two tiles.
let generateRows (piece: Piece) latent hasShift shift bias (spare: nativeptr<float32>) (segments: Segment[]) =
    let tiling = piece.Tiling
    let columns = int64 tiling.Columns
    let last = segments[segments.Length - 1]
    let first = segments[0].First - piece.FirstRow
    let next = last.First + last.Count - piece.FirstRow
    let firstTile = first / columns
    let endTile = (next + columns - 1L) / columns

    let beside first next address =
        if next = first then
            [||]
        else
            [| { First = piece.FirstRow + first
                 Count = next - first
                 Scale = 1.0f
                 Address = address } |]

    let before = beside (firstTile * columns) first spare

    let after =
        beside next (min tiling.Rows (endTile * columns)) (offset spare tiling.Columns)

    generateTiles
        piece
        latent
        hasShift
        shift
        bias
        firstTile
        (endTile - firstTile)
        (Array.concat [ before; segments; after ])
