namespace MappingNets.Core

open System.Threading.Tasks
open MappingNets.Core.FixedWeightsKernels

/// The affine permutation of every tile with its inverse, so that a pass over the weights neither searches for multipliers
/// nor divides: 12 bytes a tile. Tiles of fewer than 16 columns are worked out anew each time instead, which keeps the
/// table under one byte a weight.
[<Sealed>]
type internal TilePermutations(tiling: Tiling) =
    let compute tile =
        let struct (multiplier, offset) = tilePermutation tiling tile
        let size = uint64 tiling.Columns
        let inverse = CounterHash.modularInverse (uint64 multiplier) size
        struct (multiplier, offset, int inverse)

    let isStored = tiling.Columns >= 16

    let table =
        if isStored then
            let table = Array.zeroCreate<struct (int * int * int)> (int tiling.Tiles)

            if table.Length < 1024 then
                for tile in 0 .. table.Length - 1 do
                    table[tile] <- compute (int64 tile)
            else
                Parallel.For(0, table.Length, fun tile -> table[tile] <- compute (int64 tile))
                |> ignore

            table
        else
            [||]

    /// (multiplier, offset, inverse of the multiplier) of a tile.
    member _.Item
        with get (tile: int64) = if isStored then table[int tile] else compute tile
