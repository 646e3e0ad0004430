namespace MappingNets

/// <summary>Which family of orthogonal matrices the fixed weights come from.</summary>
type FixedWeightsKind =
    /// Never stored: one signed entry in each row, every column used equally often. Bit-exact everywhere, the fastest.
    | SignedPermutation = 0
    /// Never stored: tiles of signs, a fast Walsh-Hadamard transform and signs. Bit-exact everywhere.
    | Hadamard = 1
    /// The paper's own: a stored P x d matrix with orthonormal columns from a QR decomposition, times sqrt(P / d).
    /// Costs 4 P d bytes and is reproducible only on the same machine and library.
    | Dense = 2

namespace MappingNets.Core

open TorchSharp
open MappingNets

/// <summary>
/// The fixed weights omega_0 of a mapping as a linear operator W from R^d to R^P: never trained, never (unless Dense is
/// asked for) a P x d tensor. The columns are exactly orthogonal, W^T W = diag(c), and the mean squared norm of a row is 1,
/// whatever the kind, so that one learning rate and one scale serve all of them.
/// All operations are pure; apply and transpose-apply can be differentiated any number of times.
/// </summary>
[<Sealed>]
type FixedWeights =

    /// The family of the matrix.
    member Kind: FixedWeightsKind

    /// P, the number of rows.
    member Rows: int64

    /// d, the number of columns.
    member Columns: int

    /// c, shape d: the squared norm of each column in closed form. Dense: P / d. Otherwise floor(P / d), and one more for
    /// the P mod d columns of the last tile; so all equal where d divides P.
    member ColumnNormsSquared: float[]

    /// The largest singular value: the square root of the largest entry of c.
    member SpectralNorm: float

    /// W z. Takes z of shape (d), single or double precision; returns (P) on z's device and in its precision.
    /// Raises ArgumentException where z has another shape or precision.
    member Apply: latent: torch.Tensor -> torch.Tensor

    /// W^T g. Takes g of shape (P), single or double precision; returns (d).
    /// The matrix-free kinds add in a specified order, version 2 of docs/counter-hash.md: a sum for each tensor of the target, added
    /// from the last tensor to the first. The bits depend neither on the number of threads nor on how much of g is in memory at once.
    /// Raises ArgumentException where g has another shape or precision.
    member TransposeApply: gradient: torch.Tensor -> torch.Tensor

    /// W^T g in double precision, shape (d), the caller's, of a g with one value for each tensor: tensor by tensor, so that no matrix-free kind needs
    /// a vector of P numbers. The bits of `TransposeApply`.
    member internal TransposeConstant: values: float[] -> torch.Tensor

    /// The rows of g, first and count, that `TransposeTensor` needs: for a matrix-free kind those of all tiles that start in the
    /// tensor (none if no tile does), for Dense the tensor's own. Tensors are numbered in the order given to `createForTensors`.
    member internal TensorRows: tensor: int -> struct (int64 * int64)

    /// One tensor's part of W^T g, shape (d), outside any graph, from the rows that `TensorRows` names. The parts, added from the
    /// last tensor to the first, are W^T g bit for bit.
    member internal TransposeTensor: tensor: int * rows: torch.Tensor -> torch.Tensor

    member internal Fused: firstRow: int64 -> TilePasses.Piece | null

    /// The mean of the P rows, shape (d), on the device and in the precision of `like`.
    member RowMean: like: torch.Tensor -> torch.Tensor

    /// The squared norm of each row, shape (P), on the device and in the precision of `like`; exactly 1 unless Dense.
    member RowNormsSquared: like: torch.Tensor -> torch.Tensor

    /// The whole matrix, shape (P, d), on the device and in the precision of `like`. For tests and small sizes: it costs P d numbers.
    /// Raises ArgumentException where `like` is in neither single nor double precision.
    member ToMatrix: like: torch.Tensor -> torch.Tensor

    interface System.IDisposable

/// <summary>Builds fixed weights.</summary>
module FixedWeights =

    /// <summary>The version of docs/counter-hash.md's section 4 that new weights follow: 2. Version 1 differs only below eight latents, where
    /// every tile reads the columns in their order.</summary>
    val currentVersion: int

    /// <summary>The fixed weights of a kind, a key and a shape; equal arguments give equal bits.</summary>
    /// <param name="kind">The family.</param>
    /// <param name="key">The stream of the counter hash that fills the matrix.</param>
    /// <param name="rows">P, the number of generated weights.</param>
    /// <param name="columns">d, the number of latents, 1 to P.</param>
    /// <exception cref="T:System.ArgumentOutOfRangeException">d is below 1 or above P; there is no such family.</exception>
    val create: kind: FixedWeightsKind -> key: CounterHash.Key -> rows: int64 -> columns: int -> FixedWeights

    /// <summary>The same weights for the tensors of a target network. The matrix is that of `create`; the order in which
    /// TransposeApply adds follows the tensors, so that they can be taken one at a time, from the last to the first.</summary>
    /// <param name="kind">The family.</param>
    /// <param name="key">The stream of the counter hash that fills the matrix.</param>
    /// <param name="tensors">The number of weights of each tensor, in the order of the rows; P is their sum.</param>
    /// <param name="columns">d, the number of latents, 1 to P.</param>
    /// <exception cref="T:System.ArgumentException">There is no tensor, or one without weights.</exception>
    /// <exception cref="T:System.ArgumentOutOfRangeException">d is below 1 or above P.</exception>
    val createForTensors:
        kind: FixedWeightsKind -> key: CounterHash.Key -> tensors: int64[] -> columns: int -> FixedWeights

    /// <summary>The same in an older version, for files that were written under it.</summary>
    /// <param name="version">1 or 2.</param>
    /// <param name="kind">The family.</param>
    /// <param name="key">The stream of the counter hash that fills the matrix.</param>
    /// <param name="tensors">The number of weights of each tensor, in the order of the rows; P is their sum.</param>
    /// <param name="columns">d, the number of latents, 1 to P.</param>
    /// <exception cref="T:System.ArgumentException">There is no tensor, or one without weights.</exception>
    /// <exception cref="T:System.ArgumentOutOfRangeException">There is no such version; d is below 1 or above P.</exception>
    val createOfVersion:
        version: int ->
        kind: FixedWeightsKind ->
        key: CounterHash.Key ->
        tensors: int64[] ->
        columns: int ->
            FixedWeights
