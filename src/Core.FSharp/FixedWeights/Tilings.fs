/// How the rows of matrix-free fixed weights are cut into tiles, and which columns each tile reads: what every kernel shares.
///
/// The P rows are cut into tiles of d rows. A full tile is an orthogonal d x d matrix. The last r = P mod d rows form an
/// orthogonal r x r matrix on r keyed columns, so the columns stay exactly orthogonal for every P and d.
module internal MappingNets.Core.Tilings

open System
open MappingNets.Core.OrderOfAdditions

/// How the rows are cut into tiles, and the keys of the streams that fill them.
type Tiling =
    {
        /// The sum of Tensors.
        Rows: int64
        Columns: int
        /// The sizes of the target's tensors that the rows generate, in the layout's order.
        Tensors: int64[]
        /// The runs of tiles whose sums make up each tensor's part of the transpose.
        TensorRuns: TileRun[][]
        Permutations: CounterHash.Key
        Signs: CounterHash.Key
        MiddleSigns: CounterHash.Key
        OutputSigns: CounterHash.Key
        /// Of docs/counter-hash.md: 1 leaves the columns of tiles of fewer than eight in their order, 2 permutes them too.
        Version: int
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

    /// The rows first to before next that make up a tensor's part of the transpose: those of the tiles that start in it.
    member this.TensorRows(tensor: int) =
        match this.TensorRuns[tensor] with
        | [||] -> struct (0L, 0L)
        | runs ->
            let next = runs[runs.Length - 1].End * int64 this.Columns
            struct (runs[0].First * int64 this.Columns, min next this.Rows)

    /// The tensors in which a tile starts, in the order in which their parts are added: from the last to the first.
    member this.TensorsBackwards =
        [| for tensor in this.Tensors.Length - 1 .. -1 .. 0 do
               if this.TensorRuns[tensor].Length > 0 then
                   tensor |]

let tiling version (seed: CounterHash.Key) (tensors: int64[]) columns =
    { Rows = Array.sum tensors
      Columns = columns
      Tensors = tensors
      TensorRuns = tensorRuns tensors columns
      Permutations = CounterHash.named "permutations" seed
      Signs = CounterHash.named "signs" seed
      MiddleSigns = CounterHash.named "middle-signs" seed
      OutputSigns = CounterHash.named "output-signs" seed
      Version = version
      Parallelism = -1 }

/// Every tile starts on a fresh 64-bit word of signs, so that a kernel reads whole words.
let inline wordsPerTile columns = uint64 ((columns + 63) / 64)

/// Which column each row of a tile reads: a permutation of the d columns that moves them in groups of eight, so that a
/// processor moves eight at once. Row 8 q + r with q < floor(d / 8) reads column
/// 8 ((multiplier q + offset) mod floor(d / 8)) + (r xor flip); the last d mod 8 rows read their own columns. Fewer than eight columns
/// make no group: row i reads column i in version 1 and the column in bits 4 i to 4 i + 3 of Small in version 2.
[<Struct>]
type TilePermutation =
    {
        Groups: int
        Multiplier: int
        Offset: int
        Flip: int
        /// 0 where there are groups, and in version 1.
        Small: int
    }

    member inline this.Column(row: int) =
        if row < 8 * this.Groups then
            let group =
                int ((int64 this.Multiplier * int64 (row >>> 3) + int64 this.Offset) % int64 this.Groups)

            8 * group + ((row &&& 7) ^^^ this.Flip)
        elif this.Small <> 0 then
            (this.Small >>> (4 * row)) &&& 7
        else
            row

/// Every row reads its own column.
let private inOrder =
    { Groups = 0
      Multiplier = 0
      Offset = 0
      Flip = 0
      Small = 0 }

/// The keyed permutation of fewer than eight columns, four bits each.
let private smallPermutation key columns =
    Seq.init columns (fun row -> int (CounterHash.permute key (uint64 columns) (uint64 row)) <<< (4 * row))
    |> Seq.fold (|||) 0

let tilePermutation (tiling: Tiling) (tile: int64) =
    let key = CounterHash.child (uint64 tile) tiling.Permutations
    let groups = tiling.Columns / 8

    if groups = 0 then
        if tiling.Version >= 2 then
            { inOrder with
                Small = smallPermutation key tiling.Columns }
        else
            inOrder
    else
        let struct (multiplier, offset) = CounterHash.affinePermutation key (uint64 groups)

        { Groups = groups
          Multiplier = int multiplier
          Offset = int offset
          Flip = int (CounterHash.bits key UInt64.MaxValue &&& 7UL)
          Small = 0 }

/// The columns that the entries of a tile read: all of them in order in a full tile, r keyed ones in the last.
let hadamardPermutation (tiling: Tiling) tile =
    if tile < tiling.FullTiles then
        inOrder
    else
        tilePermutation tiling tile

/// The largest power of two that is at most `size`.
let largestPowerOfTwo (size: int) =
    1 <<< (31 - Numerics.BitOperations.LeadingZeroCount(uint32 size))
