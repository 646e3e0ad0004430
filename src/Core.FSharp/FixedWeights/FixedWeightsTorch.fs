/// The same matrices as PlainFixedWeights, in tensor operations that run on any device and give the same bits there.
/// They hold the signs and columns of every row as tensors, so they cost memory in proportion to P.
module internal MappingNets.Core.FixedWeightsTorch

open System
open TorchSharp
open MappingNets.Core.OrderOfAdditions
open MappingNets.Core.Tilings

/// What an operator does on a device: W z, and the parts of some tensors of W^T g, of the gradient's rows from a tile on.
[<NoEquality; NoComparison>]
type TensorOperations =
    {
        Apply: torch.Tensor -> torch.Tensor
        Transpose: int[] -> int64 -> torch.Tensor -> torch.Tensor
        /// What they hold on the device, for who frees it.
        Tables: torch.Tensor list
    }

/// A tensor of shape (tiles, d), filled on the CPU by `value tile index` and 0 beyond the last tile's rows.
let private tabulate (tiling: Tiling) (dtype: torch.ScalarType) (device: torch.Device) (value: int64 -> int -> float) =
    let places = tiling.Tiles * int64 tiling.Columns

    if places > int64 Array.MaxLength then
        raise (
            NotSupportedException
                $"The fixed weights of {tiling.Rows} weights need a table of {places} numbers on {device}; there at most {Array.MaxLength} are possible. On the CPU there is no such limit."
        )

    use _ = torch.inference_mode false
    let table = Array.zeroCreate<float> (int places)

    for tile in 0L .. tiling.Tiles - 1L do
        for index in 0 .. tiling.TileRows tile - 1 do
            table[int tile * tiling.Columns + index] <- value tile index

    use plain = torch.from_array table
    use shaped = plain.view (tiling.Tiles, int64 tiling.Columns)
    // A table lives as long as the operator that holds it, whatever scope it is first needed in.
    shaped.``to``(dtype, device, copy = true).DetachFromDisposeScope()

let private signTable (tiling: Tiling) (key: CounterHash.Key) dtype device : torch.Tensor =
    tabulate tiling dtype device (fun tile index ->
        let word = uint64 tile * wordsPerTile tiling.Columns + uint64 (index >>> 6)

        if (CounterHash.bits key word >>> (index &&& 63)) &&& 1UL = 0UL then
            1.0
        else
            -1.0)

/// The column that each row reads; rows beyond the last tile's end read column 0, and their sign is 0.
let private columnTable (tiling: Tiling) permuted device : torch.Tensor =
    tabulate tiling torch.int64 device (fun tile index ->
        if permuted || tile = tiling.FullTiles then
            float ((tilePermutation tiling tile).Column index)
        else
            float index)

/// Cuts (tiles, d) to the P rows that exist.
let private toRows (tiling: Tiling) (tiles: torch.Tensor) =
    tiles.reshape(-1L).narrow (0L, 0L, tiling.Rows)

/// Rows from the start of a tile on as (tiles, d), filled up with zeros.
let private toTiles (tiling: Tiling) (rows: torch.Tensor) =
    let columns = int64 tiling.Columns
    let missing = (columns - rows.shape[0] % columns) % columns

    let filled =
        if missing = 0L then
            rows
        else
            torch.cat (
                [| rows
                   torch.zeros ([| missing |], dtype = rows.dtype, device = rows.device) |],
                0L
            )

    filled.view (-1L, columns)

/// Adds (tiles, d), of which the first is `firstTile`, to (d) in the specified order: the tiles of a run, the runs of a tensor, the
/// tensors.
let private sumTiles (tiling: Tiling) (tensors: int[]) (firstTile: int64) (tiles: torch.Tensor) =
    // The operator makes a number 1 for each addition, and nothing keeps the collector from freeing it while libtorch reads it. Among
    // tens of thousands of additions one has failed in that reading, once; this number lives to the end.
    use one = (1.0).ToScalar()
    let add (total: torch.Tensor) (next: torch.Tensor) = total.add (next, one)

    let runSum (run: TileRun) =
        // Zero first, as the kernels' sums start: it turns -0 into +0.
        let mutable total = torch.zeros_like tiles[0]

        for tile in run.First - firstTile .. run.End - firstTile - 1L do
            total <- add total tiles[tile]

        total

    tensors
    |> Seq.map (fun tensor -> tiling.TensorRuns[tensor] |> Seq.map runSum |> Seq.reduce add)
    |> Seq.reduce add

/// A table's rows of as many tiles as there are, from a tile on.
let private tilesOf (table: torch.Tensor) (firstTile: int64) (tiles: torch.Tensor) =
    table.narrow (0L, firstTile, tiles.shape[0])

