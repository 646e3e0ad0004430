/// The matrix-free fixed weights, written out plainly: what every faster kernel must equal bit for bit.
///
/// The P rows are cut into tiles of d rows. A full tile is an orthogonal d x d matrix. The last r = P mod d rows form an
/// orthogonal r x r matrix on r keyed columns, so the columns stay exactly orthogonal for every P and d.
module internal MappingNets.Core.FixedWeightsKernels

open System
open System.Threading.Tasks
open Microsoft.FSharp.NativeInterop
open MappingNets.Core.TensorMemory

/// How the rows are cut into tiles, and the keys of the streams that fill them.
type Tiling =
    {
        Rows: int64
        Columns: int
        Permutations: CounterHash.Key
        Signs: CounterHash.Key
        MiddleSigns: CounterHash.Key
        OutputSigns: CounterHash.Key
        /// At most how many threads a kernel uses; -1 for as many as there are. It changes no bit of any result.
        Parallelism: int
    }

    member inline this.FullTiles = this.Rows / int64 this.Columns
    member inline this.Remainder = int (this.Rows % int64 this.Columns)
    member inline this.Tiles = this.FullTiles + (if this.Remainder > 0 then 1L else 0L)

    /// The number of rows of a tile.
    member inline this.TileRows(tile: int64) =
        if tile < this.FullTiles then
            this.Columns
        else
            this.Remainder

let tiling (seed: CounterHash.Key) rows columns =
    { Rows = rows
      Columns = columns
      Permutations = CounterHash.named "permutations" seed
      Signs = CounterHash.named "signs" seed
      MiddleSigns = CounterHash.named "middle-signs" seed
      OutputSigns = CounterHash.named "output-signs" seed
      Parallelism = -1 }

/// Every tile starts on a fresh 64-bit word of signs, so that a kernel reads whole words.
let inline wordsPerTile columns = uint64 ((columns + 63) / 64)

/// Which column each row of a tile reads: a permutation of the d columns that moves them in groups of eight, so that a
/// processor moves eight at once. Row 8 q + r with q < floor(d / 8) reads column
/// 8 ((multiplier q + offset) mod floor(d / 8)) + (r xor flip); the last d mod 8 rows read their own columns.
[<Struct>]
type TilePermutation =
    { Groups: int
      Multiplier: int
      Offset: int
      Flip: int }

    member inline this.Column(row: int) =
        if row < 8 * this.Groups then
            let group =
                int ((int64 this.Multiplier * int64 (row >>> 3) + int64 this.Offset) % int64 this.Groups)

            8 * group + ((row &&& 7) ^^^ this.Flip)
        else
            row

let tilePermutation (tiling: Tiling) (tile: int64) =
    let key = CounterHash.child (uint64 tile) tiling.Permutations
    let groups = tiling.Columns / 8

    if groups = 0 then
        { Groups = 0
          Multiplier = 0
          Offset = 0
          Flip = 0 }
    else
        let struct (multiplier, offset) = CounterHash.affinePermutation key (uint64 groups)

        { Groups = groups
          Multiplier = int multiplier
          Offset = int offset
          Flip = int (CounterHash.bits key UInt64.MaxValue &&& 7UL) }

/// How many partial sums a transpose-apply has: a fixed rule of the tile count alone, because the order of additions is
/// part of the definition. Chunk c sums its tiles in order; the chunks are then summed in order.
let chunkCount (tiles: int64) = int (min tiles 32L)

let inline chunkStart (tiles: int64) chunks chunk = tiles * int64 chunk / int64 chunks

let private parallelChunks (tiling: Tiling) (action: int -> int64 -> int64 -> unit) =
    let tiles = tiling.Tiles
    let chunks = chunkCount tiles

    let run chunk =
        action chunk (chunkStart tiles chunks chunk) (chunkStart tiles chunks (chunk + 1))

    if tiling.Rows < 16384L then
        for chunk in 0 .. chunks - 1 do
            run chunk
    else
        Parallel.For(0, chunks, ParallelOptions(MaxDegreeOfParallelism = tiling.Parallelism), run)
        |> ignore

