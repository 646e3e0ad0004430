namespace MappingNets.Core

open System.Threading.Tasks
open MappingNets.Core.FixedWeightsKernels

/// The permutation of every tile, so that a pass over the weights does not search for multipliers: 16 bytes a tile. Tiles of
/// fewer than 16 columns are worked out anew each time instead, which keeps the table at one byte a weight or less.
[<Sealed>]
type internal TilePermutations(tiling: Tiling) =
    let isStored = tiling.Columns >= 16

    let table =
        if isStored then
            let table = Array.zeroCreate<TilePermutation> (int tiling.Tiles)

            let fill tile =
                table[tile] <- tilePermutation tiling (int64 tile)

            if table.Length < 1024 then
                for tile in 0 .. table.Length - 1 do
                    fill tile
            else
                Parallel.For(0, table.Length, fill) |> ignore

            table
        else
            [||]

    member _.Item
        with get (tile: int64) =
            if isStored then
                table[int tile]
            else
                tilePermutation tiling tile
