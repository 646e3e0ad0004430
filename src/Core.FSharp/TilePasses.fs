/// How a pass over the weights goes: tile by tile, each thread with a workspace of its own, and within a tile run by run, because
/// a tile may reach over several tensors of the target.
module internal MappingNets.Core.TilePasses

open System
open System.Runtime.InteropServices
open System.Threading
open Microsoft.FSharp.NativeInterop
open MappingNets.Core.FixedWeightsKernels

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

/// Memory for the partial sums of a transposed pass. It is kept from one pass to the next, because fresh memory comes page by page,
/// which takes longer than the sums do.
[<Sealed>]
type PartialSums(tiling: Tiling) =
    let stride = wholePages (4L * int64 tiling.Columns)
    let bytes = int64 (chunkCount tiling.Tiles) * stride + int64 PageBytes
    let mutable kept: byte[] | null = null

    /// Pinned and not cleared.
    member _.Rent() =
        match Interlocked.Exchange(&kept, null) with
        | null -> GC.AllocateUninitializedArray<byte>(int bytes, true)
        | memory -> memory

    member _.Return(memory: byte[]) = kept <- memory

    /// Where the sums of a chunk are in rented memory.
    member _.Chunk(memory: byte[], chunk: int) : nativeptr<float32> =
        let start = int64 (Marshal.UnsafeAddrOfPinnedArrayElement(memory, 0))
        NativePtr.ofNativeInt (nativeint (wholePages start + int64 chunk * stride))

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

/// Below this many weights one core does it all: waking another would cost more than it saves.
[<Literal>]
let ParallelRows = 1048576L

/// The signs of a tile as bits.
let fillSigns (key: CounterHash.Key) columns (tile: int64) rows (words: nativeptr<uint64>) =
    HashRuns.words key (uint64 tile * wordsPerTile columns) ((rows + 63) / 64) words

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

/// One thread's working memory, outside the managed heap so that it never moves: a tile's values, its biases and its signs. Each
/// has a vector to spare.
[<Sealed>]
type Workspace(columns: int) =
    let vectors bytes =
        nativeint ((bytes + HashRuns.VectorBytes - 1) / HashRuns.VectorBytes + 1)
        * nativeint HashRuns.VectorBytes

    let valueBytes = vectors (4 * columns)
    let biasBytes = vectors (4 * (min columns BlockRows + 16))

    let size =
        unativeint (wholePages (int64 (valueBytes + biasBytes + vectors (8 * ((columns + 63) / 64)))))

    let start = NativeMemory.AlignedAlloc(size, unativeint PageBytes)
    do NativeMemory.Clear(start, size)

    let after (bytes: nativeint) =
        NativePtr.toNativeInt (NativePtr.ofVoidPtr<byte> start) + bytes

    member _.Values: nativeptr<float32> = NativePtr.ofVoidPtr start
    member _.Biases: nativeptr<float32> = NativePtr.ofNativeInt (after valueBytes)

    member _.Signs: nativeptr<uint64> =
        NativePtr.ofNativeInt (after (valueBytes + biasBytes))

    member _.SignBytes: nativeptr<byte> =
        NativePtr.ofNativeInt (after (valueBytes + biasBytes))

    interface IDisposable with
        member _.Dispose() = NativeMemory.AlignedFree start

/// Runs every tile of a piece, a chunk of tiles at a time; `action workspace chunk tile`.
let forEachTile (piece: Piece) (action: Workspace -> int -> int64 -> unit) =
    let tiles = piece.Tiling.Tiles
    let chunks = chunkCount tiles

    let runChunk workspace chunk =
        for tile in chunkStart tiles chunks chunk .. chunkStart tiles chunks (chunk + 1) - 1L do
            action workspace chunk tile

    let newWorkspace () = new Workspace(piece.Tiling.Columns)

    if piece.Tiling.Rows < ParallelRows then
        use workspace = newWorkspace ()

        for chunk in 0 .. chunks - 1 do
            runChunk workspace chunk
    else
        TensorThreads.forEach chunks newWorkspace runChunk
