/// The fast Walsh-Hadamard transform of a tile of at least 256 entries, sixteen at a time, for processors with AVX-512. Its 32
/// registers hold 256 entries, so the first eight stages are one pass; what happens to a tile before it is done in that pass too.
/// Every entry gets the additions of the plain loop in their order.
module internal MappingNets.Core.WideWalshHadamard

open System.Runtime.Intrinsics
open System.Runtime.Intrinsics.X86
open Microsoft.FSharp.NativeInterop
open MappingNets.Core.VectorLanes
open MappingNets.Core.WideButterflies

/// Entries of the smallest tile.
[<Literal>]
let Smallest = 256

let isFor (length: int) =
    hasSixteenLanes () && length >= Smallest

/// The first eight stages in one pass, 256 entries at a time: from `read index` to `write index`.
let inline firstEightStages
    ([<InlineIfLambda>] read: int -> Vector512<float32>)
    ([<InlineIfLambda>] write: int -> Vector512<float32> -> unit)
    (length: int)
    =
    let odd =
        Vector512.Create(1f, -1f, 1f, -1f, 1f, -1f, 1f, -1f, 1f, -1f, 1f, -1f, 1f, -1f, 1f, -1f)

    let pairs =
        Vector512.Create(1f, 1f, -1f, -1f, 1f, 1f, -1f, -1f, 1f, 1f, -1f, -1f, 1f, 1f, -1f, -1f)

    let fours =
        Vector512.Create(1f, 1f, 1f, 1f, -1f, -1f, -1f, -1f, 1f, 1f, 1f, 1f, -1f, -1f, -1f, -1f)

    let eights =
        Vector512.Create(1f, 1f, 1f, 1f, 1f, 1f, 1f, 1f, -1f, -1f, -1f, -1f, -1f, -1f, -1f, -1f)

    let mutable block = 0

    while block < length do
        fourStages (fun number -> withinVector (read (block + 16 * number)) odd pairs fours eights) (fun number value ->
            write (block + 16 * number) value)

        block <- block + 256

/// Three stages in one pass, from half-width `half` on.
let threeMoreStages (buffer: nativeptr<float32>) (length: int) (half: int) =
    forEachButterfly 16 buffer length half 8 (fun start ->
        threeOf (fun number -> load16 start (number * half)) (fun number value -> store16 value start (number * half)))

/// Two stages in one pass.
let private twoMoreStages (buffer: nativeptr<float32>) (length: int) (half: int) =
    forEachButterfly 16 buffer length half 4 (fun start ->
        twoOf (fun number -> load16 start (number * half)) (fun number value -> store16 value start (number * half)))

let private oneStage (buffer: nativeptr<float32>) (length: int) (half: int) =
    forEachButterfly 16 buffer length half 2 (fun start ->
        oneOf (fun number -> load16 start (number * half)) (fun number value -> store16 value start (number * half)))

/// The stages from half-width `half` on.
let rec private nextStages (buffer: nativeptr<float32>) (length: int) (half: int) =
    match length / half with
    | 1 -> ()
    | 2 -> oneStage buffer length half
    | 4 -> twoMoreStages buffer length half
    | _ ->
        threeMoreStages buffer length half
        nextStages buffer length (8 * half)

let private firstInPlace (buffer: nativeptr<float32>) (length: int) =
    firstEightStages (fun index -> load16 buffer index) (fun index value -> store16 value buffer index) length

/// The first eight stages of +-(source * factor), to `write index`. Meanwhile as many entries from `ahead` on are fetched.
let inline firstSignedTo
    (source: nativeptr<float32>)
    (factor: float32)
    (signs: nativeptr<byte>)
    (length: int)
    (ahead: nativeptr<float32>)
    ([<InlineIfLambda>] write: int -> Vector512<float32> -> unit)
    =
    let shifts = signShifts16 ()
    let factors = Vector512.Create factor

    firstEightStages
        (fun index ->
            Sse.Prefetch1(NativePtr.toVoidPtr (offset ahead index))
            flip16Aligned signs index shifts (load16 source index * factors))
        write
        length

let firstSigned source factor signs (buffer: nativeptr<float32>) length ahead =
    firstSignedTo source factor signs length ahead (fun index value -> store16 value buffer index)

/// What of a larger tile goes through its first eleven stages at a time: it stays in the first-level cache.
[<Literal>]
let private Block = 2048

/// The transform of `length` = 2^k entries in place, not yet scaled.
let inPlace buffer length =
    firstInPlace buffer length
    nextStages buffer length Smallest

/// The first stages of +-(source * factor), into the buffer; returns the next stage's half-width.
let firstStages source factor signs buffer length ahead =
    if length <= 2 * Block then
        firstSigned source factor signs buffer length ahead
        Smallest
    else
        for block in 0 .. length / Block - 1 do
            let first = Block * block
            let rows = offset buffer first
            firstSigned (offset source first) factor (NativePtr.add signs (first / 8)) rows Block (offset ahead first)
            threeMoreStages rows Block Smallest

        Block

/// The same of +-(source * factor), with signs from bit 0 on. Meanwhile as many entries from `ahead` on are fetched.
let signed source factor signs buffer length ahead =
    firstStages source factor signs buffer length ahead |> nextStages buffer length
