/// How a pass over the weights goes: tile by tile, each thread with a workspace of its own, and within a tile run by run, because
/// a tile may reach over several tensors of the target.
module internal MappingNets.Core.TilePasses

open System
open System.Runtime.InteropServices
open System.Runtime.Intrinsics.X86
open System.Threading
open Microsoft.FSharp.NativeInterop
open MappingNets.Core.OrderOfAdditions
open MappingNets.Core.Tilings

/// Neighbouring weights with one scale, at an address of their own: a tensor of the target.
[<Struct; NoEquality; NoComparison>]
type Segment =
    { First: int64
      Count: int64
      Scale: float32
      Address: nativeptr<float32> }

/// What each thread writes starts on a page of its own: processors fetch ahead within a page, and what one of them fetches of what
/// another is writing has to travel back and forth between them.
[<Literal>]
let PageBytes = 4096

let inline private wholePages bytes =
    (bytes + int64 (PageBytes - 1)) &&& ~~~(int64 (PageBytes - 1))

/// The most runs of tiles that are summed before they are added up, which bounds the memory for their sums.
[<Literal>]
let RunsAtOnce = 64

/// Below this many weights one core does it all: waking another would cost more than it saves.
[<Literal>]
let ParallelRows = 1048576L

let private strideOf (columns: int) = wholePages (4L * int64 columns)

/// Memory for the partial sums of a transposed pass: two sums of the thread at the front, and one for each run that another thread
/// does. It is kept from one pass to the next, because fresh memory comes page by page, which takes longer than the sums do.
/// It takes at most so many bytes: where they are too few for all runs, a pass has fewer at once, which changes no bit.
[<Sealed>]
type PartialSums(tiling: Tiling, most: int64) =
    let stride = strideOf tiling.Columns

    let runs =
        if tiling.Rows < ParallelRows then
            0
        else
            let room = (most - int64 PageBytes) / stride - 2L
            let wanted = min RunsAtOnce (tiling.TensorRuns |> Array.sumBy _.Length)
            int (min (int64 wanted) (max 0L room))

    let bytes = int64 (2 + runs) * stride + int64 PageBytes
    let mutable kept: byte[] | null = null

    new(tiling) = PartialSums(tiling, int64 Array.MaxLength)

    /// Whether an array holds at least the sums of the thread at the front.
    static member Fits columns =
        2L * strideOf columns + int64 PageBytes <= int64 Array.MaxLength

    /// How many runs other threads than the one at the front have places for; where it is 0 a pass has to stay on one thread.
    member _.Runs = runs

    /// Pinned and not cleared.
    member _.Rent() =
        match Interlocked.Exchange(&kept, null) with
        | null -> GC.AllocateUninitializedArray<byte>(Checked.int bytes, true)
        | memory -> memory

    member _.Return(memory: byte[]) = kept <- memory

    /// The place for sums of that number in rented memory.
    member _.At(memory: byte[], place: int) : nativeptr<float32> =
        let start = int64 (Marshal.UnsafeAddrOfPinnedArrayElement(memory, 0))
        NativePtr.ofNativeInt (nativeint (wholePages start + int64 place * stride))

/// A piece of the mapping as the passes see it.
[<NoEquality; NoComparison>]
type Piece =
    {
        IsHadamard: bool
        Tiling: Tiling
        Permutations: TilePermutations
        PartialSums: PartialSums
        /// The first weight of theta that the piece generates.
        FirstRow: int64
    }

/// The index of the segment that holds a row.
let segmentOf (segments: Segment[]) (row: int64) =
    let mutable low = 0
    let mutable high = segments.Length - 1

    while low < high do
        let middle = (low + high + 1) / 2

        if segments[middle].First <= row then
            low <- middle
        else
            high <- middle - 1

    low

/// Calls `action segment offset within it, offset within the rows, count` for each run of [first, first + count) that lies in one segment.
let inline forEachRun
    (segments: Segment[])
    (first: int64)
    (count: int)
    ([<InlineIfLambda>] action: Segment -> int64 -> int -> int -> unit)
    =
    let mutable index = segmentOf segments first
    let mutable ``done`` = 0

    while ``done`` < count do
        let segment = segments[index]
        let within = first + int64 ``done`` - segment.First
        let length = int (min (int64 (count - ``done``)) (segment.Count - within))
        action segment within ``done`` length
        ``done`` <- ``done`` + length
        index <- index + 1

/// The most rows that `forEachBlock` gives at once: their biases stay in the first-level cache.
[<Literal>]
let BlockRows = 2048

/// The same for pieces of at most BlockRows rows.
let inline forEachBlock
    (segments: Segment[])
    (first: int64)
    (count: int)
    ([<InlineIfLambda>] action: Segment -> int64 -> int -> int -> unit)
    =
    forEachRun segments first count (fun segment within start count ->
        let mutable ``done`` = 0

        while ``done`` < count do
            let length = min BlockRows (count - ``done``)
            action segment (within + int64 ``done``) (start + ``done``) length
            ``done`` <- ``done`` + length)

/// How many neighbouring tiles share a call of the hash: of small tiles several, because what each needs is little next to the call.
let tilesAtOnce columns = max 1 (BlockRows / columns)

