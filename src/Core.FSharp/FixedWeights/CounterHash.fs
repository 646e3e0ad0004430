namespace MappingNets.Core

open System
open System.Text

module CounterHash =

    [<Struct>]
    type Key = { Bits: uint64 }

    [<Literal>]
    let private Golden = 0x9E3779B97F4A7C15UL

    [<Literal>]
    let private ChildOffset = 0xD1B54A32D192ED03UL

    [<Literal>]
    let private FeistelRounds = 6

    let inline private finalise (value: uint64) =
        let a = (value ^^^ (value >>> 30)) * 0xBF58476D1CE4E5B9UL
        let b = (a ^^^ (a >>> 27)) * 0x94D049BB133111EBUL
        b ^^^ (b >>> 31)

    let mix value = finalise value

    let ofSeed seed = { Bits = mix (seed + Golden) }

    let child number parent =
        { Bits = mix (parent.Bits ^^^ mix (number + ChildOffset)) }

    let private fnv1a (name: string) =
        Encoding.UTF8.GetBytes name
        |> Array.fold (fun hash byte -> (hash ^^^ uint64 byte) * 0x100000001B3UL) 0xCBF29CE484222325UL

    let named (name: string) parent =
        ArgumentNullException.ThrowIfNull(name, nameof name)
        child (fnv1a name) parent

    let bits key index =
        finalise (key.Bits + (index + 1UL) * Golden)

    let sign key index =
        if (bits key (index >>> 6) >>> int (index &&& 63UL)) &&& 1UL = 0UL then
            1.0f
        else
            -1.0f

    let uniform key index =
        let word = bits key (index >>> 1)
        let half = uint32 (word >>> (32 * int (index &&& 1UL)))
        float32 (half >>> 8) * (1.0f / 16777216.0f)

    let symmetricUniform key index = 2.0f * uniform key index - 1.0f

    let uniformDouble key index =
        double (bits key index >>> 11) * (1.0 / 9007199254740992.0)

    let normal key index =
        // 1 - u lies in (0, 1], so the logarithm is finite.
        let radius = sqrt (-2.0 * log (1.0 - uniformDouble key (2UL * index)))
        radius * cos (2.0 * Math.PI * uniformDouble key (2UL * index + 1UL))

    let below key bound index =
        if bound = 0UL then
            raise (ArgumentOutOfRangeException(nameof bound, bound, "The bound must be at least 1."))

        Math.BigMul(bits key index, bound, ref 0UL)

    let private halfBits size =
        let rec search h =
            if size <= (1UL <<< (2 * h)) then h else search (h + 1)

        search 1

    let private checkPermutation size index =
        if size = 0UL || size > (1UL <<< 62) then
            raise (ArgumentOutOfRangeException(nameof size, size, "A permutation needs a size from 1 to 2^62."))

        if index >= size then
            raise (ArgumentOutOfRangeException(nameof index, index, $"The index must be below the size {size}."))

    let inline private roundFunction key h round half =
        bits key ((uint64 round <<< 32) ||| half) &&& ((1UL <<< h) - 1UL)

    let private feistel key h value =
        let mask = (1UL <<< h) - 1UL
        let mutable left = value >>> h
        let mutable right = value &&& mask

        for round in 0 .. FeistelRounds - 1 do
            let next = left ^^^ roundFunction key h round right
            left <- right
            right <- next

        (left <<< h) ||| right

    let private feistelInverse key h value =
        let mask = (1UL <<< h) - 1UL
        let mutable left = value >>> h
        let mutable right = value &&& mask

        for round in FeistelRounds - 1 .. -1 .. 0 do
            let previous = right ^^^ roundFunction key h round left
            right <- left
            left <- previous

        (left <<< h) ||| right

    let private walk step size index =
        let rec next value =
            let candidate = step value
            if candidate < size then candidate else next candidate

        next index

    let permute key size index =
        checkPermutation size index
        walk (feistel key (halfBits size)) size index

    let unpermute key size index =
        checkPermutation size index
        walk (feistelInverse key (halfBits size)) size index

    let rec private greatestCommonDivisor (a: uint64) (b: uint64) =
        if b = 0UL then a else greatestCommonDivisor b (a % b)

    let affinePermutation key size =
        if size = 0UL || size > (1UL <<< 31) then
            raise (ArgumentOutOfRangeException(nameof size, size, "An affine permutation needs a size from 1 to 2^31."))

        if size = 1UL then
            struct (0UL, 0UL)
        else
            let rec search index =
                let candidate = 1UL + below key (size - 1UL) index

                if greatestCommonDivisor candidate size = 1UL then
                    candidate
                else
                    search (index + 1UL)

            struct (search 1UL, below key size 0UL)

    let modularInverse multiplier size =
        let rec extended (r0: int64) (r1: int64) (s0: int64) (s1: int64) =
            if r1 = 0L then
                struct (r0, s0)
            else
                let quotient = r0 / r1
                extended r1 (r0 - quotient * r1) s1 (s0 - quotient * s1)

        if size = 0UL || size > (1UL <<< 31) then
            raise (ArgumentOutOfRangeException(nameof size, size, "A modulus must be from 1 to 2^31."))

        if size = 1UL then
            0UL
        else
            let struct (divisor, inverse) =
                extended (int64 size) (int64 (multiplier % size)) 0L 1L

            if divisor <> 1L then
                raise (
                    ArgumentOutOfRangeException(
                        nameof multiplier,
                        multiplier,
                        $"The multiplier must share no factor with {size}."
                    )
                )

            uint64 (((inverse % int64 size) + int64 size) % int64 size)
