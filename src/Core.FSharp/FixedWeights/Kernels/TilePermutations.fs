namespace MappingNets.Core

open System.Threading.Tasks
open MappingNets.Core.Tilings

/// The permutation of every tile, so that a pass over the weights does not search for multipliers: 20 bytes a tile. Tiles of
/// fewer than 16 columns are worked out anew each time instead, which keeps the table at 1.25 bytes a weight or less.
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

    /// Made when it is first asked for, which only passes over large tiles do.
    let inverses =
        lazy
            (Array.init (int tiling.Tiles) (fun tile ->
                let permutation =
                    if isStored then
                        table[tile]
                    else
                        tilePermutation tiling (int64 tile)

                if permutation.Groups = 0 then
                    0
                else
                    int (CounterHash.modularInverse (uint64 permutation.Multiplier) (uint64 permutation.Groups))))

    /// The number that undoes the tile's multiplier: multiplier * inverse = 1 modulo the number of groups.
    member _.InverseMultiplier(tile: int64) = inverses.Value[int tile]

    member _.Item
        with get (tile: int64) =
            if isStored then
                table[int tile]
            else
                tilePermutation tiling tile
