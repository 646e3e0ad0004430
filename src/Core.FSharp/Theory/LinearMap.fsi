namespace MappingNets.Core

open TorchSharp

/// <summary>A linear map from R^n to R^m as its two products, so that the matrix never has to exist.</summary>
[<ReferenceEquality>]
type LinearMap =
    {
        /// m, the number of rows.
        Rows: int64
        /// n, the number of columns.
        Columns: int64
        /// v -> A v: (n) to (m).
        Apply: torch.Tensor -> torch.Tensor
        /// u -> A^T u: (m) to (n).
        TransposeApply: torch.Tensor -> torch.Tensor
    }

    /// "a linear map (1000, 32)".
    override ToString: unit -> string

/// <summary>Builds linear maps.</summary>
module LinearMap =

    /// <summary>The map of a stored matrix, which must outlive it.</summary>
    /// <param name="matrix">A, shape (m, n).</param>
    /// <exception cref="T:System.ArgumentException">It is not a matrix.</exception>
    val ofMatrix: matrix: torch.Tensor -> LinearMap

    /// <summary>The whole matrix (m, n), one product for each column; for tests and small sizes.</summary>
    /// <param name="like">A tensor whose device and precision the matrix takes.</param>
    /// <param name="map">The map.</param>
    val toMatrix: like: torch.Tensor -> map: LinearMap -> torch.Tensor

/// <summary>The solution of a linear least-squares problem.</summary>
type LeastSquaresSolution =
    {
        /// x = A^+ b, shape (n): of all minimisers of ||A x - b|| the one of least norm.
        Solution: torch.Tensor
        /// How many steps it took.
        Iterations: int
        /// Whether the tolerance was reached.
        Converged: bool
        /// ||A^T (b - A x)|| / (||A||_F ||b - A x||) as the recurrence tells it: 0 at an exact minimiser.
        NormalResidual: float
    }

/// <summary>What products with a linear map tell of its singular values.</summary>
type SingularValues =
    {
        /// The largest: never above the true one, and close to it after few steps.
        Largest: float
        /// The smallest: never below the true one.
        Smallest: float
        /// Whether the Krylov space was exhausted: then both are exact up to rounding, with probability 1 over the random start.
        IsComplete: bool
    }

/// <summary>Least squares and singular values from products with a linear map alone.</summary>
module LeastSquares =

    /// <summary>
    /// The least-norm least-squares solution A^+ b by LSQR (Paige and Saunders, ACM TOMS 8, 1982): Golub-Kahan bidiagonalisation
    /// from b, which stays in the range of A^T. Memory: two vectors (m), three (n).
    /// </summary>
    /// <param name="tolerance">Stops where ||A^T r|| &lt;= tolerance ||A||_F ||r||, or ||r|| &lt;= tolerance ||b||; above 0, below 1.</param>
    /// <param name="maximumIterations">The largest number of steps, at least 1.</param>
    /// <param name="map">A.</param>
    /// <param name="rightSide">b, shape (m).</param>
    /// <exception cref="T:System.ArgumentException">A shape disagrees, b is not finite, or an option is out of range.</exception>
    val solve:
        tolerance: float -> maximumIterations: int -> map: LinearMap -> rightSide: torch.Tensor -> LeastSquaresSolution

    /// <summary>
    /// The extreme singular values by Golub-Kahan-Lanczos bidiagonalisation from a random start, every new direction
    /// orthogonalised against all before: exact for n steps or fewer distinct singular values, bounds from inside otherwise.
    /// </summary>
    /// <param name="steps">The largest number of steps, at least 1.</param>
    /// <param name="key">The stream of the random start.</param>
    /// <param name="like">A tensor whose device and precision the vectors take.</param>
    /// <param name="map">A, with at least as many rows as columns.</param>
    /// <exception cref="T:System.ArgumentException">An option is out of range, or A has fewer rows than columns.</exception>
    val singularValues: steps: int -> key: CounterHash.Key -> like: torch.Tensor -> map: LinearMap -> SingularValues
