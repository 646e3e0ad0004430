/// The order of additions of the transpose W^T g, version 2 of docs/counter-hash.md. It depends on d and on the sizes of the target's
/// tensors alone, so every pass can follow it: on any number of threads, and with one tensor's gradient in memory at a time.
module internal MappingNets.Core.OrderOfAdditions

/// Neighbouring tiles, First to before End, which are added in order to a sum that starts at +0.
[<Struct>]
type TileRun =
    { First: int64
      End: int64 }

    member inline this.Count = this.End - this.First

/// Tiles first to before first + count as so many runs of nearly equal length.
let cut (first: int64) (count: int64) (runs: int) =
    Array.init runs (fun index ->
        { First = first + count * int64 index / int64 runs
          End = first + count * int64 (index + 1) / int64 runs })

/// How many runs a pass over all tiles has when nothing depends on where they are cut.
let evenRuns (tiles: int64) = cut 0L tiles (int (min tiles 32L))

/// Into how many runs a tensor's tiles are cut: its share of 32, or one for every eight tiles where that is more, so that a large
/// tensor occupies several cores by itself; 32 at most.
let runCount (tensorTiles: int64) (tiles: int64) =
    let share = (32L * tensorTiles + tiles - 1L) / tiles
    int (min (min tensorTiles 32L) (max share (tensorTiles / 8L)))

/// The runs of each tensor, tensors in the layout's order. A tile belongs to the tensor that holds its first row; where no tile
/// starts in a tensor, it has no run.
let tensorRuns (tensors: int64[]) (columns: int) : TileRun[][] =
    let columns = int64 columns
    /// The first tile that starts at a row or after it.
    let tileFrom row = (row + columns - 1L) / columns
    let tiles = tileFrom (Array.sum tensors)

    tensors
    |> Array.scan (+) 0L
    |> Array.pairwise
    |> Array.map (fun (first, next) ->
        let firstTile = tileFrom first
        let count = tileFrom next - firstTile
        cut firstTile count (runCount count tiles))