let signedPermutation (tiling: Tiling) dtype device =
    let columns = columnTable tiling true device
    let signs = signTable tiling tiling.Signs dtype device
    let flatColumns = columns.view(-1L).DetachFromDisposeScope()

    let apply (latent: torch.Tensor) : torch.Tensor =
        toRows tiling (latent.index_select(0L, flatColumns).view (columns.shape) * signs)

    let transpose tensors firstTile (rows: torch.Tensor) =
        let tiles = toTiles tiling rows
        let signed = tiles * tilesOf signs firstTile tiles
        // Rows beyond the end all point at column 0 with the value 0; adding keeps the one real value there.
        torch.zeros_like(signed).scatter_add (1L, tilesOf columns firstTile tiles, signed)
        |> sumTiles tiling tensors firstTile

    { Apply = apply
      Transpose = transpose
      Tables = [ columns; flatColumns; signs ] }

/// The orthonormal Walsh-Hadamard transform of columns [start, start + length) of each row.
let private walshHadamard (rows: torch.Tensor) start length =
    let count = rows.shape[0]
    let mutable window = rows.narrow (1L, int64 start, int64 length)
    let mutable half = 1L

    while half < int64 length do
        let pairs = window.reshape (count, int64 length / (2L * half), 2L, half)
        let a = pairs.select (2L, 0L)
        let b = pairs.select (2L, 1L)
        window <- torch.stack([| a + b; a - b |], 2L).reshape (count, int64 length)
        half <- 2L * half

    let scaled =
        if rows.dtype = torch.float64 then
            window * torch.tensor (1.0 / sqrt (float length), device = rows.device)
        else
            window
            * torch.tensor (float32 (1.0 / sqrt (float length)), device = rows.device)

    let before = rows.narrow (1L, 0L, int64 start)
    let rest = rows.shape[1] - int64 (start + length)
    let after = rows.narrow (1L, int64 (start + length), rest)
    torch.cat ([| before; scaled; after |], 1L)

/// The orthogonal tiles of one size: forward or transposed, on (tiles, size).
let private orthogonal
    size
    (signs: torch.Tensor)
    (middle: torch.Tensor)
    (output: torch.Tensor)
    transposed
    (rows: torch.Tensor)
    : torch.Tensor =

    let window = largestPowerOfTwo size
    let twoWindows = window < size

    if transposed then
        let last: torch.Tensor = rows * output

        let first =
            if twoWindows then
                walshHadamard last (size - window) window * middle
            else
                last

        walshHadamard first 0 window * signs
    else
        let first = walshHadamard (rows * signs) 0 window

        let last =
            if twoWindows then
                walshHadamard (first * middle) (size - window) window
            else
                first

        last * output

let hadamard (tiling: Tiling) dtype device =
    let columns = columnTable tiling false device
    let signs = signTable tiling tiling.Signs dtype device
    let middle = signTable tiling tiling.MiddleSigns dtype device
    let output = signTable tiling tiling.OutputSigns dtype device
    let flatColumns = columns.view(-1L).DetachFromDisposeScope()

    let transform transposed firstTile (tiles: torch.Tensor) : torch.Tensor =
        let part (first: int64) (count: int64) (size: int) : torch.Tensor =
            let block (table: torch.Tensor) (from: int64) =
                table.narrow(0L, from, count).narrow (1L, 0L, int64 size)

            let ofTable table = block table (firstTile + first)
            orthogonal size (ofTable signs) (ofTable middle) (ofTable output) transposed (block tiles first)

        let full = min tiles.shape[0] (tiling.FullTiles - firstTile)

        let last =
            if full < tiles.shape[0] then
                let rows = part full 1L tiling.Remainder

                let missing =
                    torch.zeros (
                        [| 1L; int64 (tiling.Columns - tiling.Remainder) |],
                        dtype = tiles.dtype,
                        device = tiles.device
                    )

                [ torch.cat ([| rows; missing |], 1L) ]
            else
                []

        torch.cat (
            [| if full > 0L then
                   part 0L full tiling.Columns
               yield! last |],
            0L
        )

    let apply (latent: torch.Tensor) =
        toRows tiling (transform false 0L (latent.index_select(0L, flatColumns).view (columns.shape)))

    let transpose tensors firstTile (rows: torch.Tensor) =
        let transformed = transform true firstTile (toTiles tiling rows)

        torch.zeros_like(transformed).scatter_add (1L, tilesOf columns firstTile transformed, transformed)
        |> sumTiles tiling tensors firstTile

    { Apply = apply
      Transpose = transpose
      Tables = [ columns; flatColumns; signs; middle; output ] }
