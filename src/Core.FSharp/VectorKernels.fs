/// The inner loops over one run of rows, eight at a time where the processor has AVX2. Each gives the bits of the plain loop
/// beside it: the same operations on every element in the same order.
module internal MappingNets.Core.VectorKernels

open System.Runtime.CompilerServices
open System.Runtime.Intrinsics
open System.Runtime.Intrinsics.X86
open Microsoft.FSharp.NativeInterop
open MappingNets.Core.FixedWeightsKernels

/// What is done to a generated row after W z: + shift, + bias, * scale. A null bias is left out, and so is the shift where it
/// does not apply (adding 0 would turn -0 into +0).
[<Struct; NoEquality; NoComparison>]
type Epilogue =
    { HasShift: bool
      Shift: float32
      Bias: nativeptr<float32>
      Scale: float32 }

let isNull (pointer: nativeptr<'T>) = NativePtr.toNativeInt pointer = 0n

let inline offset (pointer: nativeptr<float32>) (index: int) = NativePtr.add pointer index

let inline load (pointer: nativeptr<float32>) (index: int) =
    Vector256.Load(NativePtr.add pointer index)

let inline store (vector: Vector256<float32>) (pointer: nativeptr<float32>) (index: int) =
    Vector256.Store(vector, NativePtr.add pointer index)

/// The 8 sign bits from a bit position on, as the sign bits of 8 floats.
let inline private signMask (signs: nativeptr<byte>) (position: int) (shifts: Vector256<uint32>) =
    let word =
        Unsafe.ReadUnaligned<uint32>(NativePtr.toVoidPtr (NativePtr.add signs (position >>> 3)))
        >>> (position &&& 7)

    (Avx2.ShiftLeftLogicalVariable(Vector256.Create word, shifts)
     &&& Vector256.Create 0x80000000u)
        .AsSingle()

let private signShifts = Vector256.Create(31u, 30u, 29u, 28u, 27u, 26u, 25u, 24u)

let inline private isNegative (signs: nativeptr<byte>) (position: int) =
    (NativePtr.get signs (position >>> 3) >>> (position &&& 7)) &&& 1uy <> 0uy

let inline private finish (epilogue: inref<Epilogue>) index value =
    let shifted = if epilogue.HasShift then value + epilogue.Shift else value

    let biased =
        if isNull epilogue.Bias then
            shifted
        else
            shifted + NativePtr.get epilogue.Bias index

    biased * epilogue.Scale

/// Lane r takes lane r xor flip.
let private flipped =
    Array.init 8 (fun flip ->
        Vector256.Create(
            0 ^^^ flip,
            1 ^^^ flip,
            2 ^^^ flip,
            3 ^^^ flip,
            4 ^^^ flip,
            5 ^^^ flip,
            6 ^^^ flip,
            7 ^^^ flip
        ))

/// The sign bits of rows 8 q ... 8 q + 7 as the sign bits of 8 floats: one byte of signs.
let inline private groupSigns (signs: nativeptr<byte>) (group: int) (shifts: Vector256<uint32>) =
    (Avx2.ShiftLeftLogicalVariable(Vector256.Create(uint32 (NativePtr.get signs group)), shifts)
     &&& Vector256.Create 0x80000000u)
        .AsSingle()

/// The first row of a whole group from `first` on.
let inline private nextGroup first = (first + 7) &&& ~~~7

/// output_i = finish(+-latent[column of row i]) for `count` rows from row `first` of a tile on.
let signedRun
    (latent: nativeptr<float32>)
    (signs: nativeptr<byte>)
    (permutation: TilePermutation)
    (first: int)
    (count: int)
    (epilogue: Epilogue)
    (output: nativeptr<float32>)
    =
    let last = first + count

    let inline plain row =
        let value = NativePtr.get latent (permutation.Column row)
        let signed = if isNegative signs row then -value else value
        NativePtr.set output (row - first) (finish &epilogue (row - first) signed)

    let mutable row = first
    let wholeGroups = min (last &&& ~~~7) (8 * permutation.Groups)

    if Avx2.IsSupported && nextGroup first < wholeGroups then
        while row < nextGroup first do
            plain row
            row <- row + 1

        let shifts = signShifts
        let lanes = flipped[permutation.Flip]
        let scale = Vector256.Create epilogue.Scale
        let shift = Vector256.Create epilogue.Shift
        let hasBias = not (isNull epilogue.Bias)
        let mutable column = permutation.Column row &&& ~~~7
        let step = 8 * permutation.Multiplier
        let columns = 8 * permutation.Groups

        while row < wholeGroups do
            let mutable value =
                Avx2.PermuteVar8x32(load latent column, lanes)
                ^^^ groupSigns signs (row >>> 3) shifts

            if epilogue.HasShift then
                value <- value + shift

            if hasBias then
                value <- value + load epilogue.Bias (row - first)

            store (value * scale) output (row - first)
            column <- column + step

            if column >= columns then
                column <- column - columns

            row <- row + 8

    while row < last do
        plain row
        row <- row + 1

/// output_i = finish(value_i) for `count` rows.
let finishRun (values: nativeptr<float32>) (count: int) (epilogue: Epilogue) (output: nativeptr<float32>) =
    let mutable row = 0

    if Vector256.IsHardwareAccelerated then
        let scale = Vector256.Create epilogue.Scale
        let shift = Vector256.Create epilogue.Shift
        let hasBias = not (isNull epilogue.Bias)

        while row <= count - 8 do
            let mutable value = load values row

            if epilogue.HasShift then
                value <- value + shift

            if hasBias then
                value <- value + load epilogue.Bias row

            store (value * scale) output row
            row <- row + 8

    while row < count do
        NativePtr.set output row (finish &epilogue row (NativePtr.get values row))
        row <- row + 1

/// buffer_i = +-buffer_i for `count` entries whose signs start at bit 0.
let applySigns (signs: nativeptr<byte>) (count: int) (buffer: nativeptr<float32>) =
    let mutable index = 0

    if Avx2.IsSupported then
        let shifts = signShifts

        while index <= count - 8 do
            store (load buffer index ^^^ signMask signs index shifts) buffer index
            index <- index + 8

    while index < count do
        if isNegative signs index then
            NativePtr.set buffer index (-(NativePtr.get buffer index))

        index <- index + 1

/// buffer_i = +-(gradient_i * scale) for `count` rows from row `first` of a tile on.
let scaleSignedRun
    (gradient: nativeptr<float32>)
    (signs: nativeptr<byte>)
    (first: int)
    (count: int)
    (scale: float32)
    (buffer: nativeptr<float32>)
    =
    let mutable row = 0

    if Avx2.IsSupported then
        let shifts = signShifts
        let factor = Vector256.Create scale

        while row <= count - 8 do
            store ((load gradient row * factor) ^^^ signMask signs (first + row) shifts) buffer row
            row <- row + 8

    while row < count do
        let value = NativePtr.get gradient row * scale
        NativePtr.set buffer row (if isNegative signs (first + row) then -value else value)
        row <- row + 1

/// buffer_i = gradient_i * scale for `count` rows.
let scaleRun (gradient: nativeptr<float32>) (count: int) (scale: float32) (buffer: nativeptr<float32>) =
    let mutable row = 0

    if Vector256.IsHardwareAccelerated then
        let factor = Vector256.Create scale

        while row <= count - 8 do
            store (load gradient row * factor) buffer row
            row <- row + 8

    while row < count do
        NativePtr.set buffer row (NativePtr.get gradient row * scale)
        row <- row + 1

/// sums[column of row i] = sums[column of row i] +- gradient_i * scale for `count` rows from row `first` of a tile on.
let addSignedRows
    (gradient: nativeptr<float32>)
    (signs: nativeptr<byte>)
    (permutation: TilePermutation)
    (first: int)
    (count: int)
    (scale: float32)
    (sums: nativeptr<float32>)
    =
    let last = first + count

    let inline plain row =
        let value = NativePtr.get gradient (row - first) * scale
        let signed = if isNegative signs row then -value else value
        let column = permutation.Column row
        NativePtr.set sums column (NativePtr.get sums column + signed)

    let mutable row = first
    let wholeGroups = min (last &&& ~~~7) (8 * permutation.Groups)

    if Avx2.IsSupported && nextGroup first < wholeGroups then
        while row < nextGroup first do
            plain row
            row <- row + 1

        let shifts = signShifts
        let lanes = flipped[permutation.Flip]
        let factor = Vector256.Create scale
        let mutable column = permutation.Column row &&& ~~~7
        let step = 8 * permutation.Multiplier
        let columns = 8 * permutation.Groups

        while row < wholeGroups do
            let value =
                (load gradient (row - first) * factor) ^^^ groupSigns signs (row >>> 3) shifts

            store (load sums column + Avx2.PermuteVar8x32(value, lanes)) sums column
            column <- column + step

            if column >= columns then
                column <- column - columns

            row <- row + 8

    while row < last do
        plain row
        row <- row + 1

/// sums[column of entry i] = sums[column of entry i] + values_i for the entries of the last, smaller Hadamard tile.
let scatterAdd (values: nativeptr<float32>) (count: int) (permutation: TilePermutation) (sums: nativeptr<float32>) =
    for row in 0 .. count - 1 do
        let column = permutation.Column row
        NativePtr.set sums column (NativePtr.get sums column + NativePtr.get values row)

/// sums_i = sums_i + values_i.
let addRun (values: nativeptr<float32>) (count: int) (sums: nativeptr<float32>) =
    let mutable index = 0

    if Vector256.IsHardwareAccelerated then
        while index <= count - 8 do
            store (load sums index + load values index) sums index
            index <- index + 8

    while index < count do
        NativePtr.set sums index (NativePtr.get sums index + NativePtr.get values index)
        index <- index + 1

/// output_i = finish(+-(value_i * factor)) for `count` rows from row `first` of a tile on.
let finishSignedRun
    (values: nativeptr<float32>)
    (signs: nativeptr<byte>)
    (first: int)
    (count: int)
    (factor: float32)
    (epilogue: Epilogue)
    (output: nativeptr<float32>)
    =
    let mutable row = 0

    if Avx2.IsSupported then
        let shifts = signShifts
        let factors = Vector256.Create factor
        let scale = Vector256.Create epilogue.Scale
        let shift = Vector256.Create epilogue.Shift
        let hasBias = not (isNull epilogue.Bias)

        while row <= count - 8 do
            let mutable value =
                (load values row * factors) ^^^ signMask signs (first + row) shifts

            if epilogue.HasShift then
                value <- value + shift

            if hasBias then
                value <- value + load epilogue.Bias row

            store (value * scale) output row
            row <- row + 8

    while row < count do
        let value = NativePtr.get values row * factor
        let signed = if isNegative signs (first + row) then -value else value
        NativePtr.set output row (finish &epilogue row signed)
        row <- row + 1

/// sums_i = sums_i +- value_i * factor.
let addSignedRun
    (values: nativeptr<float32>)
    (signs: nativeptr<byte>)
    (count: int)
    (factor: float32)
    (sums: nativeptr<float32>)
    =
    let mutable index = 0

    if Avx2.IsSupported then
        let shifts = signShifts
        let factors = Vector256.Create factor

        while index <= count - 8 do
            let value = (load values index * factors) ^^^ signMask signs index shifts
            store (load sums index + value) sums index
            index <- index + 8

    while index < count do
        let value = NativePtr.get values index * factor
        let signed = if isNegative signs index then -value else value
        NativePtr.set sums index (NativePtr.get sums index + signed)
        index <- index + 1

/// output_i = +-value_i for `count` entries whose signs start at bit 0.
let copySigned (values: nativeptr<float32>) (signs: nativeptr<byte>) (count: int) (output: nativeptr<float32>) =
    scaleSignedRun values signs 0 count 1.0f output
