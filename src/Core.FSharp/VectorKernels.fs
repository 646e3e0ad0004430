/// The inner loops over one run of rows, eight at a time where the processor has AVX2. Each gives the bits of the plain loop
/// beside it: the same operations on every element in the same order.
module internal MappingNets.Core.VectorKernels

open System.Runtime.CompilerServices
open System.Runtime.Intrinsics
open System.Runtime.Intrinsics.X86
open Microsoft.FSharp.NativeInterop

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

let inline private load (pointer: nativeptr<float32>) (index: int) =
    Vector256.Load(NativePtr.add pointer index)

let inline private store (vector: Vector256<float32>) (pointer: nativeptr<float32>) (index: int) =
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

/// 8 columns of an affine permutation in sequence, and the step to the next 8, modulo the number of columns.
let inline private sequence (columns: int) (multiplier: int) (first: int) =
    let inline next column =
        let sum = column + multiplier
        if sum >= columns then sum - columns else sum

    let c1 = next first
    let c2 = next c1
    let c3 = next c2
    let c4 = next c3
    let c5 = next c4
    let c6 = next c5
    let c7 = next c6

    let vector =
        Vector256.Create(uint32 first, uint32 c1, uint32 c2, uint32 c3, uint32 c4, uint32 c5, uint32 c6, uint32 c7)

    let step = uint32 ((8L * int64 multiplier) % int64 columns)
    struct (vector, Vector256.Create step, Vector256.Create(uint32 columns))

/// (column + step) mod columns in each lane: where the sum is below the modulus, subtracting it wraps round to a large number.
let inline private advance (vector: Vector256<uint32>) (step: Vector256<uint32>) (modulus: Vector256<uint32>) =
    let sum = vector + step
    Vector256.Min(sum, sum - modulus)

/// output_i = finish(+-latent[column_i]) for `count` rows from row `first` of a tile on.
let signedRun
    (latent: nativeptr<float32>)
    (signs: nativeptr<byte>)
    (columns: int)
    (multiplier: int)
    (firstColumn: int)
    (first: int)
    (count: int)
    (epilogue: Epilogue)
    (output: nativeptr<float32>)
    =
    let mutable row = 0
    let mutable column = firstColumn

    if Avx2.IsSupported && count >= 8 then
        let struct (start, step, modulus) = sequence columns multiplier firstColumn
        let mutable indices = start
        let shifts = signShifts
        let scale = Vector256.Create epilogue.Scale
        let shift = Vector256.Create epilogue.Shift
        let hasBias = not (isNull epilogue.Bias)

        while row <= count - 8 do
            let mutable value = Avx2.GatherVector256(latent, indices.AsInt32(), 4uy)
            value <- value ^^^ signMask signs (first + row) shifts

            if epilogue.HasShift then
                value <- value + shift

            if hasBias then
                value <- value + load epilogue.Bias row

            store (value * scale) output row
            indices <- advance indices step modulus
            row <- row + 8

        column <- int (indices.GetElement 0)

    while row < count do
        let value = NativePtr.get latent column
        let signed = if isNegative signs (first + row) then -value else value
        NativePtr.set output row (finish &epilogue row signed)
        column <- column + multiplier

        if column >= columns then
            column <- column - columns

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

/// sums_k = sums_k + buffer[row of column k] for every column of a full tile: the inverse permutation gathers, so the sums are
/// written in order and no two rows meet.
let gatherAdd (buffer: nativeptr<float32>) (columns: int) (inverse: int) (offset: int) (sums: nativeptr<float32>) =
    let first = int (int64 (columns - offset) * int64 inverse % int64 columns)
    let mutable column = 0
    let mutable row = first

    if Avx2.IsSupported && columns >= 8 then
        let struct (start, step, modulus) = sequence columns inverse first
        let mutable indices = start

        while column <= columns - 8 do
            let value = Avx2.GatherVector256(buffer, indices.AsInt32(), 4uy)
            store (load sums column + value) sums column
            indices <- advance indices step modulus
            column <- column + 8

        row <- int (indices.GetElement 0)

    while column < columns do
        NativePtr.set sums column (NativePtr.get sums column + NativePtr.get buffer row)
        row <- row + inverse

        if row >= columns then
            row <- row - columns

        column <- column + 1

