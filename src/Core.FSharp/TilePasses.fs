/// How a pass over the weights goes: tile by tile, each thread with a workspace of its own, and within a tile run by run, because
/// a tile may reach over several tensors of the target.
module internal MappingNets.Core.TilePasses

open System
open System.Runtime.InteropServices
open System.Threading.Tasks
open Microsoft.FSharp.NativeInterop
open MappingNets.Core.FixedWeightsKernels

/// Neighbouring weights with one scale, at an address of their own: a tensor of the target.
[<Struct; NoEquality; NoComparison>]
type Segment =
    { First: int64
      Count: int64
      Scale: float32
      Address: nativeptr<float32> }

/// A piece of the mapping as the passes see it.
[<NoEquality; NoComparison>]
type Piece =
    {
        IsHadamard: bool
        Tiling: Tiling
        Permutations: TilePermutations
        /// The first weight of theta that the piece generates.
        FirstRow: int64
    }

/// Below this many weights one core does it all: waking another would cost more than it saves.
[<Literal>]
let ParallelRows = 1048576L

/// The signs of a tile as bytes, with a word to spare so that 4 bytes can be read from any of them.
let fillSigns (key: CounterHash.Key) columns (tile: int64) rows (words: nativeptr<uint64>) =
    let first = uint64 tile * wordsPerTile columns

    for word in 0 .. (rows + 63) / 64 - 1 do
        NativePtr.set words word (CounterHash.bits key (first + uint64 word))

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

/// One thread's working memory: a tile of values and the signs of a tile, outside the managed heap so that it never moves.
[<Sealed>]
type Workspace(columns: int) =
    let signsOffset = (4 * columns + 63) &&& ~~~63
    let size = unativeint (signsOffset + 8 * ((columns + 63) / 64 + 1))
    let start = NativeMemory.AlignedAlloc(size, 64un)
    do NativeMemory.Clear(start, size)

    let signs =
        NativePtr.toNativeInt (NativePtr.ofVoidPtr<byte> start) + nativeint signsOffset

    member _.Values: nativeptr<float32> = NativePtr.ofVoidPtr start
    member _.Signs: nativeptr<uint64> = NativePtr.ofNativeInt signs
    member _.SignBytes: nativeptr<byte> = NativePtr.ofNativeInt signs

    interface IDisposable with
        member _.Dispose() = NativeMemory.AlignedFree start

/// Runs every tile of a piece, a chunk of tiles at a time; `action workspace chunk tile`.
let forEachTile (piece: Piece) (action: Workspace -> int -> int64 -> unit) =
    let tiles = piece.Tiling.Tiles
    let chunks = chunkCount tiles

    let runChunk workspace chunk =
        for tile in chunkStart tiles chunks chunk .. chunkStart tiles chunks (chunk + 1) - 1L do
            action workspace chunk tile

    if piece.Tiling.Rows < ParallelRows then
        use workspace = new Workspace(piece.Tiling.Columns)

        for chunk in 0 .. chunks - 1 do
            runChunk workspace chunk
    else
        let body chunk =
            use workspace = new Workspace(piece.Tiling.Columns)
            runChunk workspace chunk

        Parallel.For(0, chunks, body) |> ignore
