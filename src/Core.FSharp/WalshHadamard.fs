/// The fast Walsh-Hadamard transform of a tile, eight entries at a time where the processor has AVX.
module internal MappingNets.Core.WalshHadamard

open System.Runtime.Intrinsics
open System.Runtime.Intrinsics.X86
open Microsoft.FSharp.NativeInterop
open MappingNets.Core.VectorKernels

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

        let mutable block = 0

        while block < length do
            let mutable value = load buffer block
            value <- butterfly value (Avx.Permute(value, 0b10110001uy)) odd
            value <- butterfly value (Avx.Permute(value, 0b01001110uy)) pairs
            value <- butterfly value (Avx.Permute2x128(value, value, 1uy)) upper
            store value buffer block
            block <- block + 8

        half <- 8

        // Two stages at a time: half as many passes over the buffer, the same additions.
        while 4 * half <= length do
            let mutable block = 0

            while block < length do
                let mutable index = block

                while index < block + half do
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
                    index <- index + 8

                block <- block + 4 * half

            half <- 4 * half

        if half < length then
            let mutable index = 0

            while index < half do
                let a = load buffer index
                let b = load buffer (index + half)
                store (a + b) buffer index
                store (a - b) buffer (index + half)
                index <- index + 8

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
