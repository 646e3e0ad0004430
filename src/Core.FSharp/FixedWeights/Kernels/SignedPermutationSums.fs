/// The inner loops of the signed permutation's transpose over one run of a tile's rows. Each gives the bits of its plain loop: the
/// same operations on every element in the same order.
module internal MappingNets.Core.SignedPermutationSums

open System.Runtime.Intrinsics
open System.Runtime.Intrinsics.X86
open Microsoft.FSharp.NativeInterop
open MappingNets.Core.Tilings
open MappingNets.Core.VectorLanes
open MappingNets.Core.SignedPermutationKernels

/// What the eight rows of a group, +-gradient[row + r] * factor, add to the columns of theirs; `signRow` is where their signs are.
let inline private signedEight
    (gradient: nativeptr<float32>)
    (signs: nativeptr<byte>)
    (shifts: Vector256<uint32>)
    (lanes: Vector256<int>)
    (factor: Vector256<float32>)
    (row: int)
    (signRow: int)
    =
    Avx2.PermuteVar8x32(flipAligned signs signRow shifts (load gradient row * factor), lanes)

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
    let lanes = flippedLanes permutation.Flip
    let shifts = signShifts ()
    let factor = Vector256.Create scale

    let inline add row column =
        let signed = signedEight gradient signs shifts lanes factor (row - first) row
        store (load sums column + signed) sums column

    byGroups
        permutation
        first
        (first + count)
        // A vector of sixteen in and out of two places of eight was slower than this.
        (fun row column second ->
            add row column
            add (row + 8) second)
        (fun row column -> add row column)
        (fun row ->
            let value = flipOne signs row (NativePtr.get gradient (row - first) * scale)
            let column = permutation.Column row
            NativePtr.set sums column (NativePtr.get sums column + value))

/// `addSignedRows` for `count` full tiles, one after the other in memory.
let addSignedTiles
    (gradient: nativeptr<float32>)
    (signs: nativeptr<byte>)
    (permutations: TilePermutations)
    (columns: int)
    (tile: int64)
    (count: int)
    (scale: float32)
    (sums: nativeptr<float32>)
    =
    let shifts = signShifts ()
    let factor = Vector256.Create scale

    for index in 0 .. count - 1 do
        let permutation = permutations[tile + int64 index]
        let lanes = flippedLanes permutation.Flip
        let step = 8 * permutation.Multiplier
        let twice = advance columns step step
        let rows = offset gradient (index * columns)
        let tileSigns = NativePtr.add signs (8 * index * int (wordsPerTile columns))

        let inline add row column =
            let signed = signedEight rows tileSigns shifts lanes factor row row
            store (load sums column + signed) sums column

        let mutable column = 8 * permutation.Offset
        let mutable second = advance columns column step
        let mutable row = 0

        while row < columns do
            add row column
            add (row + 8) second
            column <- advance columns column twice
            second <- advance columns second twice
            row <- row + 16

/// The same for the `Groups` * 8 first rows of a tile, in the order of the columns instead of that of the rows: the sums, read and
/// written, are passed through once, and what is picked out of order is the gradient, which is only read. It fetches the next
/// tile's rows ahead of their time, for the processor cannot foresee that order. `inverse` undoes the permutation's multiplier.
let addSignedTile
    (gradient: nativeptr<float32>)
    (signs: nativeptr<byte>)
    (permutation: TilePermutation)
    (inverse: int)
    (rowsToNext: int)
    (scale: float32)
    (isFirst: bool)
    (sums: nativeptr<float32>)
    =
    let lanes = flippedLanes permutation.Flip
    let shifts = signShifts ()
    let factor = Vector256.Create scale
    let groups = permutation.Groups

    let keep =
        if isFirst then
            Vector256<float32>.Zero
        else
            Vector256<float32>.AllBitsSet

    let inline add group column =
        let signed = signedEight gradient signs shifts lanes factor (8 * group) (8 * group)

        store ((load sums column &&& keep) + signed) sums column

    // Column group c comes from row group inverse * (c - offset); every other one each, so that the one need not wait for the other.
    let mutable group =
        int (int64 inverse * int64 (groups - permutation.Offset) % int64 groups)

    let mutable second = advance groups group inverse
    let twice = advance groups inverse inverse
    let mutable column = 0

    while column <= 8 * groups - 16 do
        Sse.Prefetch0(NativePtr.toVoidPtr (offset gradient (rowsToNext + column)))
        add group column
        add second (column + 8)
        group <- advance groups group twice
        second <- advance groups second twice
        column <- column + 16

    if column < 8 * groups then
        add group column
