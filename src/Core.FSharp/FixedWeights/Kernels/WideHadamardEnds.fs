/// The Walsh-Hadamard transform of a tile whose last pass also does what comes after it: the transpose's sums, or writing theta.
module internal MappingNets.Core.WideHadamardEnds

open System.Runtime.Intrinsics
open System.Runtime.Intrinsics.X86
open Microsoft.FSharp.NativeInterop
open MappingNets.Core.VectorLanes
open MappingNets.Core.WideButterflies
open MappingNets.Core.WideWalshHadamard

/// Calls `at` with each place below `half` where a vector starts.
let inline private forEachColumn (half: int) ([<InlineIfLambda>] at: int -> unit) =
    let mutable column = 0

    while column < half do
        at column
        column <- column + 16

let inline private lastOne
    (buffer: nativeptr<float32>)
    (half: int)
    ([<InlineIfLambda>] write: int -> Vector512<float32> -> unit)
    =
    forEachColumn half (fun column ->
        oneOf (fun number -> load16 buffer (column + number * half)) (fun number value ->
            write (column + number * half) value))

let inline private lastTwo
    (buffer: nativeptr<float32>)
    (half: int)
    ([<InlineIfLambda>] write: int -> Vector512<float32> -> unit)
    =
    forEachColumn half (fun column ->
        twoOf (fun number -> load16 buffer (column + number * half)) (fun number value ->
            write (column + number * half) value))

let inline private lastThree
    (buffer: nativeptr<float32>)
    (half: int)
    ([<InlineIfLambda>] write: int -> Vector512<float32> -> unit)
    =
    forEachColumn half (fun column ->
        threeOf (fun number -> load16 buffer (column + number * half)) (fun number value ->
            write (column + number * half) value))

let inline private lastFour
    (buffer: nativeptr<float32>)
    (half: int)
    ([<InlineIfLambda>] write: int -> Vector512<float32> -> unit)
    =
    forEachColumn half (fun column ->
        fourStages (fun number -> load16 buffer (column + number * half)) (fun number value ->
            write (column + number * half) value))

/// What the transpose does with a transform: sums_i = sums_i +- value_i * factor, with signs from bit 0 on.
[<Struct; NoEquality; NoComparison>]
type SignedSums =
    {
        Signs: nativeptr<byte>
        Factor: float32
        /// Whether the sums start here: what was in their place counts as 0.
        IsFirst: bool
        Sums: nativeptr<float32>
    }

    /// All bits of what was in the place of the sums that count.
    member inline this.Kept =
        if this.IsFirst then
            Vector512<float32>.Zero
        else
            Vector512<float32>.AllBitsSet

let inline private addTo
    (target: SignedSums)
    shifts
    (factors: Vector512<float32>)
    (kept: Vector512<float32>)
    index
    value
    =
    let signed = flip16Aligned target.Signs index shifts (value * factors)
    store16 ((load16 target.Sums index &&& kept) + signed) target.Sums index

let private addSmallest source factor signs ahead (target: SignedSums) =
    let shifts = signShifts16 ()
    let factors = Vector512.Create target.Factor
    let kept = target.Kept

    firstSignedTo source factor signs Smallest ahead (fun index value -> addTo target shifts factors kept index value)

/// The stages from half-width `half` on; the last of them are one pass with the sums.
let rec private addLastStages (buffer: nativeptr<float32>) length half (target: SignedSums) =
    let shifts = signShifts16 ()
    let factors = Vector512.Create target.Factor
    let kept = target.Kept

    match length / half with
    | 2 -> lastOne buffer half (fun index value -> addTo target shifts factors kept index value)
    | 4 -> lastTwo buffer half (fun index value -> addTo target shifts factors kept index value)
    | 8 -> lastThree buffer half (fun index value -> addTo target shifts factors kept index value)
    | 16 -> lastFour buffer half (fun index value -> addTo target shifts factors kept index value)
    | _ ->
        threeMoreStages buffer length half
        addLastStages buffer length (8 * half) target

/// What `signed` does, and then what the transpose does with it.
let addSigned source factor signs buffer length ahead (target: SignedSums) =
    if length = Smallest then
        addSmallest source factor signs ahead target
    else
        let half = firstStages source factor signs buffer length ahead
        addLastStages buffer length half target

/// What generation does with a transform: output_i = epilogue(+-(value_i * factor)), with signs from bit 0 on.
[<Struct; NoEquality; NoComparison>]
type SignedRows =
    { Signs: nativeptr<byte>
      Factor: float32
      Epilogue: Epilogue
      Output: nativeptr<float32> }

let inline private writeTo
    (target: SignedRows)
    shifts
    factors
    scale
    (shift: Vector512<float32>)
    pastCaches
    index
    (value: Vector512<float32>)
    =
    let shifted = flip16Aligned target.Signs index shifts (value * factors) + shift
    let bias = target.Epilogue.Bias
    let biased = if isNull bias then shifted else shifted + load16 bias index
    storeLine pastCaches (biased * scale) target.Output index

// A method for each size: in one for them all the compiler runs out of registers, and d = 256 takes a tenth longer.

let private writeSmallest source factor signs ahead (target: SignedRows) =
    let shifts = signShifts16 ()
    let factors = Vector512.Create target.Factor
    let scale = Vector512.Create target.Epilogue.Scale
    let shift = Vector512.Create target.Epilogue.Shift
    let pastCaches = target.Epilogue.PastCaches && startsLine target.Output

    firstSignedTo source factor signs Smallest ahead (fun index value ->
        writeTo target shifts factors scale shift pastCaches index value)

let private writeOne buffer half (target: SignedRows) =
    let shifts = signShifts16 ()
    let factors = Vector512.Create target.Factor
    let scale = Vector512.Create target.Epilogue.Scale
    let shift = Vector512.Create target.Epilogue.Shift
    let pastCaches = target.Epilogue.PastCaches && startsLine target.Output
    lastOne buffer half (fun index value -> writeTo target shifts factors scale shift pastCaches index value)

let private writeTwo buffer half (target: SignedRows) =
    let shifts = signShifts16 ()
    let factors = Vector512.Create target.Factor
    let scale = Vector512.Create target.Epilogue.Scale
    let shift = Vector512.Create target.Epilogue.Shift
    let pastCaches = target.Epilogue.PastCaches && startsLine target.Output
    lastTwo buffer half (fun index value -> writeTo target shifts factors scale shift pastCaches index value)

let private writeThree buffer half (target: SignedRows) =
    let shifts = signShifts16 ()
    let factors = Vector512.Create target.Factor
    let scale = Vector512.Create target.Epilogue.Scale
    let shift = Vector512.Create target.Epilogue.Shift
    let pastCaches = target.Epilogue.PastCaches && startsLine target.Output
    lastThree buffer half (fun index value -> writeTo target shifts factors scale shift pastCaches index value)

/// Entries of the largest tile that `writeSigned` is for: its biases stay in the first-level cache meanwhile.
[<Literal>]
let LargestWritten = 2048

/// What `signed` does, and then what generation does with it.
let writeSigned source factor signs buffer length ahead (target: SignedRows) =
    if length = Smallest then
        writeSmallest source factor signs ahead target
    else
        firstSigned source factor signs buffer length ahead

        match length / Smallest with
        | 2 -> writeOne buffer Smallest target
        | 4 -> writeTwo buffer Smallest target
        | _ -> writeThree buffer Smallest target
