/// The fast Walsh-Hadamard transform of a tile of at least 256 entries, sixteen at a time, for processors with AVX-512. Its 32
/// registers hold 256 entries, so the first eight stages are one pass; what happens to a tile before it is done in that pass too.
/// Every entry gets the additions of the plain loop in their order.
module internal MappingNets.Core.WideWalshHadamard

open System.Runtime.Intrinsics
open System.Runtime.Intrinsics.X86
open Microsoft.FSharp.NativeInterop
open MappingNets.Core.VectorLanes

/// Entries of the smallest tile.
[<Literal>]
let Smallest = 256

let isFor (length: int) =
    hasSixteenLanes () && length >= Smallest

/// The four stages within a vector. A lane gets partner + value or partner - value, which is partner + value * (-1) to the bit.
let inline private withinVector
    (value: Vector512<float32>)
    (odd: Vector512<float32>)
    (pairs: Vector512<float32>)
    (fours: Vector512<float32>)
    (eights: Vector512<float32>)
    =
    let first =
        Avx512F.FusedMultiplyAdd(value, odd, Avx512F.Permute4x32(value, 0b10110001uy))

    let second =
        Avx512F.FusedMultiplyAdd(first, pairs, Avx512F.Permute4x32(first, 0b01001110uy))

    let third =
        Avx512F.FusedMultiplyAdd(second, fours, Avx512F.Shuffle4x128(second, second, 0b10110001uy))

    Avx512F.FusedMultiplyAdd(third, eights, Avx512F.Shuffle4x128(third, third, 0b01001110uy))

/// Two stages on four vectors.
let inline private twoStages
    (a: Vector512<float32>)
    (b: Vector512<float32>)
    (c: Vector512<float32>)
    (d: Vector512<float32>)
    ([<InlineIfLambda>] next)
    =
    let ab = a + b
    let ba = a - b
    let cd = c + d
    let dc = c - d
    next (ab + cd) (ba + dc) (ab - cd) (ba - dc)

/// Three stages on eight vectors.
let inline private threeStages a b c d e f g h ([<InlineIfLambda>] next) =
    twoStages a b c d (fun a b c d ->
        twoStages e f g h (fun e f g h -> next (a + e) (b + f) (c + g) (d + h) (a - e) (b - f) (c - g) (d - h)))

/// Four stages on sixteen vectors; vector i comes from `read i` and goes to `write i`.
let inline private fourStages
    ([<InlineIfLambda>] read: int -> Vector512<float32>)
    ([<InlineIfLambda>] write: int -> Vector512<float32> -> unit)
    =
    threeStages (read 0) (read 1) (read 2) (read 3) (read 4) (read 5) (read 6) (read 7) (fun a b c d e f g h ->
        threeStages
            (read 8)
            (read 9)
            (read 10)
            (read 11)
            (read 12)
            (read 13)
            (read 14)
            (read 15)
            (fun i j k l m n o p ->
                write 0 (a + i)
                write 1 (b + j)
                write 2 (c + k)
                write 3 (d + l)
                write 4 (e + m)
                write 5 (f + n)
                write 6 (g + o)
                write 7 (h + p)
                write 8 (a - i)
                write 9 (b - j)
                write 10 (c - k)
                write 11 (d - l)
                write 12 (e - m)
                write 13 (f - n)
                write 14 (g - o)
                write 15 (h - p)))

/// The first eight stages in one pass, 256 entries at a time: from `read index` into the buffer.
let inline private firstEightStages
    ([<InlineIfLambda>] read: int -> Vector512<float32>)
    (buffer: nativeptr<float32>)
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
            store16 value buffer (block + 16 * number))

        block <- block + 256

/// Three stages in one pass, from half-width `half` on.
let private threeMoreStages (buffer: nativeptr<float32>) (length: int) (half: int) =
    forEachButterfly 16 buffer length half 8 (fun start ->
        threeStages
            (load16 start 0)
            (load16 start half)
            (load16 start (2 * half))
            (load16 start (3 * half))
            (load16 start (4 * half))
            (load16 start (5 * half))
            (load16 start (6 * half))
            (load16 start (7 * half))
            (fun a b c d e f g h ->
                store16 a start 0
                store16 b start half
                store16 c start (2 * half)
                store16 d start (3 * half)
                store16 e start (4 * half)
                store16 f start (5 * half)
                store16 g start (6 * half)
                store16 h start (7 * half)))

/// Two stages in one pass.
let private twoMoreStages (buffer: nativeptr<float32>) (length: int) (half: int) =
    forEachButterfly 16 buffer length half 4 (fun start ->
        twoStages
            (load16 start 0)
            (load16 start half)
            (load16 start (2 * half))
            (load16 start (3 * half))
            (fun a b c d ->
                store16 a start 0
                store16 b start half
                store16 c start (2 * half)
                store16 d start (3 * half)))

let private oneStage (buffer: nativeptr<float32>) (length: int) (half: int) =
    forEachButterfly 16 buffer length half 2 (fun start ->
        let a = load16 start 0
        let b = load16 start half
        store16 (a + b) start 0
        store16 (a - b) start half)

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
    firstEightStages (fun index -> load16 buffer index) buffer length

let private firstSigned
    (source: nativeptr<float32>)
    (factor: float32)
    (signs: nativeptr<byte>)
    (buffer: nativeptr<float32>)
    (length: int)
    (ahead: nativeptr<float32>)
    =
    let shifts = signShifts16 ()
    let factors = Vector512.Create factor

    firstEightStages
        (fun index ->
            Sse.Prefetch1(NativePtr.toVoidPtr (offset ahead index))
            flip16Aligned signs index shifts (load16 source index * factors))
        buffer
        length

/// The transform of `length` = 2^k entries in place, not yet scaled.
let inPlace buffer length =
    firstInPlace buffer length
    nextStages buffer length Smallest

/// The same of +-(source * factor), with signs from bit 0 on. Meanwhile as many entries from `ahead` on are fetched.
let signed source factor signs buffer length ahead =
    firstSigned source factor signs buffer length ahead
    nextStages buffer length Smallest