/// sums[column_i] = sums[column_i] + buffer_i for the rows of the last, smaller tile.
let scatterAdd
    (buffer: nativeptr<float32>)
    (count: int)
    (columns: int)
    (multiplier: int)
    (offset: int)
    (sums: nativeptr<float32>)
    =
    let mutable column = offset

    for row in 0 .. count - 1 do
        NativePtr.set sums column (NativePtr.get sums column + NativePtr.get buffer row)
        column <- column + multiplier

        if column >= columns then
            column <- column - columns

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

/// One butterfly stage of half-width 1, 2 or 4 within a vector: lanes get a + b, or a - b where `difference` is set.
let inline private butterfly
    (value: Vector256<float32>)
    (partner: Vector256<float32>)
    (difference: Vector256<float32>)
    =
    Vector256.ConditionalSelect(difference, partner - value, value + partner)

let private lanes (bits: uint32[]) =
    Vector256.Create(bits[0], bits[1], bits[2], bits[3], bits[4], bits[5], bits[6], bits[7]).AsSingle()

let private oddLanes = lanes [| 0u; ~~~0u; 0u; ~~~0u; 0u; ~~~0u; 0u; ~~~0u |]
let private upperPairs = lanes [| 0u; 0u; ~~~0u; ~~~0u; 0u; 0u; ~~~0u; ~~~0u |]
let private upperHalf = lanes [| 0u; 0u; 0u; 0u; ~~~0u; ~~~0u; ~~~0u; ~~~0u |]

/// The Walsh-Hadamard transform of `length` = 2^k entries, in place and not yet scaled.
let private butterflies (buffer: nativeptr<float32>) (length: int) =
    let mutable half = 1

    if Avx.IsSupported && length >= 8 then
        let odd = oddLanes
        let pairs = upperPairs
        let upper = upperHalf

        for block in 0..8 .. length - 8 do
            let mutable value = load buffer block
            value <- butterfly value (Avx.Permute(value, 0b10110001uy)) odd
            value <- butterfly value (Avx.Permute(value, 0b01001110uy)) pairs
            value <- butterfly value (Avx.Permute2x128(value, value, 1uy)) upper
            store value buffer block

        half <- 8

        // Two stages at a time: half as many passes over the buffer, the same additions.
        while 4 * half <= length do
            let mutable block = 0

            while block < length do
                for index in block..8 .. block + half - 8 do
                    let a = load buffer index
                    let b = load buffer (index + half)
                    let c = load buffer (index + 2 * half)
                    let d = load buffer (index + 3 * half)
                    let sum1 = a + b
                    let difference1 = a - b
                    let sum2 = c + d
                    let difference2 = c - d
                    store (sum1 + sum2) buffer index
                    store (difference1 + difference2) buffer (index + half)
                    store (sum1 - sum2) buffer (index + 2 * half)
                    store (difference1 - difference2) buffer (index + 3 * half)

                block <- block + 4 * half

            half <- 4 * half

        if half < length then
            for index in 0..8 .. half - 8 do
                let a = load buffer index
                let b = load buffer (index + half)
                store (a + b) buffer index
                store (a - b) buffer (index + half)

    else
        while half < length do
            let mutable block = 0

            while block < length do
                for index in block .. block + half - 1 do
                    let a = NativePtr.get buffer index
                    let b = NativePtr.get buffer (index + half)
                    NativePtr.set buffer index (a + b)
                    NativePtr.set buffer (index + half) (a - b)

                block <- block + 2 * half

            half <- 2 * half

/// The orthonormal Walsh-Hadamard transform of `length` = 2^k entries, in place.
let walshHadamard (buffer: nativeptr<float32>) (length: int) (scale: float32) =
    butterflies buffer length
    scaleRun buffer length scale buffer

/// The same without the factor, which the caller applies together with what comes next.
let unscaledWalshHadamard (buffer: nativeptr<float32>) (length: int) = butterflies buffer length

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