let inline private isNegative (key: CounterHash.Key) firstWord (index: int) =
    (CounterHash.bits key (firstWord + uint64 (index >>> 6)) >>> (index &&& 63))
    &&& 1UL
    <> 0UL

let inline private applySigned (negative: bool) value = if negative then -value else value

/// Calls `action row column negative` for each row of a signed-permutation tile, in row order.
let inline private forEachSignedRow
    (tiling: Tiling)
    (tile: int64)
    ([<InlineIfLambda>] action: int -> int -> bool -> unit)
    =
    let permutation = tilePermutation tiling tile
    let firstWord = uint64 tile * wordsPerTile tiling.Columns
    let mutable word = 0UL

    for row in 0 .. tiling.TileRows tile - 1 do
        if row &&& 63 = 0 then
            word <- CounterHash.bits tiling.Signs (firstWord + uint64 (row >>> 6))

        action row (permutation.Column row) (word &&& 1UL <> 0UL)
        word <- word >>> 1

let inline private sumChunks (partial: 'T[][]) (result: nativeptr<'T>) =
    for column in 0 .. partial[0].Length - 1 do
        let mutable total = partial[0][column]

        for chunk in 1 .. partial.Length - 1 do
            total <- total + partial[chunk][column]

        NativePtr.set result column total

let inline private signedPermutationApply (tiling: Tiling) (latent: nativeptr<'T>) (output: nativeptr<'T>) =
    parallelChunks tiling (fun _ first last ->
        for tile in first .. last - 1L do
            let rows = at output (tile * int64 tiling.Columns)

            forEachSignedRow tiling tile (fun row column negative ->
                NativePtr.set rows row (applySigned negative (NativePtr.get latent column))))

