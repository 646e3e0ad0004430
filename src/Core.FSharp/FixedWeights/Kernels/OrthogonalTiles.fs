/// The orthogonal tile of the Hadamard kind, in a thread's workspace.
module internal MappingNets.Core.OrthogonalTiles

open MappingNets.Core.Tilings
open MappingNets.Core.TilePasses
open MappingNets.Core.VectorLanes
open MappingNets.Core.RowKernels
open MappingNets.Core.WalshHadamard

let inverseRoot (size: int) = float32 (1.0 / sqrt (float size))

/// The orthogonal tile of PlainFixedWeights on the workspace's values.
let orthogonalTile (piece: Piece) tile size transposed (workspace: Workspace) =
    let values = workspace.Values
    let window = largestPowerOfTwo size
    let scale = inverseRoot window

    let sign (signs: SignRuns) =
        applySigns (signs.Of(tile, 1)) size values

    let first () = walshHadamard values window scale

    let last () =
        if window < size then
            walshHadamard (offset values (size - window)) window scale

    if transposed then
        sign workspace.OutputSigns

        if window < size then
            last ()
            sign workspace.MiddleSigns

        first ()
        sign workspace.Signs
    else
        sign workspace.Signs
        first ()

        if window < size then
            sign workspace.MiddleSigns
            last ()

        sign workspace.OutputSigns

/// Whether a tile is one transform: a full one of 2^k rows.
let isOneWindow (piece: Piece) size =
    size = piece.Tiling.Columns && largestPowerOfTwo size = size
