/// The transpose of generation as one pass over memory: z's gradient from theta's. Nothing of size P exists beyond theta's gradient.
/// Single precision, on the CPU.
module internal MappingNets.Core.FusedTranspose

open System.Runtime.Intrinsics.X86
open Microsoft.FSharp.NativeInterop
open MappingNets.Core.OrderOfAdditions
open MappingNets.Core.Tilings
open MappingNets.Core.TilePasses
open MappingNets.Core.VectorLanes
open MappingNets.Core.RowKernels
open MappingNets.Core.SignedPermutationKernels
open MappingNets.Core.SignedPermutationSums
open MappingNets.Core.WalshHadamard
open MappingNets.Core.OrthogonalTiles
open MappingNets.Core.TransposeSteps

/// The sum of a tile's values in double precision, eight interleaved partial sums.
let private sumOf (values: nativeptr<float32>) size =
    let partial = Array.zeroCreate<float> 8

    for index in 0 .. size - 1 do
        partial[index &&& 7] <- partial[index &&& 7] + float (NativePtr.get values index)

    Array.sum partial

/// Columns of the sums that are added at a time: they stay in the first-level cache.
[<Literal>]
let private SumColumns = 2048

/// Adds up the sums of the steps from `first` on, each at its own place.
let private addSteps columns (batch: Step[]) first (sumsAt: int -> nativeptr<float32>) tensorSum result =
    let addColumns block =
        let start = block * SumColumns
        let count = min SumColumns (columns - start)

        for index in first .. batch.Length - 1 do
            let sums = offset (sumsAt index) start
            addStep batch[index] sums count (offset tensorSum start) (offset result start)

    if first < batch.Length then
        TensorThreads.forEach ((columns + SumColumns - 1) / SumColumns) addColumns

/// Adds some tensors' parts of W^T u, u = gradient * scale, to the result, which the last tensor in which a tile starts begins. Where
/// the shift needs it (else 0), returns for each of the tensors the sum of u over its tiles.
let private addTensors (piece: Piece) (segments: Segment[]) (tensors: int[]) needsSum (result: nativeptr<float32>) =
    let tiling = piece.Tiling
    let columns = tiling.Columns
    let places = piece.PartialSums.Runs
    let partial = piece.PartialSums.Rent()
    let sumsAt place = piece.PartialSums.At(partial, place)
    let front = sumsAt 0
    let tensorSum = sumsAt 1
    let inGroups = not piece.IsHadamard && isForTiles columns && not needsSum

    /// Sums a step's tiles where `target` says; returns the sum of u over them where it is needed.
    let sumTiles (workspace: Workspace) (run: TileRun) (target: Target) =
        let sums = target.Sums
        let isFirst tile = target.IsFresh && tile = run.First
        let total = [| 0.0 |]

        // The first tile of a run starts its sums. Where it writes them all anyway, they need not be cleared before.
        let clearBefore tile first =
            if isFirst tile then
                clear (offset sums first) (columns - first)

        let scaleRows size firstRow =
            forEachRun segments firstRow size (fun segment within start count ->
                scaleRun (TensorMemory.at segment.Address within) count segment.Scale (offset workspace.Values start))

            if needsSum then
                total[0] <- total[0] + sumOf workspace.Values size

        let runSigned tile size firstRow =
            if needsSum then
                scaleRows size firstRow

            let permutation = piece.Permutations[tile]
            let signs = workspace.Signs.Of(tile, 1)
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
                addSignedTile rows signs permutation inverse columns segment.Scale (isFirst tile) sums
                // The rows that do not fill a group.
                let first = 8 * permutation.Groups
                clearBefore tile first
                addSignedRows (offset rows first) signs permutation first (columns - first) segment.Scale sums
            else
                clearBefore tile 0

                forEachRun segments firstRow size (fun segment within start count ->
                    let rows = TensorMemory.at segment.Address within
                    addSignedRows rows signs permutation start count segment.Scale sums)

        let runWhole tile size firstRow =
            let signs = workspace.OutputSigns.Of(tile, 1)
            let segment = segments[segmentOf segments firstRow]
            let within = firstRow - segment.First

            let ends: WideHadamardEnds.SignedSums =
                { Signs = workspace.Signs.Of(tile, 1)
                  Factor = inverseRoot size
                  IsFirst = isFirst tile
                  Sums = sums }

            if within + int64 size <= segment.Count && not needsSum then
                let rows = TensorMemory.at segment.Address within
                addSignedTransform rows segment.Scale signs workspace.Values size (offset rows size) ends
            else
                scaleRows size firstRow
                let values = workspace.Values
                addSignedTransform values 1.0f signs values size values ends

        let runOther tile size firstRow =
            clearBefore tile 0
            scaleRows size firstRow
            orthogonalTile piece tile size true workspace

            if size = columns then
                addRun workspace.Values columns sums
            else
                scatterAdd workspace.Values size piece.Permutations[tile] sums

        let runTiles (group: TileGroup) =
            clearBefore group.Tile 0
            let signs = workspace.Signs.Of(group.Tile, group.Count)
            addSignedTiles group.Rows signs piece.Permutations columns group.Tile group.Count group.Scale sums

        let runTile tile =
            let size = tiling.TileRows tile
            let firstRow = piece.FirstRow + tile * int64 columns

            if not piece.IsHadamard then runSigned tile size firstRow
            elif isOneWindow piece size then runWhole tile size firstRow
            else runOther tile size firstRow

        forEachTile piece segments inGroups run runTiles runTile
        total[0]

    /// Returns the sums of u.
    let addBatch (batch: Step[]) =
        let totals = Array.zeroCreate<float> batch.Length

        // The last tile may have fewer rows than columns. Without a place for its sums no other thread may help.
        let rows =
            if places = 0 then
                0L
            else
                min tiling.Rows (int64 columns * (batch |> Array.sumBy _.Run.Count))

        let added =
            forEachRunOfTiles tiling rows batch.Length (fun workspace isFront index ->
                let step = batch[index]
                let own () = sumsAt (2 + index)
                let target = targetOf step isFront own front tensorSum result
                totals[index] <- sumTiles workspace step.Run target

                if isFront then
                    addStep step target.Sums columns tensorSum result)

        addSteps columns batch added (fun index -> sumsAt (2 + index)) tensorSum result
        totals

    let steps = steps tiling tensors
    let atOnce = if places = 0 then RunsAtOnce else places
    let totals = steps |> Array.chunkBySize atOnce |> Array.collect addBatch
    piece.PartialSums.Return partial

    if needsSum then sumTotals steps totals else 0.0

/// The transpose: result = W^T u with u = gradient * scale, and the sum of u where the shift needs it (else 0).
let pullback (piece: Piece) (segments: Segment[]) (needsSum: bool) (result: nativeptr<float32>) =
    addTensors piece segments piece.Tiling.TensorsBackwards needsSum result

/// One tensor's share of `pullback`, for tensors from the last to the first: result = result + its part of W^T u. The segments need
/// hold the rows of the tiles that start in the tensor only. Returns the sum of u over those.
let pullbackTensor (piece: Piece) (segments: Segment[]) (tensor: int) (needsSum: bool) (result: nativeptr<float32>) =
    addTensors piece segments [| tensor |] needsSum result
