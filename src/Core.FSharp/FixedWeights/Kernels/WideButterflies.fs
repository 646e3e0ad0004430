/// Stages of the fast Walsh-Hadamard transform on vectors of sixteen in registers, for processors with AVX-512.
module internal MappingNets.Core.WideButterflies

open System.Runtime.Intrinsics
open System.Runtime.Intrinsics.X86

/// The four stages within a vector. A lane gets partner + value or partner - value, which is partner + value * (-1) to the bit.
let inline withinVector
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
let inline fourStages
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

/// One, two or three stages on 2, 4 or 8 vectors; vector i comes from `read i` and goes to `write i`.
let inline oneOf ([<InlineIfLambda>] read: int -> Vector512<float32>) ([<InlineIfLambda>] write) =
    let a = read 0
    let b = read 1
    write 0 (a + b)
    write 1 (a - b)

let inline twoOf ([<InlineIfLambda>] read: int -> Vector512<float32>) ([<InlineIfLambda>] write) =
    twoStages (read 0) (read 1) (read 2) (read 3) (fun a b c d ->
        write 0 a
        write 1 b
        write 2 c
        write 3 d)

let inline threeOf ([<InlineIfLambda>] read: int -> Vector512<float32>) ([<InlineIfLambda>] write) =
    threeStages (read 0) (read 1) (read 2) (read 3) (read 4) (read 5) (read 6) (read 7) (fun a b c d e f g h ->
        write 0 a
        write 1 b
        write 2 c
        write 3 d
        write 4 e
        write 5 f
        write 6 g
        write 7 h)