let inline private signedPermutationTranspose (tiling: Tiling) (gradient: nativeptr<'T>) (result: nativeptr<'T>) =
    let partial =
        Array.init (chunkCount tiling.Tiles) (fun _ -> Array.zeroCreate<'T> tiling.Columns)

    parallelChunks tiling (fun chunk first last ->
        let sums = partial[chunk]

        for tile in first .. last - 1L do
            let rows = at gradient (tile * int64 tiling.Columns)

            forEachSignedRow tiling tile (fun row column negative ->
                sums[column] <- sums[column] + applySigned negative (NativePtr.get rows row)))

    sumChunks partial result

/// The largest power of two that is at most `size`.
let largestPowerOfTwo (size: int) =
    1 <<< (31 - Numerics.BitOperations.LeadingZeroCount(uint32 size))

/// The orthonormal Walsh-Hadamard transform of a window of the buffer, in place; `length` is a power of two.
let inline private walshHadamard (buffer: 'T[]) start length (scale: 'T) =
    let mutable half = 1

    while half < length do
        let mutable block = start

        while block < start + length do
            for index in block .. block + half - 1 do
                let a = buffer[index]
                let b = buffer[index + half]
                buffer[index] <- a + b
                buffer[index + half] <- a - b

            block <- block + 2 * half

        half <- 2 * half

    for index in start .. start + length - 1 do
        buffer[index] <- buffer[index] * scale

let inline private applySigns (key: CounterHash.Key) firstWord size (buffer: 'T[]) =
    for index in 0 .. size - 1 do
        buffer[index] <- applySigned (isNegative key firstWord index) buffer[index]

/// An orthogonal matrix of any size n: signs, a Walsh-Hadamard transform of the first m = 2^k <= n entries, signs, one of
/// the last m entries, signs. Two overlapping windows reach every entry, so nothing has to be padded.
let inline private orthogonalTile (tiling: Tiling) tile size (inverseRoot: int -> 'T) transposed (buffer: 'T[]) =
    let window = largestPowerOfTwo size
    let scale = inverseRoot window
    let firstWord = uint64 tile * wordsPerTile tiling.Columns
    let twoWindows = window < size

    if transposed then
        applySigns tiling.OutputSigns firstWord size buffer

        if twoWindows then
            walshHadamard buffer (size - window) window scale
            applySigns tiling.MiddleSigns firstWord size buffer

        walshHadamard buffer 0 window scale
        applySigns tiling.Signs firstWord size buffer
    else
        applySigns tiling.Signs firstWord size buffer
        walshHadamard buffer 0 window scale

        if twoWindows then
            applySigns tiling.MiddleSigns firstWord size buffer
            walshHadamard buffer (size - window) window scale

        applySigns tiling.OutputSigns firstWord size buffer

/// The columns that the entries of a tile read: all of them in order in a full tile, r keyed ones in the last.
let hadamardPermutation (tiling: Tiling) tile =
    if tile < tiling.FullTiles then
        { Groups = 0
          Multiplier = 0
          Offset = 0
          Flip = 0 }
    else
        tilePermutation tiling tile

let inline private hadamardApply (tiling: Tiling) inverseRoot (latent: nativeptr<'T>) (output: nativeptr<'T>) =
    parallelChunks tiling (fun _ first last ->
        let buffer = Array.zeroCreate<'T> tiling.Columns

        for tile in first .. last - 1L do
            let size = tiling.TileRows tile
            let permutation = hadamardPermutation tiling tile

            for index in 0 .. size - 1 do
                buffer[index] <- NativePtr.get latent (permutation.Column index)

            orthogonalTile tiling tile size inverseRoot false buffer
            let rows = at output (tile * int64 tiling.Columns)

            for index in 0 .. size - 1 do
                NativePtr.set rows index buffer[index])

let inline private hadamardTranspose (tiling: Tiling) inverseRoot (gradient: nativeptr<'T>) (result: nativeptr<'T>) =
    let partial =
        Array.init (chunkCount tiling.Tiles) (fun _ -> Array.zeroCreate<'T> tiling.Columns)

    parallelChunks tiling (fun chunk first last ->
        let buffer = Array.zeroCreate<'T> tiling.Columns
        let sums = partial[chunk]

        for tile in first .. last - 1L do
            let size = tiling.TileRows tile
            let rows = at gradient (tile * int64 tiling.Columns)

            for index in 0 .. size - 1 do
                buffer[index] <- NativePtr.get rows index

            orthogonalTile tiling tile size inverseRoot true buffer
            let permutation = hadamardPermutation tiling tile

            for index in 0 .. size - 1 do
                let column = permutation.Column index

                sums[column] <- sums[column] + buffer[index])

    sumChunks partial result

let private inverseRootSingle (size: int) = float32 (1.0 / sqrt (float size))
let private inverseRootDouble (size: int) = 1.0 / sqrt (float size)

let signedPermutationApplySingle tiling latent output =
    signedPermutationApply tiling (latent: nativeptr<float32>) output

let signedPermutationApplyDouble tiling latent output =
    signedPermutationApply tiling (latent: nativeptr<double>) output

let signedPermutationTransposeSingle tiling gradient result =
    signedPermutationTranspose tiling (gradient: nativeptr<float32>) result

let signedPermutationTransposeDouble tiling gradient result =
    signedPermutationTranspose tiling (gradient: nativeptr<double>) result

let hadamardApplySingle tiling latent output =
    hadamardApply tiling inverseRootSingle (latent: nativeptr<float32>) output

let hadamardApplyDouble tiling latent output =
    hadamardApply tiling inverseRootDouble (latent: nativeptr<double>) output

let hadamardTransposeSingle tiling gradient result =
    hadamardTranspose tiling inverseRootSingle (gradient: nativeptr<float32>) result

let hadamardTransposeDouble tiling gradient result =
    hadamardTranspose tiling inverseRootDouble (gradient: nativeptr<double>) result
