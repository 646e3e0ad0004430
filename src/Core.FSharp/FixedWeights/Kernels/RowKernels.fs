/// Loops over neighbouring rows, one after the other, eight at a time where the processor has AVX2. Each gives the bits of the
/// plain loop beside it.
module internal MappingNets.Core.RowKernels

open System.Runtime.Intrinsics
open System.Runtime.Intrinsics.X86
open System.Runtime.InteropServices
open Microsoft.FSharp.NativeInterop
open MappingNets.Core.Tilings
open MappingNets.Core.VectorLanes

/// Calls `eight` for every whole eight of `count` indices where they are wanted, and `plain` for the others.
let inline private byEights
    (wanted: bool)
    (count: int)
    ([<InlineIfLambda>] eight: int -> unit)
    ([<InlineIfLambda>] plain: int -> unit)
    =
    let mutable index = 0

    if wanted then
        while index <= count - 8 do
            eight index
            index <- index + 8

    while index < count do
        plain index
        index <- index + 1

/// Calls `sixteen` for every sixteen of `count` indices, a multiple of 16.
let inline private bySixteens (count: int) ([<InlineIfLambda>] sixteen: int -> unit) =
    let mutable index = 0

    while index < count do
        sixteen index
        index <- index + 16

/// output_i = epilogue(value_i) for `count` rows.
let finishRun (values: nativeptr<float32>) (count: int) (epilogue: Epilogue) (output: nativeptr<float32>) =
    let bias = epilogue.Bias
    let scale = Vector256.Create epilogue.Scale
    let shift = Vector256.Create epilogue.Shift

    byEights
        Vector256.IsHardwareAccelerated
        count
        (fun index ->
            let shifted = load values index + shift

            let biased = if isNull bias then shifted else shifted + load bias index

            store (biased * scale) output index)
        (fun index -> NativePtr.set output index (epilogue.Of(index, NativePtr.get values index)))

let private finishSignedSixteens
    (values: nativeptr<float32>)
    (signs: nativeptr<byte>)
    (first: int)
    (count: int)
    (factor: float32)
    (epilogue: Epilogue)
    (output: nativeptr<float32>)
    =
    let bias = epilogue.Bias
    let shifts = signShifts16 ()
    let factors = Vector512.Create factor
    let scale = Vector512.Create epilogue.Scale
    let shift = Vector512.Create epilogue.Shift
    let pastCaches = epilogue.PastCaches && startsLine output

    bySixteens count (fun index ->
        let shifted =
            flip16Aligned signs (first + index) shifts (load16 values index * factors)
            + shift

        let biased = if isNull bias then shifted else shifted + load16 bias index
        storeLine pastCaches (biased * scale) output index)

/// output_i = epilogue(+-(value_i * factor)) for `count` rows from row `first` of a tile on.
let finishSignedRun
    (values: nativeptr<float32>)
    (signs: nativeptr<byte>)
    (first: int)
    (count: int)
    (factor: float32)
    (epilogue: Epilogue)
    (output: nativeptr<float32>)
    =
    if hasSixteenLanes () && (first ||| count) &&& 15 = 0 then
        finishSignedSixteens values signs first count factor epilogue output
    else
        let bias = epilogue.Bias
        let shifts = signShifts ()
        let factors = Vector256.Create factor
        let scale = Vector256.Create epilogue.Scale
        let shift = Vector256.Create epilogue.Shift

        byEights
            Avx2.IsSupported
            count
            (fun index ->
                let shifted =
                    flip signs (first + index) shifts (load values index * factors) + shift

                let biased = if isNull bias then shifted else shifted + load bias index

                store (biased * scale) output index)
            (fun index ->
                let value = flipOne signs (first + index) (NativePtr.get values index * factor)
                NativePtr.set output index (epilogue.Of(index, value)))

/// buffer_i = +-buffer_i for `count` entries whose signs start at bit 0.
let applySigns (signs: nativeptr<byte>) (count: int) (buffer: nativeptr<float32>) =
    let shifts = signShifts ()

    byEights
        Avx2.IsSupported
        count
        (fun index -> store (flipAligned signs index shifts (load buffer index)) buffer index)
        (fun index -> NativePtr.set buffer index (flipOne signs index (NativePtr.get buffer index)))

/// buffer_i = +-(value_i * scale) for `count` rows from row `first` of a tile on.
let scaleSignedRun
    (values: nativeptr<float32>)
    (signs: nativeptr<byte>)
    (first: int)
    (count: int)
    (scale: float32)
    (buffer: nativeptr<float32>)
    =
    let shifts = signShifts ()
    let factor = Vector256.Create scale

    byEights
        Avx2.IsSupported
        count
        (fun index -> store (flip signs (first + index) shifts (load values index * factor)) buffer index)
        (fun index -> NativePtr.set buffer index (flipOne signs (first + index) (NativePtr.get values index * scale)))

/// buffer_i = value_i * scale for `count` rows.
let scaleRun (values: nativeptr<float32>) (count: int) (scale: float32) (buffer: nativeptr<float32>) =
    let factor = Vector256.Create scale

    byEights
        Vector256.IsHardwareAccelerated
        count
        (fun index -> store (load values index * factor) buffer index)
        (fun index -> NativePtr.set buffer index (NativePtr.get values index * scale))

/// sums_i = 0 for `count` entries.
let clear (sums: nativeptr<float32>) (count: int) =
    NativeMemory.Clear(NativePtr.toVoidPtr sums, 4un * unativeint count)

/// sums_i = sums_i + values_i.
let addRun (values: nativeptr<float32>) (count: int) (sums: nativeptr<float32>) =
    byEights
        Vector256.IsHardwareAccelerated
        count
        (fun index -> store (load sums index + load values index) sums index)
        (fun index -> NativePtr.set sums index (NativePtr.get sums index + NativePtr.get values index))

/// sums_i = sums_i +- value_i * factor for `count` entries whose signs start at bit 0.
let addSignedRun
    (values: nativeptr<float32>)
    (signs: nativeptr<byte>)
    (count: int)
    (factor: float32)
    (sums: nativeptr<float32>)
    =
    let shifts = signShifts ()
    let factors = Vector256.Create factor

    byEights
        Avx2.IsSupported
        count
        (fun index -> store (load sums index + flipAligned signs index shifts (load values index * factors)) sums index)
        (fun index ->
            let value = flipOne signs index (NativePtr.get values index * factor)
            NativePtr.set sums index (NativePtr.get sums index + value))

/// sums[column of entry i] = sums[column of entry i] + values_i for the entries of the last, smaller Hadamard tile.
let scatterAdd (values: nativeptr<float32>) (count: int) (permutation: TilePermutation) (sums: nativeptr<float32>) =
    for row in 0 .. count - 1 do
        let column = permutation.Column row
        NativePtr.set sums column (NativePtr.get sums column + NativePtr.get values row)
