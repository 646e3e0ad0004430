/// Neighbouring numbers of a stream of the counter hash, eight words at a time where the processor multiplies 64-bit numbers so.
module internal MappingNets.Core.HashRuns

open System.Runtime.Intrinsics
open System.Runtime.Intrinsics.X86
open Microsoft.FSharp.NativeInterop

/// Whether making numbers anew is as fast as reading them from memory.
let isFast = Vector512.IsHardwareAccelerated && Avx512DQ.IsSupported

/// Both kinds write whole vectors: this many bytes from the start of the last one on.
[<Literal>]
let VectorBytes = 64

[<Literal>]
let private Golden = 0x9E3779B97F4A7C15UL

/// What the finaliser is applied to, for words first ... first + 7.
let inline private firstStates (key: CounterHash.Key) (first: uint64) =
    let lane number = number * Golden

    Vector512.Create(key.Bits + (first + 1UL) * Golden)
    + Vector512.Create(0UL, Golden, lane 2UL, lane 3UL, lane 4UL, lane 5UL, lane 6UL, lane 7UL)

/// CounterHash.mix in every lane.
let inline private mix (value: Vector512<uint64>) =
    let a =
        (value ^^^ Vector512.ShiftRightLogical(value, 30))
        * Vector512.Create 0xBF58476D1CE4E5B9UL

    let b =
        (a ^^^ Vector512.ShiftRightLogical(a, 27))
        * Vector512.Create 0x94D049BB133111EBUL

    b ^^^ Vector512.ShiftRightLogical(b, 31)

/// output_i = word first + i for i below `count`, rounded up to whole vectors.
let words (key: CounterHash.Key) (first: uint64) (count: int) (output: nativeptr<uint64>) =
    if isFast then
        let step = Vector512.Create(8UL * Golden)
        let mutable states = firstStates key first
        let mutable index = 0

        while index < count do
            Vector512.Store(mix states, NativePtr.add output index)
            states <- states + step
            index <- index + 8
    else
        for index in 0 .. count - 1 do
            NativePtr.set output index (CounterHash.bits key (first + uint64 index))

/// The uniform numbers in [-1, 1) from word `first` on, two of each word and `count` words, rounded up to whole vectors.
let symmetricUniform (key: CounterHash.Key) (first: uint64) (count: int) (output: nativeptr<float32>) =
    if isFast then
        let step = Vector512.Create(8UL * Golden)
        let unit = Vector512.Create(1.0f / 8388608.0f)
        let one = Vector512.Create 1.0f
        let mutable states = firstStates key first
        let mutable index = 0

        while index < count do
            let bits = Vector512.ShiftRightLogical((mix states).AsInt32(), 8)
            // Every step is exact, so that it does not matter that twice the unit is one multiplication here.
            Vector512.Store(Vector512.ConvertToSingle bits * unit - one, NativePtr.add output (2 * index))
            states <- states + step
            index <- index + 8
    else
        for index in 0 .. 2 * count - 1 do
            NativePtr.set output index (CounterHash.symmetricUniform key (2UL * first + uint64 index))
