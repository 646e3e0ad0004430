namespace MappingNets.Core

open TorchSharp

/// <summary>
/// A modulation that the user gives: M(z), a matrix of shape (P, d) for each latent z of shape (d), twice continuously
/// differentiable in z through tensor operations.
/// </summary>
[<ReferenceEquality>]
type CustomModulation =
    {
        /// Its name in reports and checkpoints.
        Name: string
        /// (z, x) -> M(z) x: latent (d) and vector (d) to (P), so that the matrix never has to exist.
        Apply: torch.Tensor -> torch.Tensor -> torch.Tensor
        /// z -> the mean of the rows of M(z): (d) to (d).
        RowMean: torch.Tensor -> torch.Tensor
    }

/// <summary>How the latent modulates the fixed weights: omega(z) = omega_0 + M(z).</summary>
type Modulation =
    /// M(z) = 0.
    | NoModulation
    /// The paper's: every weight of column i is shifted by strength * z_i, so M(z) z = strength * ||z||^2 in every row.
    /// The strength is the paper's alpha; finite, small beside 1.
    | AdditiveModulation of strength: float
    /// M(z) = B z for a general linear map: M(z)_ji = sum_k B_jik z_k, with B of shape (P, d, d).
    | LinearModulation of map: torch.Tensor
    /// Any twice continuously differentiable M.
    | CustomModulation of CustomModulation

/// <summary>What a modulation adds to the mapping.</summary>
module Modulation =

    /// <summary>A modulation from a function that builds the whole matrix; for small targets.</summary>
    /// <param name="name">Its name in reports and checkpoints.</param>
    /// <param name="matrix">z of shape (d) to M(z) of shape (P, d).</param>
    val ofMatrix: name: string -> matrix: (torch.Tensor -> torch.Tensor) -> Modulation

    /// <summary>A short name with its parameter, such as "additive(0.01)".</summary>
    /// <param name="modulation">The modulation.</param>
    val describe: modulation: Modulation -> string

    /// <summary>Refuses a modulation that does not fit P generated weights and d latents.</summary>
    /// <param name="modulation">The modulation.</param>
    /// <param name="rows">P.</param>
    /// <param name="columns">d.</param>
    /// <exception cref="T:System.ArgumentException">A strength that is not finite; a map whose shape is not (P, d, d) or that holds a number that is not finite.</exception>
    val check: modulation: Modulation -> rows: int64 -> columns: int -> unit

    /// <summary>M(z) z: what the modulation adds to the pre-activation, of shape (P), or of shape () where every row gets the same.</summary>
    /// <param name="modulation">The modulation.</param>
    /// <param name="latent">z, shape (d).</param>
    val shift: modulation: Modulation -> latent: torch.Tensor -> torch.Tensor

    /// The same, refused where a custom modulation gives anything but (P).
    val internal shiftOf: modulation: Modulation -> rows: int64 -> latent: torch.Tensor -> torch.Tensor

    /// What a custom modulation gave, refused by its name where the shape is another.
    val internal requireShape:
        custom: CustomModulation -> what: string -> shape: int64[] -> given: torch.Tensor -> torch.Tensor

    /// <summary>The mean of the rows of M(z), shape (d).</summary>
    /// <param name="modulation">The modulation.</param>
    /// <param name="latent">z, shape (d).</param>
    /// <exception cref="T:System.ArgumentException">A custom modulation gives another shape than (d).</exception>
    val rowMean: modulation: Modulation -> latent: torch.Tensor -> torch.Tensor
