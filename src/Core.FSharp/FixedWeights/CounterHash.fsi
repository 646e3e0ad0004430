namespace MappingNets.Core

/// <summary>
/// The counter-based generator from which every fixed weight is made: a pure function of a key and an index, with
/// no state, no order of calls and O(1) access to any index. It is specified bit by bit in
/// <c>docs/counter-hash.md</c> and held by golden vectors, so that the same seed means the same weights on every
/// machine, device and version.
/// </summary>
module CounterHash =

    /// <summary>One independent stream of the generator.</summary>
    [<Struct>]
    type Key =
        {
            /// The 64 bits that select the stream.
            Bits: uint64
        }

    /// <summary>The mixing function: Stafford's variant 13 of the MurmurHash3 finaliser, a bijection on 64 bits.</summary>
    /// <param name="value">Any 64 bits.</param>
    /// <returns>64 bits, each depending on every bit of <paramref name="value"/>.</returns>
    val mix: value: uint64 -> uint64

    /// <summary>The root key of a seed: <c>mix(seed + 0x9E3779B97F4A7C15)</c>.</summary>
    /// <param name="seed">Any 64-bit seed.</param>
    val ofSeed: seed: uint64 -> Key

    /// <summary>
    /// A key that is independent of its parent and of its siblings: <c>mix(parent xor mix(number + 0xD1B54A32D192ED03))</c>.
    /// </summary>
    /// <param name="number">Which child; any 64-bit number.</param>
    /// <param name="parent">The key to derive from.</param>
    val child: number: uint64 -> parent: Key -> Key

    /// <summary>
    /// The key of a named stream: the child whose number is the FNV-1a hash (64 bits) of the name's UTF-8 bytes.
    /// </summary>
    /// <param name="name">The stream's name, such as "signs".</param>
    /// <param name="parent">The key to derive from.</param>
    /// <exception cref="T:System.ArgumentNullException"><paramref name="name"/> is null.</exception>
    val named: name: string -> parent: Key -> Key

    /// <summary>64 uniform bits: <c>mix(key + (index + 1) * 0x9E3779B97F4A7C15)</c>, arithmetic modulo 2^64.</summary>
    /// <param name="key">The stream.</param>
    /// <param name="index">Any index.</param>
    val bits: key: Key -> index: uint64 -> uint64

    /// <summary>
    /// A fair sign: bit <c>index mod 64</c> of word <c>index / 64</c>; a set bit means -1.
    /// </summary>
    /// <param name="key">The stream.</param>
    /// <param name="index">Any index.</param>
    /// <returns>+1 or -1.</returns>
    val sign: key: Key -> index: uint64 -> float32

    /// <summary>
    /// A uniform number on the 2^24 equally spaced floats of [0, 1): the top 24 bits of the low half (even index) or the
    /// high half (odd index) of word <c>index / 2</c>, times 2^-24. Exact in single precision.
    /// </summary>
    /// <param name="key">The stream.</param>
    /// <param name="index">Any index.</param>
    val uniform: key: Key -> index: uint64 -> float32

    /// <summary>A uniform number in [-1, 1): <c>2 * uniform - 1</c>, exact in single precision.</summary>
    /// <param name="key">The stream.</param>
    /// <param name="index">Any index.</param>
    val symmetricUniform: key: Key -> index: uint64 -> float32

    /// <summary>A uniform number on the 2^53 equally spaced doubles of [0, 1): the top 53 bits of word <c>index</c>.</summary>
    /// <param name="key">The stream.</param>
    /// <param name="index">Any index.</param>
    val uniformDouble: key: Key -> index: uint64 -> double

    /// <summary>
    /// A standard normal number by Box and Muller's method, from doubles 2 * index and 2 * index + 1 of the stream. It goes
    /// through the platform's logarithm and cosine, so its last bits may differ between machines: use it for noise,
    /// never for fixed weights.
    /// </summary>
    /// <param name="key">The stream.</param>
    /// <param name="index">Any index.</param>
    val normal: key: Key -> index: uint64 -> double

    /// <summary>A uniform whole number in [0, bound): the high 64 bits of <c>bits * bound</c> (Lemire's reduction without rejection).</summary>
    /// <param name="key">The stream.</param>
    /// <param name="bound">The exclusive upper bound, at least 1.</param>
    /// <param name="index">Any index.</param>
    /// <exception cref="T:System.ArgumentOutOfRangeException"><paramref name="bound"/> is 0.</exception>
    val below: key: Key -> bound: uint64 -> index: uint64 -> uint64

    /// <summary>
    /// A keyed permutation of {0, ..., size - 1}: six rounds of a balanced Feistel network over the smallest even number of
    /// bits that holds <paramref name="size"/>, walking along the cycle until the value is below <paramref name="size"/>. O(1) expected.
    /// </summary>
    /// <param name="key">The stream.</param>
    /// <param name="size">How many numbers are permuted, 1 to 2^62.</param>
    /// <param name="index">Which number, below <paramref name="size"/>.</param>
    /// <exception cref="T:System.ArgumentOutOfRangeException"><paramref name="size"/> or <paramref name="index"/> is out of range.</exception>
    val permute: key: Key -> size: uint64 -> index: uint64 -> uint64

    /// <summary>The inverse of <see cref="M:MappingNets.Core.CounterHash.permute(MappingNets.Core.CounterHash.Key,System.UInt64,System.UInt64)"/>: <c>unpermute key n (permute key n i) = i</c>.</summary>
    /// <param name="key">The stream.</param>
    /// <param name="size">How many numbers are permuted, 1 to 2^62.</param>
    /// <param name="index">Which number, below <paramref name="size"/>.</param>
    /// <exception cref="T:System.ArgumentOutOfRangeException"><paramref name="size"/> or <paramref name="index"/> is out of range.</exception>
    val unpermute: key: Key -> size: uint64 -> index: uint64 -> uint64

    /// <summary>
    /// A keyed affine permutation of {0, ..., size - 1}, <c>i -> (multiplier * i + offset) mod size</c>, cheap enough to
    /// evaluate once per weight. The multiplier is the first <c>1 + below(size - 1)</c> of the stream's words 1, 2, ...
    /// that shares no factor with <paramref name="size"/>; the offset is <c>below(size)</c> of word 0.
    /// </summary>
    /// <param name="key">The stream.</param>
    /// <param name="size">How many numbers are permuted, 1 to 2^31.</param>
    /// <returns>The multiplier (coprime to <paramref name="size"/>; 0 when <paramref name="size"/> is 1) and the offset.</returns>
    /// <exception cref="T:System.ArgumentOutOfRangeException"><paramref name="size"/> is out of range.</exception>
    val affinePermutation: key: Key -> size: uint64 -> struct (uint64 * uint64)

    /// <summary>The multiplier m' with <c>m' * m = 1 (mod size)</c>, by the extended Euclidean algorithm.</summary>
    /// <param name="multiplier">A number coprime to <paramref name="size"/>.</param>
    /// <param name="size">The modulus, 1 to 2^31.</param>
    /// <exception cref="T:System.ArgumentOutOfRangeException">The two share a factor; <paramref name="size"/> is out of range.</exception>
    val modularInverse: multiplier: uint64 -> size: uint64 -> uint64
