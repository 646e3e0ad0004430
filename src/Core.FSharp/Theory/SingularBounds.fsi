namespace MappingNets.Core

open TorchSharp

/// <summary>
/// Bounds of singular values that hold in spite of rounding: nothing is taken from an eigenvalue routine, each bound is checked with
/// products whose rounding error is bounded. docs/theorems.md has the proofs and the model of rounding.
/// </summary>
module SingularBounds =

    /// <summary>
    /// At least ||A||, and above it by a relative 1e-7 for small matrices: Gram iteration. ||A||^2 = ||G||, ||G||^2 = ||G^T G||, and after k squarings the Frobenius norm is at most
    /// n^(2^-(k + 2)) too large; each product's rounding error is added.
    /// </summary>
    /// <param name="matrix">A, shape (m, n).</param>
    /// <exception cref="T:System.ArgumentException">It is no matrix of finite numbers.</exception>
    val spectralNorm: matrix: torch.Tensor -> float

    /// At least ||G|| of each matrix of a batch (b, n, n), shape (b), by so many squarings: too large by at most n^(2^-(k + 1)), and rounding.
    val internal gramIteration: squarings: int -> grams: torch.Tensor -> torch.Tensor

    /// <summary>
    /// A positive number that the smallest singular value of A (m, n), m >= n, is proven not to be below; None where none could be established, as for
    /// a singular A. Up to 2^22 entries: with X any approximate left inverse, sigma_min >= (1 - ||X A - I||) / ||X||. Beyond, up to n = 4,096 and
    /// 2^28 entries: the largest tried shift s for which A^T A - s I, formed from n products with A and A^T, has a Cholesky decomposition (Rump, BIT 46, 2006).
    /// </summary>
    /// <param name="like">A tensor whose device the vectors take; the precision is double.</param>
    /// <param name="map">A.</param>
    val smallest: like: torch.Tensor -> map: LinearMap -> float option

    /// How far products with A^T may be off where those with A, row by row, are off by at most this: they sum all rows, not the columns alone.
    val internal errorBack: error: float -> map: LinearMap -> float

    /// The same for a matrix of which the products with A are those but for an error of at most this in the Frobenius norm, a bound that may be below 0
    /// and then says nothing; and at least the ||A||_F of the products.
    val internal smallestAndFrobenius:
        like: torch.Tensor -> error: float -> map: LinearMap -> struct (float * float) option