/// The signs of a stream as bits, for some neighbouring tiles at a time.
[<Sealed>]
type SignRuns(key: CounterHash.Key, columns: int, words: nativeptr<uint64>) =
    let tileWords = wordsPerTile columns
    let tiles = tilesAtOnce columns
    let mutable first = -1L

    /// How many words are kept.
    static member Words columns =
        tilesAtOnce columns * int (wordsPerTile columns)

    /// Those of `count` tiles from a tile on, valid until the next call; at most as many as are kept.
    member _.Of(tile: int64, count: int) : nativeptr<byte> =
        if first < 0L || tile < first || tile + int64 count > first + int64 tiles then
            HashRuns.words key (uint64 tile * tileWords) (tiles * int tileWords) words
            first <- tile

        NativePtr.ofNativeInt (NativePtr.toNativeInt words + nativeint (8L * int64 tileWords * (tile - first)))

/// Numbers of a stream that are uniform in [-1, 1), for some neighbouring weights at a time.
[<Sealed>]
type BiasRuns(columns: int, values: nativeptr<float32>) =
    let weights =
        if tilesAtOnce columns = 1 then
            0
        else
            tilesAtOnce columns * columns

    let mutable first = 0L
    let mutable last = 0L
    let mutable stream = { CounterHash.Bits = 0UL }

    /// Those of the `count` weights from a weight on, valid until the next call; at most BlockRows.
    member _.Of(key: CounterHash.Key, weight: int64, count: int) : nativeptr<float32> =
        if weight < first || weight + int64 count > last || key <> stream then
            // Two weights share a word.
            first <- weight &&& ~~~1L
            let words = (max count weights + int (weight - first) + 1) / 2
            HashRuns.symmetricUniform key (uint64 (first / 2L)) words values
            last <- first + 2L * int64 words
            stream <- key

        NativePtr.add values (int (weight - first))

/// One thread's working memory, outside the managed heap so that it never moves: a tile's values, biases and signs. Each has a
/// vector to spare.
[<Sealed>]
type Workspace(tiling: Tiling) =
    let columns = tiling.Columns

    let vectors bytes =
        nativeint ((bytes + HashRuns.VectorBytes - 1) / HashRuns.VectorBytes + 1)
        * nativeint HashRuns.VectorBytes

    // Half a page beside where sums start: otherwise the same places of both would fight for the same set of a cache.
    let valueStart = nativeint (PageBytes / 2)
    let valueBytes = vectors (4 * columns) + valueStart
    let biasBytes = vectors (4 * (BlockRows + 2))
    let signBytes = vectors (8 * SignRuns.Words columns)

    let size = unativeint (wholePages (int64 (valueBytes + biasBytes + 3n * signBytes)))

    let start = NativeMemory.AlignedAlloc(size, unativeint PageBytes)
    do NativeMemory.Clear(start, size)

    let after (bytes: nativeint) =
        NativePtr.ofNativeInt (NativePtr.toNativeInt (NativePtr.ofVoidPtr<byte> start) + bytes)

    let signs (key: CounterHash.Key) place =
        SignRuns(key, columns, after (valueBytes + biasBytes + place * signBytes))

    member val Values: nativeptr<float32> = after valueStart
    member val Biases = BiasRuns(columns, after valueBytes)
    member val Signs = signs tiling.Signs 0n
    member val MiddleSigns = signs tiling.MiddleSigns 1n
    member val OutputSigns = signs tiling.OutputSigns 2n

    interface IDisposable with
        member _.Dispose() = NativeMemory.AlignedFree start

/// Where the rows of some tiles are that are done at a call.
[<Struct; NoEquality; NoComparison>]
type TileGroup =
    { Tile: int64
      Count: int
      Scale: float32
      Rows: nativeptr<float32> }

/// Calls `group` for several neighbouring small tiles at once where `inGroups` says so and they are full and in one segment, `single`
/// for each of the other tiles of a run.
let inline forEachTile
    (piece: Piece)
    (segments: Segment[])
    (inGroups: bool)
    (run: TileRun)
    ([<InlineIfLambda>] group: TileGroup -> unit)
    ([<InlineIfLambda>] single: int64 -> unit)
    =
    let tiling = piece.Tiling
    let atOnce = int64 (tilesAtOnce tiling.Columns)
    let mutable tile = run.First

    while tile < run.End do
        let count = int (min atOnce (run.End - tile))
        let firstRow = piece.FirstRow + tile * int64 tiling.Columns
        let segment = segments[segmentOf segments firstRow]

        if
            inGroups
            && tile + int64 count <= tiling.FullTiles
            && firstRow + int64 count * int64 tiling.Columns <= segment.First + segment.Count
        then
            group
                { Tile = tile
                  Count = count
                  Scale = segment.Scale
                  Rows = TensorMemory.at segment.Address (firstRow - segment.First) }
        else
            for index in 0 .. count - 1 do
                single (tile + int64 index)

        tile <- tile + int64 count

/// Does `action workspace isFront index` for each of `count` runs of tiles that have so many rows together. One thread, the one at
/// the front, does them from the first on; the others, if there are rows enough for more than one thread, from the last on. Returns
/// how many the one at the front did.
let forEachRunOfTiles (tiling: Tiling) (rows: int64) (count: int) (action: Workspace -> bool -> int -> unit) =
    let runOf (workspace: Workspace) isFront index =
        action workspace isFront index

        // Later readers must see what was written past the caches.
        if Sse.IsSupported then
            Sse.StoreFence()

    let newWorkspace () = new Workspace(tiling)

    if rows < ParallelRows then
        use workspace = newWorkspace ()

        for index in 0 .. count - 1 do
            runOf workspace true index

        count
    else
        TensorThreads.forEachWith count newWorkspace runOf
