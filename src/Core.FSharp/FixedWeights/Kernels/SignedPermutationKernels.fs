/// The inner loops of the signed permutation, W z, over one run of a tile's rows. Each gives the bits of its plain loop: the same
/// operations on every element in the same order.
module internal MappingNets.Core.SignedPermutationKernels

open System.Runtime.CompilerServices
open System.Runtime.Intrinsics
open System.Runtime.Intrinsics.X86
open Microsoft.FSharp.NativeInterop
open MappingNets.Core.Tilings
open MappingNets.Core.VectorLanes

/// The lanes that lane r xor flip comes from, r within eight.
let inline flippedLanes (flip: int) =
    Vector256.Create(0, 1, 2, 3, 4, 5, 6, 7) ^^^ Vector256.Create flip

let inline private flippedLanes16 (flip: int) =
    Vector512.Create(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)
    ^^^ Vector512.Create flip

/// The column group that many rows of a tile further on: `advance columns column step`. Without a branch, which the processor could
/// not foresee.
let inline advance columns column step =
    let further = column + step - columns
    further + (columns &&& (further >>> 31))

/// Writes a whole line, past the caches or into them; for these one is fetched that will be written later.
let inline private storeAhead pastCaches vector output row =
    if not pastCaches then
        Sse.Prefetch1(NativePtr.toVoidPtr (offset output (row + 1024)))

    storeLine pastCaches vector output row

/// From this many columns on `addSignedTile` is the faster way.
[<Literal>]
let LargeTile = 1024

/// Whether `signedTiles` and `addSignedTiles` are for tiles of so many columns: those of which a call each takes as long as what it
/// does.
let isForTiles columns =
    hasSixteenLanes () && columns < LargeTile && columns % 16 = 0

/// Goes through the rows first ... last - 1 of a tile: `sixteen` and `eight` get a row at the start of a group and the columns of
/// the groups from there on, `plain` what does not fill a group.
let inline byGroups
    (permutation: TilePermutation)
    (first: int)
    (last: int)
    ([<InlineIfLambda>] sixteen: int -> int -> int -> unit)
    ([<InlineIfLambda>] eight: int -> int -> unit)
    ([<InlineIfLambda>] plain: int -> unit)
    =
    let mutable row = first
    let firstWhole = (first + 7) &&& ~~~7
    let lastWhole = min (last &&& ~~~7) (8 * permutation.Groups)

    if Avx2.IsSupported && firstWhole < lastWhole then
        while row < firstWhole do
            plain row
            row <- row + 1

        let step = 8 * permutation.Multiplier
        let columns = 8 * permutation.Groups

        // Most runs start where their tile does, and a division takes as long as many rows.
        let mutable column =
            if row = 0 then
                8 * permutation.Offset
            else
                permutation.Column row &&& ~~~7

        if hasSixteenLanes () then
            // Every other group each, so that the one need not wait for the other.
            let twice = advance columns step step
            let mutable second = advance columns column step

            while row <= lastWhole - 16 do
                sixteen row column second
                column <- advance columns column twice
                second <- advance columns second twice
                row <- row + 16

        while row < lastWhole do
            eight row column
            column <- advance columns column step
            row <- row + 8

    while row < last do
        plain row
        row <- row + 1

/// Sixteen rows of W z: the latents from two columns on, signed.
let inline private sixteenSigned latent signs shifts (lanes: Vector512<int>) row column second =
    let latents = Vector512.Create(load latent column, load latent second)
    flip16Aligned signs row shifts (Avx512F.PermuteVar16x32(latents, lanes))

/// What comes after it: shift, bias and scale.
let inline private sixteenFinished (shift: Vector512<float32>) (scale: Vector512<float32>) bias row signed =
    let shifted = signed + shift

    (if isNull bias then shifted else shifted + load16 bias row) * scale

/// output_i = epilogue(+-latent[column of row i]) for `count` rows from row `first` of a tile on.
let signedRun
    (latent: nativeptr<float32>)
    (signs: nativeptr<byte>)
    (permutation: TilePermutation)
    (first: int)
    (count: int)
    (epilogue: Epilogue)
    (output: nativeptr<float32>)
    =
    let bias = epilogue.Bias
    let lanes = flippedLanes permutation.Flip
    let shifts = signShifts ()
    let scale = Vector256.Create epilogue.Scale
    let shift = Vector256.Create epilogue.Shift
    let lanes16 = flippedLanes16 permutation.Flip
    let shifts16 = signShifts16 ()
    let scale16 = Vector512.Create epilogue.Scale
    let shift16 = Vector512.Create epilogue.Shift

    // The groups start at multiples of 8 of the tile's rows.
    let pastCaches = epilogue.PastCaches && first &&& 15 = 0 && startsLine output

    byGroups
        permutation
        first
        (first + count)
        (fun row column second ->
            let finished =
                sixteenSigned latent signs shifts16 lanes16 row column second
                |> sixteenFinished shift16 scale16 bias (row - first)

            storeAhead pastCaches finished output (row - first))
        (fun row column ->
            let signed =
                flipAligned signs row shifts (Avx2.PermuteVar8x32(load latent column, lanes))
                + shift

            let biased =
                if isNull bias then
                    signed
                else
                    signed + load bias (row - first)

            store (biased * scale) output (row - first))
        (fun row ->
            let value = flipOne signs row (NativePtr.get latent (permutation.Column row))
            NativePtr.set output (row - first) (epilogue.Of(row - first, value)))

/// One tile of `signedTiles`. A call of its own, because within the other loop the compiler has too few registers for this one.
[<MethodImpl(MethodImplOptions.NoInlining)>]
let private signedTile
    (latent: nativeptr<float32>)
    (signs: nativeptr<byte>)
    (permutation: TilePermutation)
    (columns: int)
    (bias: nativeptr<float32>)
    (scale: float32)
    (shift: float32)
    (pastCaches: bool)
    (output: nativeptr<float32>)
    =
    let shifts = signShifts16 ()
    let lanes = flippedLanes16 permutation.Flip
    let scales = Vector512.Create scale
    let shiftLanes = Vector512.Create shift
    let step = 8 * permutation.Multiplier
    let twice = advance columns step step
    let mutable column = 8 * permutation.Offset
    let mutable second = advance columns column step
    let mutable row = 0

    while row < columns do
        let finished =
            sixteenSigned latent signs shifts lanes row column second
            |> sixteenFinished shiftLanes scales bias row

        storeAhead pastCaches finished output row
        column <- advance columns column twice
        second <- advance columns second twice
        row <- row + 16

/// `signedRun` for `count` full tiles of a multiple of 16 columns, one after the other in memory, where there are sixteen lanes.
let signedTiles
    (latent: nativeptr<float32>)
    (signs: nativeptr<byte>)
    (permutations: TilePermutations)
    (columns: int)
    (tile: int64)
    (count: int)
    (epilogue: Epilogue)
    (output: nativeptr<float32>)
    =
    let bias = epilogue.Bias
    let pastCaches = epilogue.PastCaches && startsLine output

    for index in 0 .. count - 1 do
        let rows = offset output (index * columns)
        let biases = if isNull bias then bias else offset bias (index * columns)
        let tileSigns = NativePtr.add signs (8 * index * int (wordsPerTile columns))
        let permutation = permutations[tile + int64 index]
        signedTile latent tileSigns permutation columns biases epilogue.Scale epilogue.Shift pastCaches rows
