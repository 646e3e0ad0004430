/// The fast Walsh-Hadamard transform of a tile, eight entries at a time where the processor has AVX.
module internal MappingNets.Core.WalshHadamard

open System.Runtime.Intrinsics
open System.Runtime.Intrinsics.X86
open Microsoft.FSharp.NativeInterop
open MappingNets.Core.VectorLanes
open MappingNets.Core.RowKernels

/// The sign bits of the lanes that take a difference in the stage of half-width 1, 2 or 4 within a vector.
let private negativeLanes (isNegative: int -> bool) =
    let bit lane =
        if isNegative lane then 0x80000000u else 0u

    Vector256.Create(bit 0, bit 1, bit 2, bit 3, bit 4, bit 5, bit 6, bit 7).AsSingle()

let private oddLanes = negativeLanes (fun lane -> lane &&& 1 <> 0)
let private upperPairs = negativeLanes (fun lane -> lane &&& 2 <> 0)
let private upperHalf = negativeLanes (fun lane -> lane &&& 4 <> 0)

/// The three stages within a vector. A lane gets partner + value or partner - value, which is partner + (-value) to the bit.
let inline private withinVector
    (value: Vector256<float32>)
    (odd: Vector256<float32>)
    (pairs: Vector256<float32>)
    (upper: Vector256<float32>)
    =
    let first = Avx.Permute(value, 0b10110001uy) + (value ^^^ odd)
    let second = Avx.Permute(first, 0b01001110uy) + (first ^^^ pairs)
    Avx.Permute2x128(second, second, 1uy) + (second ^^^ upper)

/// Three stages on eight vectors that lie `step` entries apart: the stages of half-width step, 2 step and 4 step.
let inline private threeStages
    (a: Vector256<float32>)
    (b: Vector256<float32>)
    (c: Vector256<float32>)
    (d: Vector256<float32>)
    (e: Vector256<float32>)
    (f: Vector256<float32>)
    (g: Vector256<float32>)
    (h: Vector256<float32>)
    (buffer: nativeptr<float32>)
    (step: int)
    =
    let ab = a + b
    let ba = a - b
    let cd = c + d
    let dc = c - d
    let ef = e + f
    let fe = e - f
    let gh = g + h
    let hg = g - h
    let abcd = ab + cd
    let cdab = ab - cd
    let badc = ba + dc
    let dcba = ba - dc
    let efgh = ef + gh
    let ghef = ef - gh
    let fehg = fe + hg
    let hgfe = fe - hg
    store (abcd + efgh) buffer 0
    store (badc + fehg) buffer step
    store (cdab + ghef) buffer (2 * step)
    store (dcba + hgfe) buffer (3 * step)
    store (abcd - efgh) buffer (4 * step)
    store (badc - fehg) buffer (5 * step)
    store (cdab - ghef) buffer (6 * step)
    store (dcba - hgfe) buffer (7 * step)

/// The first six stages in one pass over the buffer, 64 entries at a time.
let private firstSixStages (buffer: nativeptr<float32>) (length: int) =
    let odd = oddLanes
    let pairs = upperPairs
    let upper = upperHalf
    let mutable block = 0

    while block < length do
        let start = offset buffer block

        threeStages
            (withinVector (load start 0) odd pairs upper)
            (withinVector (load start 8) odd pairs upper)
            (withinVector (load start 16) odd pairs upper)
            (withinVector (load start 24) odd pairs upper)
            (withinVector (load start 32) odd pairs upper)
            (withinVector (load start 40) odd pairs upper)
            (withinVector (load start 48) odd pairs upper)
            (withinVector (load start 56) odd pairs upper)
            start
            8

        block <- block + 64

/// Three stages in one pass, from half-width `half` on.
let private nextThreeStages (buffer: nativeptr<float32>) (length: int) (half: int) =
    forEachButterfly 8 buffer length half 8 (fun start ->
        threeStages
            (load start 0)
            (load start half)
            (load start (2 * half))
            (load start (3 * half))
            (load start (4 * half))
            (load start (5 * half))
            (load start (6 * half))
            (load start (7 * half))
            start
            half)

/// The last two stages in one pass.
let private lastTwoStages (buffer: nativeptr<float32>) (length: int) (half: int) =
    forEachButterfly 8 buffer length half 4 (fun start ->
        let a = load start 0
        let b = load start half
        let c = load start (2 * half)
        let d = load start (3 * half)
        let ab = a + b
        let ba = a - b
        let cd = c + d
        let dc = c - d
        store (ab + cd) start 0
        store (ba + dc) start half
        store (ab - cd) start (2 * half)
        store (ba - dc) start (3 * half))

/// The last stage.
let private lastStage (buffer: nativeptr<float32>) (length: int) (half: int) =
    forEachButterfly 8 buffer length half 2 (fun start ->
        let a = load start 0
        let b = load start half
        store (a + b) start 0
        store (a - b) start half)

/// The Walsh-Hadamard transform of `length` = 2^k entries, in place and not yet scaled. As few passes over the buffer as the
/// registers allow; the additions of every entry and their order are those of the plain loop.
let private butterflies (buffer: nativeptr<float32>) (length: int) =
    if Avx.IsSupported && length >= 64 then
        firstSixStages buffer length
        let mutable half = 64

        while 8 * half <= length do
            nextThreeStages buffer length half
            half <- 8 * half

        if 4 * half = length then
            lastTwoStages buffer length half
        elif 2 * half = length then
            lastStage buffer length half
    else
        let mutable half = 1

        while half < length do
            forEachButterfly 1 buffer length half 2 (fun start ->
                let a = NativePtr.get start 0
                let b = NativePtr.get start half
                NativePtr.set start 0 (a + b)
                NativePtr.set start half (a - b))

            half <- 2 * half

/// The orthonormal Walsh-Hadamard transform of `length` = 2^k entries, in place.
let walshHadamard (buffer: nativeptr<float32>) (length: int) (scale: float32) =
    if WideWalshHadamard.isFor length then
        WideWalshHadamard.inPlace buffer length
    else
        butterflies buffer length

    scaleRun buffer length scale buffer

/// The transform of +-(source * factor), not yet scaled: the caller does that together with what comes next. `ahead` is where the pass
/// over memory goes on after this tile's arithmetic.
let signedUnscaledTransform
    (source: nativeptr<float32>)
    (factor: float32)
    (signs: nativeptr<byte>)
    (buffer: nativeptr<float32>)
    (length: int)
    (ahead: nativeptr<float32>)
    =
    if WideWalshHadamard.isFor length then
        WideWalshHadamard.signed source factor signs buffer length ahead
    else
        scaleSignedRun source signs 0 length factor buffer
        butterflies buffer length

/// sums_i = sums_i +- transform_i * factor, as `target` says, of the transform of +-(source * factor).
let addSignedTransform source factor signs buffer length ahead (target: WideHadamardEnds.SignedSums) =
    if WideWalshHadamard.isFor length then
        WideHadamardEnds.addSigned source factor signs buffer length ahead target
    else
        signedUnscaledTransform source factor signs buffer length ahead

        if target.IsFirst then
            clear target.Sums length

        addSignedRun buffer target.Signs length target.Factor target.Sums
