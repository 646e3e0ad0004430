/// The matrix-free fixed weights, written out plainly: what every faster kernel must equal bit for bit.
module internal MappingNets.Core.PlainFixedWeights

open System
open System.Threading.Tasks
open Microsoft.FSharp.NativeInterop
open MappingNets.Core.TensorMemory
open MappingNets.Core.OrderOfAdditions
open MappingNets.Core.Tilings

/// Calls `action index run` for each run of tiles, on several threads where there are rows enough.
let private forEachRun (tiling: Tiling) (runs: TileRun[]) (action: int -> TileRun -> unit) =
    let tiles = runs |> Array.sumBy _.Count

    if tiles * int64 tiling.Columns < 16384L then
        Array.iteri action runs
    else
        Parallel.For(
            0,
            runs.Length,
            ParallelOptions(MaxDegreeOfParallelism = tiling.Parallelism),
            fun index -> action index runs[index]
        )
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

/// sums = sums + other, column by column.
let inline private add (other: 'T[]) (sums: 'T[]) =
    for column in 0 .. sums.Length - 1 do
        sums[column] <- sums[column] + other[column]

/// The transpose's parts of some tensors, added in that order; `addRun run sums` adds the tiles of a run to its sums.
let inline private sumTensors
    (tiling: Tiling)
    (tensors: int[])
    (addRun: TileRun -> 'T[] -> unit)
    (result: nativeptr<'T>)
    =
    let total = Array.zeroCreate<'T> tiling.Columns

    for tensor in tensors do
        let runs = tiling.TensorRuns[tensor]
        let partial = runs |> Array.map (fun _ -> Array.zeroCreate<'T> tiling.Columns)
        forEachRun tiling runs (fun index run -> addRun run partial[index])

        for index in 1 .. partial.Length - 1 do
            add partial[index] partial[0]

        if partial.Length > 0 then
            add partial[0] total

    total |> Array.iteri (NativePtr.set result)

let inline private signedPermutationApply (tiling: Tiling) (latent: nativeptr<'T>) (output: nativeptr<'T>) =
    forEachRun tiling (evenRuns tiling.Tiles) (fun _ run ->
        for tile in run.First .. run.End - 1L do
            let rows = at output (tile * int64 tiling.Columns)

            forEachSignedRow tiling tile (fun row column negative ->
                NativePtr.set rows row (applySigned negative (NativePtr.get latent column))))

let inline private signedPermutationTranspose tiling tensors (gradient: nativeptr<'T>) (result: nativeptr<'T>) =
    let addRun (run: TileRun) (sums: 'T[]) =
        for tile in run.First .. run.End - 1L do
            let rows = at gradient (tile * int64 tiling.Columns)

            forEachSignedRow tiling tile (fun row column negative ->
                sums[column] <- sums[column] + applySigned negative (NativePtr.get rows row))

    sumTensors tiling tensors addRun result

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

let inline private hadamardApply (tiling: Tiling) inverseRoot (latent: nativeptr<'T>) (output: nativeptr<'T>) =
    forEachRun tiling (evenRuns tiling.Tiles) (fun _ run ->
        let buffer = Array.zeroCreate<'T> tiling.Columns

        for tile in run.First .. run.End - 1L do
            let size = tiling.TileRows tile
            let permutation = hadamardPermutation tiling tile

            for index in 0 .. size - 1 do
                buffer[index] <- NativePtr.get latent (permutation.Column index)

            orthogonalTile tiling tile size inverseRoot false buffer
            let rows = at output (tile * int64 tiling.Columns)

            for index in 0 .. size - 1 do
                NativePtr.set rows index buffer[index])

let inline private hadamardTranspose tiling inverseRoot tensors (gradient: nativeptr<'T>) (result: nativeptr<'T>) =
    let addRun (run: TileRun) (sums: 'T[]) =
        let buffer = Array.zeroCreate<'T> tiling.Columns

        for tile in run.First .. run.End - 1L do
            let size = tiling.TileRows tile
            let rows = at gradient (tile * int64 tiling.Columns)

            for index in 0 .. size - 1 do
                buffer[index] <- NativePtr.get rows index

            orthogonalTile tiling tile size inverseRoot true buffer
            let permutation = hadamardPermutation tiling tile

            for index in 0 .. size - 1 do
                let column = permutation.Column index

                sums[column] <- sums[column] + buffer[index]

    sumTensors tiling tensors addRun result

let private inverseRootSingle (size: int) = float32 (1.0 / sqrt (float size))
let private inverseRootDouble (size: int) = 1.0 / sqrt (float size)

let signedPermutationApplySingle tiling latent output =
    signedPermutationApply tiling (latent: nativeptr<float32>) output

let signedPermutationApplyDouble tiling latent output =
    signedPermutationApply tiling (latent: nativeptr<double>) output

// The transposes read the gradient at the rows of the tensors' tiles only, so that the address may be that of a part of it, moved
// back by the rows before.

let signedPermutationTransposeSingle tiling tensors gradient result =
    signedPermutationTranspose tiling tensors (gradient: nativeptr<float32>) result

let signedPermutationTransposeDouble tiling tensors gradient result =
    signedPermutationTranspose tiling tensors (gradient: nativeptr<double>) result

let hadamardApplySingle tiling latent output =
    hadamardApply tiling inverseRootSingle (latent: nativeptr<float32>) output

let hadamardApplyDouble tiling latent output =
    hadamardApply tiling inverseRootDouble (latent: nativeptr<double>) output

let hadamardTransposeSingle tiling tensors gradient result =
    hadamardTranspose tiling inverseRootSingle tensors (gradient: nativeptr<float32>) result

let hadamardTransposeDouble tiling tensors gradient result =
    hadamardTranspose tiling inverseRootDouble tensors (gradient: nativeptr<double>) result
