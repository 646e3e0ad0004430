/// What the inner loops are written in: loads, stores and signs of eight entries at a time where the processor has AVX2 and of
/// sixteen where it has AVX-512.
module internal MappingNets.Core.VectorLanes

open System.Runtime.CompilerServices
open System.Runtime.Intrinsics
open System.Runtime.Intrinsics.X86
open Microsoft.FSharp.NativeInterop

let inline isNull (pointer: nativeptr<'T>) = NativePtr.toNativeInt pointer = 0n

let inline offset (pointer: nativeptr<float32>) (index: int) = NativePtr.add pointer index

/// Whether loops of sixteen pay: the processor has them and does not slow down for them.
let inline hasSixteenLanes () =
    Vector512.IsHardwareAccelerated && Avx512F.IsSupported

let inline load (pointer: nativeptr<float32>) (index: int) =
    Vector256.Load(NativePtr.add pointer index)

let inline store (vector: Vector256<float32>) (pointer: nativeptr<float32>) (index: int) =
    Vector256.Store(vector, NativePtr.add pointer index)

let inline load16 (pointer: nativeptr<float32>) (index: int) =
    Vector512.Load(NativePtr.add pointer index)

let inline store16 (vector: Vector512<float32>) (pointer: nativeptr<float32>) (index: int) =
    Vector512.Store(vector, NativePtr.add pointer index)

/// Whether an entry starts a line of the caches, 64 bytes.
let inline startsLine (pointer: nativeptr<float32>) =
    int (NativePtr.toNativeInt pointer) &&& 63 = 0

/// Writes a whole line, past the caches or into them.
let inline storeLine (pastCaches: bool) (vector: Vector512<float32>) (pointer: nativeptr<float32>) (index: int) =
    if pastCaches then
        Avx512F.StoreAlignedNonTemporal(NativePtr.add pointer index, vector)
    else
        store16 vector pointer index

/// The sign of entry `position`; the signs of a tile are bits, the lowest of a byte first.
let inline isNegative (signs: nativeptr<byte>) (position: int) =
    (NativePtr.get signs (position >>> 3) >>> (position &&& 7)) &&& 1uy <> 0uy

/// The word whose lowest bits are the signs from a position on, at least 25 of them.
let inline private signWord (signs: nativeptr<byte>) (position: int) =
    Unsafe.ReadUnaligned<uint32>(NativePtr.toVoidPtr (NativePtr.add signs (position >>> 3)))
    >>> (position &&& 7)

/// How far each lane's bit has to move to become the sign of a float.
let inline signShifts () =
    Vector256.Create(31u, 30u, 29u, 28u, 27u, 26u, 25u, 24u)

let inline signShifts16 () =
    Vector512.Create(31u, 30u, 29u, 28u, 27u, 26u, 25u, 24u, 23u, 22u, 21u, 20u, 19u, 18u, 17u, 16u)

/// Turns the signs of eight entries as the bits of the byte at `position`, a multiple of 8, say.
let inline flipAligned
    (signs: nativeptr<byte>)
    (position: int)
    (shifts: Vector256<uint32>)
    (value: Vector256<float32>)
    =
    value
    ^^^ (Avx2.ShiftLeftLogicalVariable(Vector256.Create(uint32 (NativePtr.get signs (position >>> 3))), shifts)
         &&& Vector256.Create 0x80000000u)
        .AsSingle()

/// The same from any bit on.
let inline flip (signs: nativeptr<byte>) (position: int) (shifts: Vector256<uint32>) (value: Vector256<float32>) =
    value
    ^^^ (Avx2.ShiftLeftLogicalVariable(Vector256.Create(signWord signs position), shifts)
         &&& Vector256.Create 0x80000000u)
        .AsSingle()

/// The same for sixteen, from a multiple of 16 on. The two bytes lie in one of the words that were just written, so that the
/// processor need not wait until its writes have reached the cache.
let inline flip16Aligned
    (signs: nativeptr<byte>)
    (position: int)
    (shifts: Vector512<uint32>)
    (value: Vector512<float32>)
    =
    let word =
        uint32 (Unsafe.ReadUnaligned<uint16>(NativePtr.toVoidPtr (NativePtr.add signs (position >>> 3))))

    (value.AsUInt32()
     ^^^ (Avx512F.ShiftLeftLogicalVariable(Vector512.Create word, shifts)
          &&& Vector512.Create 0x80000000u))
        .AsSingle()

let inline flipOne (signs: nativeptr<byte>) (position: int) (value: float32) =
    if isNegative signs position then -value else value

/// Walks through the butterflies of `length` entries, `lanes` at a time: calls `at start` with the first of `span` places that lie
/// `half` entries apart, where `half` is the first stage's half-width and 2^stages = span.
let inline forEachButterfly
    (lanes: int)
    (buffer: nativeptr<float32>)
    (length: int)
    (half: int)
    (span: int)
    ([<InlineIfLambda>] at: nativeptr<float32> -> unit)
    =
    let mutable block = 0

    while block < length do
        let mutable index = block

        while index < block + half do
            at (offset buffer index)
            index <- index + lanes

        block <- block + span * half
