namespace MappingNets.Core

open TorchSharp

/// <summary>
/// Derivatives by central finite differences, in DiffSharp's vocabulary and order of arguments (epsilon first): the check
/// on <see cref="T:MappingNets.Core.Differentiation"/>, and the way out where f is not differentiable by autograd.
/// </summary>
/// <remarks>
/// <para>
/// Truncation errs by O(epsilon^2), rounding by about u / epsilon (first derivatives) or u / epsilon^2 (second), u the
/// rounding unit of x's dtype times the size of f. In double precision an epsilon near 1e-5 suits first derivatives and 1e-4 second
/// ones; in single precision 1e-2 and 5e-2.
/// </para>
/// <para>
/// Shapes, dtypes, devices and refusals are those of <see cref="T:MappingNets.Core.Differentiation"/>; an epsilon that is
/// not positive and finite is refused with an <see cref="T:System.ArgumentOutOfRangeException"/>. A result stays on the
/// autograd graph of its operations. f is called in dispose scopes: what it keeps for later calls it must take out of them.
/// Results are new tensors in the caller's dispose scope, or the caller's to dispose.
/// </para>
/// </remarks>
module NumericalDifferentiation =

    /// <summary>The derivative of a function of a scalar: <c>(f(x + e) - f(x - e)) / 2e</c>.</summary>
    /// <param name="epsilon">The step, positive and finite.</param>
    /// <param name="f">A function of a scalar, with a value of any shape.</param>
    /// <param name="x">The point, a scalar of shape ().</param>
    /// <returns>f'(x), of the shape of f x.</returns>
    /// <exception cref="T:System.ArgumentOutOfRangeException">epsilon is not positive and finite.</exception>
    /// <exception cref="T:System.ArgumentException">x is not a floating-point scalar, or f x is not floating point.</exception>
    val numdiff: epsilon: float -> f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> torch.Tensor

    /// <summary>The value and the derivative.</summary>
    /// <param name="epsilon">The step, positive and finite.</param>
    /// <param name="f">A function of a scalar, with a value of any shape.</param>
    /// <param name="x">The point, a scalar of shape ().</param>
    /// <returns>f(x) and f'(x), both of the shape of f x.</returns>
    /// <exception cref="T:System.ArgumentOutOfRangeException">epsilon is not positive and finite.</exception>
    /// <exception cref="T:System.ArgumentException">x is not a floating-point scalar, or f x is not floating point.</exception>
    val numfdiff: epsilon: float -> f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> torch.Tensor * torch.Tensor

    /// <summary>The second derivative: <c>(f(x + e) - 2 f(x) + f(x - e)) / e^2</c>.</summary>
    /// <param name="epsilon">The step, positive and finite.</param>
    /// <param name="f">A function of a scalar, with a value of any shape.</param>
    /// <param name="x">The point, a scalar of shape ().</param>
    /// <returns>f''(x), of the shape of f x.</returns>
    /// <exception cref="T:System.ArgumentOutOfRangeException">epsilon is not positive and finite.</exception>
    /// <exception cref="T:System.ArgumentException">x is not a floating-point scalar, or f x is not floating point.</exception>
    val numdiff2: epsilon: float -> f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> torch.Tensor

    /// <summary>The value and the second derivative.</summary>
    /// <param name="epsilon">The step, positive and finite.</param>
    /// <param name="f">A function of a scalar, with a value of any shape.</param>
    /// <param name="x">The point, a scalar of shape ().</param>
    /// <returns>f(x) and f''(x), both of the shape of f x.</returns>
    /// <exception cref="T:System.ArgumentOutOfRangeException">epsilon is not positive and finite.</exception>
    /// <exception cref="T:System.ArgumentException">x is not a floating-point scalar, or f x is not floating point.</exception>
    val numfdiff2: epsilon: float -> f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> torch.Tensor * torch.Tensor

    /// <summary>The gradient, one central difference along each axis.</summary>
    /// <param name="epsilon">The step, positive and finite.</param>
    /// <param name="f">A scalar-valued function of a vector or of a scalar.</param>
    /// <param name="x">The point, a scalar of shape () or a vector of shape (n).</param>
    /// <returns>The gradient, of the shape of x.</returns>
    /// <exception cref="T:System.ArgumentOutOfRangeException">epsilon is not positive and finite.</exception>
    /// <exception cref="T:System.ArgumentException">x is neither a floating-point scalar nor vector, or f x is not a scalar.</exception>
    val numgrad: epsilon: float -> f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> torch.Tensor

    /// <summary>The value and the gradient.</summary>
    /// <param name="epsilon">The step, positive and finite.</param>
    /// <param name="f">A scalar-valued function of a vector or of a scalar.</param>
    /// <param name="x">The point, a scalar of shape () or a vector of shape (n).</param>
    /// <returns>f(x) of shape () and the gradient of the shape of x.</returns>
    /// <exception cref="T:System.ArgumentOutOfRangeException">epsilon is not positive and finite.</exception>
    /// <exception cref="T:System.ArgumentException">x is neither a floating-point scalar nor vector, or f x is not a scalar.</exception>
    val numfgrad: epsilon: float -> f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> torch.Tensor * torch.Tensor

    /// <summary>The directional derivative: <c>(f(x + e v) - f(x - e v)) / 2e</c>.</summary>
    /// <param name="epsilon">The step, positive and finite.</param>
    /// <param name="f">A scalar-valued function of a vector.</param>
    /// <param name="x">The point, a vector of shape (n).</param>
    /// <param name="v">The direction, of shape (n).</param>
    /// <returns>A scalar of shape ().</returns>
    /// <exception cref="T:System.ArgumentOutOfRangeException">epsilon is not positive and finite.</exception>
    /// <exception cref="T:System.ArgumentException">x is not a floating-point vector, v is not like x, or f x is not a scalar.</exception>
    val numgradv:
        epsilon: float -> f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> v: torch.Tensor -> torch.Tensor

    /// <summary>The value and the directional derivative.</summary>
    /// <param name="epsilon">The step, positive and finite.</param>
    /// <param name="f">A scalar-valued function of a vector.</param>
    /// <param name="x">The point, a vector of shape (n).</param>
    /// <param name="v">The direction, of shape (n).</param>
    /// <returns>f(x) and grad f(x) . v, both of shape ().</returns>
    /// <exception cref="T:System.ArgumentOutOfRangeException">epsilon is not positive and finite.</exception>
    /// <exception cref="T:System.ArgumentException">x is not a floating-point vector, v is not like x, or f x is not a scalar.</exception>
    val numfgradv:
        epsilon: float ->
        f: (torch.Tensor -> torch.Tensor) ->
        x: torch.Tensor ->
        v: torch.Tensor ->
            torch.Tensor * torch.Tensor

    /// <summary>The Jacobian matrix, one central difference for each column.</summary>
    /// <param name="epsilon">The step, positive and finite.</param>
    /// <param name="f">A function from vectors (n) to vectors (m).</param>
    /// <param name="x">The point, a vector of shape (n).</param>
    /// <returns>J, of shape (m, n).</returns>
    /// <exception cref="T:System.ArgumentOutOfRangeException">epsilon is not positive and finite.</exception>
    /// <exception cref="T:System.ArgumentException">x or f x is not a floating-point vector.</exception>
    val numjacobian: epsilon: float -> f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> torch.Tensor

    /// <summary>The value and the Jacobian matrix.</summary>
    /// <param name="epsilon">The step, positive and finite.</param>
    /// <param name="f">A function from vectors (n) to vectors (m).</param>
    /// <param name="x">The point, a vector of shape (n).</param>
    /// <returns>f(x) of shape (m) and J of shape (m, n).</returns>
    /// <exception cref="T:System.ArgumentOutOfRangeException">epsilon is not positive and finite.</exception>
    /// <exception cref="T:System.ArgumentException">x or f x is not a floating-point vector.</exception>
    val numfjacobian:
        epsilon: float -> f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> torch.Tensor * torch.Tensor

    /// <summary>The Jacobian-vector product: <c>(f(x + e v) - f(x - e v)) / 2e</c>.</summary>
    /// <param name="epsilon">The step, positive and finite.</param>
    /// <param name="f">A function from vectors (n) to vectors (m).</param>
    /// <param name="x">The point, a vector of shape (n).</param>
    /// <param name="v">The direction, of shape (n).</param>
    /// <returns>J v, of shape (m).</returns>
    /// <exception cref="T:System.ArgumentOutOfRangeException">epsilon is not positive and finite.</exception>
    /// <exception cref="T:System.ArgumentException">x or f x is not a floating-point vector, or v is not like x.</exception>
    val numjacobianv:
        epsilon: float -> f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> v: torch.Tensor -> torch.Tensor

    /// <summary>The value and the Jacobian-vector product.</summary>
    /// <param name="epsilon">The step, positive and finite.</param>
    /// <param name="f">A function from vectors (n) to vectors (m).</param>
    /// <param name="x">The point, a vector of shape (n).</param>
    /// <param name="v">The direction, of shape (n).</param>
    /// <returns>f(x) and J v, both of shape (m).</returns>
    /// <exception cref="T:System.ArgumentOutOfRangeException">epsilon is not positive and finite.</exception>
    /// <exception cref="T:System.ArgumentException">x or f x is not a floating-point vector, or v is not like x.</exception>
    val numfjacobianv:
        epsilon: float ->
        f: (torch.Tensor -> torch.Tensor) ->
        x: torch.Tensor ->
        v: torch.Tensor ->
            torch.Tensor * torch.Tensor

    /// <summary>The transposed product <c>J^T v</c>: the gradient of <c>f(x) . v</c>.</summary>
    /// <param name="epsilon">The step, positive and finite.</param>
    /// <param name="f">A function from vectors (n) to vectors (m) or scalars.</param>
    /// <param name="x">The point, a vector of shape (n).</param>
    /// <param name="v">The covector, of the shape of f x.</param>
    /// <returns>J^T v, of shape (n).</returns>
    /// <exception cref="T:System.ArgumentOutOfRangeException">epsilon is not positive and finite.</exception>
    /// <exception cref="T:System.ArgumentException">x is not a floating-point vector, f x is neither a floating-point scalar nor vector, or v is not like f x.</exception>
    val numjacobianTv:
        epsilon: float -> f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> v: torch.Tensor -> torch.Tensor

    /// <summary>The value and the transposed product.</summary>
    /// <param name="epsilon">The step, positive and finite.</param>
    /// <param name="f">A function from vectors (n) to vectors (m) or scalars.</param>
    /// <param name="x">The point, a vector of shape (n).</param>
    /// <param name="v">The covector, of the shape of f x.</param>
    /// <returns>f(x) and J^T v of shape (n).</returns>
    /// <exception cref="T:System.ArgumentOutOfRangeException">epsilon is not positive and finite.</exception>
    /// <exception cref="T:System.ArgumentException">x is not a floating-point vector, f x is neither a floating-point scalar nor vector, or v is not like f x.</exception>
    val numfjacobianTv:
        epsilon: float ->
        f: (torch.Tensor -> torch.Tensor) ->
        x: torch.Tensor ->
        v: torch.Tensor ->
            torch.Tensor * torch.Tensor

    /// <summary>The Hessian matrix: central differences of the central differences <c>numgrad</c>.</summary>
    /// <param name="epsilon">The step, positive and finite.</param>
    /// <param name="f">A scalar-valued function of a vector.</param>
    /// <param name="x">The point, a vector of shape (n).</param>
    /// <returns>H, of shape (n, n).</returns>
    /// <exception cref="T:System.ArgumentOutOfRangeException">epsilon is not positive and finite.</exception>
    /// <exception cref="T:System.ArgumentException">x is not a floating-point vector, or f x is not a scalar.</exception>
    val numhessian: epsilon: float -> f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> torch.Tensor

    /// <summary>The value and the Hessian matrix.</summary>
    /// <param name="epsilon">The step, positive and finite.</param>
    /// <param name="f">A scalar-valued function of a vector.</param>
    /// <param name="x">The point, a vector of shape (n).</param>
    /// <returns>f(x) of shape () and H of shape (n, n).</returns>
    /// <exception cref="T:System.ArgumentOutOfRangeException">epsilon is not positive and finite.</exception>
    /// <exception cref="T:System.ArgumentException">x is not a floating-point vector, or f x is not a scalar.</exception>
    val numfhessian:
        epsilon: float -> f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> torch.Tensor * torch.Tensor

    /// <summary>The Hessian-vector product: a central difference of <c>numgrad</c> along v.</summary>
    /// <param name="epsilon">The step, positive and finite.</param>
    /// <param name="f">A scalar-valued function of a vector.</param>
    /// <param name="x">The point, a vector of shape (n).</param>
    /// <param name="v">The direction, of shape (n).</param>
    /// <returns>H v, of shape (n).</returns>
    /// <exception cref="T:System.ArgumentOutOfRangeException">epsilon is not positive and finite.</exception>
    /// <exception cref="T:System.ArgumentException">x is not a floating-point vector, v is not like x, or f x is not a scalar.</exception>
    val numhessianv:
        epsilon: float -> f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> v: torch.Tensor -> torch.Tensor

    /// <summary>The value and the Hessian-vector product.</summary>
    /// <param name="epsilon">The step, positive and finite.</param>
    /// <param name="f">A scalar-valued function of a vector.</param>
    /// <param name="x">The point, a vector of shape (n).</param>
    /// <param name="v">The direction, of shape (n).</param>
    /// <returns>f(x) of shape () and H v of shape (n).</returns>
    /// <exception cref="T:System.ArgumentOutOfRangeException">epsilon is not positive and finite.</exception>
    /// <exception cref="T:System.ArgumentException">x is not a floating-point vector, v is not like x, or f x is not a scalar.</exception>
    val numfhessianv:
        epsilon: float ->
        f: (torch.Tensor -> torch.Tensor) ->
        x: torch.Tensor ->
        v: torch.Tensor ->
            torch.Tensor * torch.Tensor

    /// <summary>The gradient and the Hessian matrix.</summary>
    /// <param name="epsilon">The step, positive and finite.</param>
    /// <param name="f">A scalar-valued function of a vector.</param>
    /// <param name="x">The point, a vector of shape (n).</param>
    /// <returns>The gradient (n) and H (n, n).</returns>
    /// <exception cref="T:System.ArgumentOutOfRangeException">epsilon is not positive and finite.</exception>
    /// <exception cref="T:System.ArgumentException">x is not a floating-point vector, or f x is not a scalar.</exception>
    val numgradhessian:
        epsilon: float -> f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> torch.Tensor * torch.Tensor

    /// <summary>The value, the gradient and the Hessian matrix.</summary>
    /// <param name="epsilon">The step, positive and finite.</param>
    /// <param name="f">A scalar-valued function of a vector.</param>
    /// <param name="x">The point, a vector of shape (n).</param>
    /// <returns>f(x) of shape (), the gradient (n) and H (n, n).</returns>
    /// <exception cref="T:System.ArgumentOutOfRangeException">epsilon is not positive and finite.</exception>
    /// <exception cref="T:System.ArgumentException">x is not a floating-point vector, or f x is not a scalar.</exception>
    val numfgradhessian:
        epsilon: float ->
        f: (torch.Tensor -> torch.Tensor) ->
        x: torch.Tensor ->
            torch.Tensor * torch.Tensor * torch.Tensor

    /// <summary>The directional derivative and the Hessian-vector product.</summary>
    /// <param name="epsilon">The step, positive and finite.</param>
    /// <param name="f">A scalar-valued function of a vector.</param>
    /// <param name="x">The point, a vector of shape (n).</param>
    /// <param name="v">The direction, of shape (n).</param>
    /// <returns>grad f(x) . v of shape () and H v of shape (n).</returns>
    /// <exception cref="T:System.ArgumentOutOfRangeException">epsilon is not positive and finite.</exception>
    /// <exception cref="T:System.ArgumentException">x is not a floating-point vector, v is not like x, or f x is not a scalar.</exception>
    val numgradhessianv:
        epsilon: float ->
        f: (torch.Tensor -> torch.Tensor) ->
        x: torch.Tensor ->
        v: torch.Tensor ->
            torch.Tensor * torch.Tensor

    /// <summary>The value, the directional derivative and the Hessian-vector product.</summary>
    /// <param name="epsilon">The step, positive and finite.</param>
    /// <param name="f">A scalar-valued function of a vector.</param>
    /// <param name="x">The point, a vector of shape (n).</param>
    /// <param name="v">The direction, of shape (n).</param>
    /// <returns>f(x) and grad f(x) . v of shape (), and H v of shape (n).</returns>
    /// <exception cref="T:System.ArgumentOutOfRangeException">epsilon is not positive and finite.</exception>
    /// <exception cref="T:System.ArgumentException">x is not a floating-point vector, v is not like x, or f x is not a scalar.</exception>
    val numfgradhessianv:
        epsilon: float ->
        f: (torch.Tensor -> torch.Tensor) ->
        x: torch.Tensor ->
        v: torch.Tensor ->
            torch.Tensor * torch.Tensor * torch.Tensor

    /// <summary>The Laplacian: the sum of <c>(f(x + e u_i) - 2 f(x) + f(x - e u_i)) / e^2</c> over the unit vectors u_i.</summary>
    /// <param name="epsilon">The step, positive and finite.</param>
    /// <param name="f">A scalar-valued function of a vector.</param>
    /// <param name="x">The point, a vector of shape (n).</param>
    /// <returns>A scalar of shape ().</returns>
    /// <exception cref="T:System.ArgumentOutOfRangeException">epsilon is not positive and finite.</exception>
    /// <exception cref="T:System.ArgumentException">x is not a floating-point vector, or f x is not a scalar.</exception>
    val numlaplacian: epsilon: float -> f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> torch.Tensor

    /// <summary>The value and the Laplacian.</summary>
    /// <param name="epsilon">The step, positive and finite.</param>
    /// <param name="f">A scalar-valued function of a vector.</param>
    /// <param name="x">The point, a vector of shape (n).</param>
    /// <returns>f(x) and the Laplacian, both of shape ().</returns>
    /// <exception cref="T:System.ArgumentOutOfRangeException">epsilon is not positive and finite.</exception>
    /// <exception cref="T:System.ArgumentException">x is not a floating-point vector, or f x is not a scalar.</exception>
    val numflaplacian:
        epsilon: float -> f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> torch.Tensor * torch.Tensor

    /// <summary>The curl of a vector field, from <c>numjacobian</c>.</summary>
    /// <param name="epsilon">The step, positive and finite.</param>
    /// <param name="f">A function from vectors (3) to vectors (3).</param>
    /// <param name="x">The point, a vector of shape (3).</param>
    /// <returns>The curl, of shape (3).</returns>
    /// <exception cref="T:System.ArgumentOutOfRangeException">epsilon is not positive and finite.</exception>
    /// <exception cref="T:System.ArgumentException">x is not a floating-point vector, or the Jacobian is not (3, 3).</exception>
    val numcurl: epsilon: float -> f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> torch.Tensor

    /// <summary>The value and the curl of a vector field.</summary>
    /// <param name="epsilon">The step, positive and finite.</param>
    /// <param name="f">A function from vectors (3) to vectors (3).</param>
    /// <param name="x">The point, a vector of shape (3).</param>
    /// <returns>f(x) and the curl, both of shape (3).</returns>
    /// <exception cref="T:System.ArgumentOutOfRangeException">epsilon is not positive and finite.</exception>
    /// <exception cref="T:System.ArgumentException">x is not a floating-point vector, or the Jacobian is not (3, 3).</exception>
    val numfcurl: epsilon: float -> f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> torch.Tensor * torch.Tensor

    /// <summary>The divergence of a vector field, from <c>numjacobian</c>.</summary>
    /// <param name="epsilon">The step, positive and finite.</param>
    /// <param name="f">A function from vectors (n) to vectors (n).</param>
    /// <param name="x">The point, a vector of shape (n).</param>
    /// <returns>A scalar of shape ().</returns>
    /// <exception cref="T:System.ArgumentOutOfRangeException">epsilon is not positive and finite.</exception>
    /// <exception cref="T:System.ArgumentException">x is not a floating-point vector, or the Jacobian is not square.</exception>
    val numdivergence: epsilon: float -> f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> torch.Tensor

    /// <summary>The value and the divergence of a vector field.</summary>
    /// <param name="epsilon">The step, positive and finite.</param>
    /// <param name="f">A function from vectors (n) to vectors (n).</param>
    /// <param name="x">The point, a vector of shape (n).</param>
    /// <returns>f(x) of shape (n) and the divergence of shape ().</returns>
    /// <exception cref="T:System.ArgumentOutOfRangeException">epsilon is not positive and finite.</exception>
    /// <exception cref="T:System.ArgumentException">x is not a floating-point vector, or the Jacobian is not square.</exception>
    val numfdivergence:
        epsilon: float -> f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> torch.Tensor * torch.Tensor

    /// <summary>The curl and the divergence of a vector field.</summary>
    /// <param name="epsilon">The step, positive and finite.</param>
    /// <param name="f">A function from vectors (3) to vectors (3).</param>
    /// <param name="x">The point, a vector of shape (3).</param>
    /// <returns>The curl (3) and the divergence of shape ().</returns>
    /// <exception cref="T:System.ArgumentOutOfRangeException">epsilon is not positive and finite.</exception>
    /// <exception cref="T:System.ArgumentException">x is not a floating-point vector, or the Jacobian is not (3, 3).</exception>
    val numcurldivergence:
        epsilon: float -> f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> torch.Tensor * torch.Tensor

    /// <summary>The value, the curl and the divergence of a vector field.</summary>
    /// <param name="epsilon">The step, positive and finite.</param>
    /// <param name="f">A function from vectors (3) to vectors (3).</param>
    /// <param name="x">The point, a vector of shape (3).</param>
    /// <returns>f(x) and the curl, both of shape (3), and the divergence of shape ().</returns>
    /// <exception cref="T:System.ArgumentOutOfRangeException">epsilon is not positive and finite.</exception>
    /// <exception cref="T:System.ArgumentException">x is not a floating-point vector, or the Jacobian is not (3, 3).</exception>
    val numfcurldivergence:
        epsilon: float ->
        f: (torch.Tensor -> torch.Tensor) ->
        x: torch.Tensor ->
            torch.Tensor * torch.Tensor * torch.Tensor
