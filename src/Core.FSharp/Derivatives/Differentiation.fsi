namespace MappingNets.Core

open TorchSharp

/// <summary>
/// Functional derivatives over libtorch's autograd in DiffSharp's vocabulary and order of arguments, so that a script reads
/// the same: <c>module dsharp = MappingNets.Core.Differentiation</c> makes <c>dsharp.grad f x</c> work. The finite
/// differences stand in <see cref="T:MappingNets.Core.NumericalDifferentiation"/>.
/// </summary>
/// <remarks>
/// <para>
/// Scalars have the shape (), vectors (n); x may have any floating-point dtype and any device, and the results follow it.
/// Every function refuses another dtype, another rank, and a direction v of another shape, dtype or device with an
/// <see cref="T:System.ArgumentException"/> that names x, v or f, and refuses to run under <c>torch.inference_mode</c>
/// with an <see cref="T:System.InvalidOperationException"/>.
/// </para>
/// <para>
/// f is a pure function of torch operations: it may be evaluated more than once, must not change its argument in place,
/// and the tensors that it makes along the way are disposed. Where f does not depend on x, or cuts the graph by
/// <c>detach</c> or <c>no_grad</c>, the derivative is zero. Jacobian-vector products differentiate the covector product
/// once more, since TorchSharp does not expose forward mode. So <c>jacobianv</c>, the Jacobian of a function with more outputs than
/// inputs, and <c>diff</c> of a function with a non-scalar value need an f that autograd can differentiate twice.
/// </para>
/// <para>
/// Derivatives nest to any depth and do not confuse their arguments. A result stays on the caller's autograd graph where
/// x, v or a tensor that f captures requires a gradient, so that it can be differentiated again; otherwise, and always
/// under <c>torch.no_grad</c>, it does not require a gradient and holds no graph. f is evaluated once, and once more at a constant,
/// to find out what it captures, where gradients are enabled and neither x nor v requires one (docs/decisions/0001 says why). Results are new tensors in the caller's dispose scope,
/// or the caller's to dispose.
/// </para>
/// </remarks>
module Differentiation =

    /// <summary>The derivative of a function of a scalar: <c>f'(x)</c>.</summary>
    /// <param name="f">A function of a scalar, with a value of any shape.</param>
    /// <param name="x">The point, a scalar of shape ().</param>
    /// <returns>f'(x), of the shape of f x.</returns>
    /// <exception cref="T:System.ArgumentException">x is not a floating-point scalar, or f x is not floating point.</exception>
    val diff: f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> torch.Tensor

    /// <summary>The value and the derivative: <c>f(x), f'(x)</c>.</summary>
    /// <param name="f">A function of a scalar, with a value of any shape.</param>
    /// <param name="x">The point, a scalar of shape ().</param>
    /// <returns>f(x) and f'(x), both of the shape of f x.</returns>
    /// <exception cref="T:System.ArgumentException">x is not a floating-point scalar, or f x is not floating point.</exception>
    val fdiff: f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> torch.Tensor * torch.Tensor

    /// <summary>The n-th derivative of a function of a scalar.</summary>
    /// <param name="n">The order, at least 0; order 0 is the value itself.</param>
    /// <param name="f">A function of a scalar, with a value of any shape.</param>
    /// <param name="x">The point, a scalar of shape ().</param>
    /// <returns>The n-th derivative, of the shape of f x.</returns>
    /// <exception cref="T:System.ArgumentOutOfRangeException">n is negative.</exception>
    /// <exception cref="T:System.ArgumentException">x is not a floating-point scalar, or f x is not floating point.</exception>
    val diffn: n: int -> f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> torch.Tensor

    /// <summary>The value and the n-th derivative of a function of a scalar.</summary>
    /// <param name="n">The order, at least 0; order 0 is the value itself.</param>
    /// <param name="f">A function of a scalar, with a value of any shape.</param>
    /// <param name="x">The point, a scalar of shape ().</param>
    /// <returns>f(x) and the n-th derivative, both of the shape of f x.</returns>
    /// <exception cref="T:System.ArgumentOutOfRangeException">n is negative.</exception>
    /// <exception cref="T:System.ArgumentException">x is not a floating-point scalar, or f x is not floating point.</exception>
    val fdiffn: n: int -> f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> torch.Tensor * torch.Tensor

    /// <summary>The value and all derivatives up to the n-th of a function of a scalar.</summary>
    /// <param name="n">The order, at least 0; order 0 is the value itself.</param>
    /// <param name="f">A function of a scalar, with a value of any shape.</param>
    /// <param name="x">The point, a scalar of shape ().</param>
    /// <returns>n + 1 tensors of the shape of f x: element k is the k-th derivative.</returns>
    /// <exception cref="T:System.ArgumentOutOfRangeException">n is negative.</exception>
    /// <exception cref="T:System.ArgumentException">x is not a floating-point scalar, or f x is not floating point.</exception>
    val ffdiffn: n: int -> f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> torch.Tensor[]

    /// <summary>The second derivative of a function of a scalar: <c>f''(x)</c>.</summary>
    /// <param name="f">A function of a scalar, with a value of any shape.</param>
    /// <param name="x">The point, a scalar of shape ().</param>
    /// <returns>f''(x), of the shape of f x.</returns>
    /// <exception cref="T:System.ArgumentException">x is not a floating-point scalar, or f x is not floating point.</exception>
    val diff2: f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> torch.Tensor

    /// <summary>The value and the second derivative: <c>f(x), f''(x)</c>.</summary>
    /// <param name="f">A function of a scalar, with a value of any shape.</param>
    /// <param name="x">The point, a scalar of shape ().</param>
    /// <returns>f(x) and f''(x), both of the shape of f x.</returns>
    /// <exception cref="T:System.ArgumentException">x is not a floating-point scalar, or f x is not floating point.</exception>
    val fdiff2: f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> torch.Tensor * torch.Tensor

    /// <summary>The gradient of a scalar-valued function: <c>(df/dx_1, ..., df/dx_n)</c>.</summary>
    /// <param name="f">A scalar-valued function of a vector or of a scalar.</param>
    /// <param name="x">The point, a scalar of shape () or a vector of shape (n).</param>
    /// <returns>The gradient, of the shape of x.</returns>
    /// <exception cref="T:System.ArgumentException">x is neither a floating-point scalar nor vector, or f x is not a scalar.</exception>
    val grad: f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> torch.Tensor

    /// <summary>The value and the gradient of a scalar-valued function.</summary>
    /// <param name="f">A scalar-valued function of a vector or of a scalar.</param>
    /// <param name="x">The point, a scalar of shape () or a vector of shape (n).</param>
    /// <returns>f(x) of shape () and the gradient of the shape of x.</returns>
    /// <exception cref="T:System.ArgumentException">x is neither a floating-point scalar nor vector, or f x is not a scalar.</exception>
    val fgrad: f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> torch.Tensor * torch.Tensor

    /// <summary>The directional derivative: the inner product <c>grad f(x) . v</c>.</summary>
    /// <param name="f">A scalar-valued function of a vector.</param>
    /// <param name="x">The point, a vector of shape (n).</param>
    /// <param name="v">The direction, of shape (n).</param>
    /// <returns>A scalar of shape ().</returns>
    /// <exception cref="T:System.ArgumentException">x is not a floating-point vector, v is not like x, or f x is not a scalar.</exception>
    val gradv: f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> v: torch.Tensor -> torch.Tensor

    /// <summary>The value and the directional derivative.</summary>
    /// <param name="f">A scalar-valued function of a vector.</param>
    /// <param name="x">The point, a vector of shape (n).</param>
    /// <param name="v">The direction, of shape (n).</param>
    /// <returns>f(x) and grad f(x) . v, both of shape ().</returns>
    /// <exception cref="T:System.ArgumentException">x is not a floating-point vector, v is not like x, or f x is not a scalar.</exception>
    val fgradv: f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> v: torch.Tensor -> torch.Tensor * torch.Tensor

    /// <summary>The Jacobian matrix: <c>J[i, j] = df_i/dx_j</c>.</summary>
    /// <param name="f">A function from vectors (n) to vectors (m).</param>
    /// <param name="x">The point, a vector of shape (n).</param>
    /// <returns>J, of shape (m, n).</returns>
    /// <exception cref="T:System.ArgumentException">x or f x is not a floating-point vector.</exception>
    val jacobian: f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> torch.Tensor

    /// <summary>The value and the Jacobian matrix.</summary>
    /// <param name="f">A function from vectors (n) to vectors (m).</param>
    /// <param name="x">The point, a vector of shape (n).</param>
    /// <returns>f(x) of shape (m) and J of shape (m, n).</returns>
    /// <exception cref="T:System.ArgumentException">x or f x is not a floating-point vector.</exception>
    val fjacobian: f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> torch.Tensor * torch.Tensor

    /// <summary>The Jacobian-vector product <c>J v</c>, without forming J.</summary>
    /// <param name="f">A function from vectors (n) to vectors (m).</param>
    /// <param name="x">The point, a vector of shape (n).</param>
    /// <param name="v">The direction, of shape (n).</param>
    /// <returns>J v, of shape (m).</returns>
    /// <exception cref="T:System.ArgumentException">x or f x is not a floating-point vector, or v is not like x.</exception>
    val jacobianv: f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> v: torch.Tensor -> torch.Tensor

    /// <summary>The value and the Jacobian-vector product.</summary>
    /// <param name="f">A function from vectors (n) to vectors (m).</param>
    /// <param name="x">The point, a vector of shape (n).</param>
    /// <param name="v">The direction, of shape (n).</param>
    /// <returns>f(x) and J v, both of shape (m).</returns>
    /// <exception cref="T:System.ArgumentException">x or f x is not a floating-point vector, or v is not like x.</exception>
    val fjacobianv:
        f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> v: torch.Tensor -> torch.Tensor * torch.Tensor

    /// <summary>The transposed product <c>J^T v</c> (vector-Jacobian product), without forming J.</summary>
    /// <param name="f">A function from vectors (n) to vectors (m) or scalars.</param>
    /// <param name="x">The point, a vector of shape (n).</param>
    /// <param name="v">The covector, of the shape of f x.</param>
    /// <returns>J^T v, of shape (n).</returns>
    /// <exception cref="T:System.ArgumentException">x is not a floating-point vector, f x is neither a floating-point scalar nor vector, or v is not like f x.</exception>
    val jacobianTv: f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> v: torch.Tensor -> torch.Tensor

    /// <summary>The value and the transposed product.</summary>
    /// <param name="f">A function from vectors (n) to vectors (m) or scalars.</param>
    /// <param name="x">The point, a vector of shape (n).</param>
    /// <param name="v">The covector, of the shape of f x.</param>
    /// <returns>f(x) and J^T v of shape (n).</returns>
    /// <exception cref="T:System.ArgumentException">x is not a floating-point vector, f x is neither a floating-point scalar nor vector, or v is not like f x.</exception>
    val fjacobianTv:
        f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> v: torch.Tensor -> torch.Tensor * torch.Tensor

    /// <summary>The Hessian matrix: <c>H[i, j] = d2f/dx_i dx_j</c>.</summary>
    /// <param name="f">A scalar-valued function of a vector.</param>
    /// <param name="x">The point, a vector of shape (n).</param>
    /// <returns>H, of shape (n, n).</returns>
    /// <exception cref="T:System.ArgumentException">x is not a floating-point vector, or f x is not a scalar.</exception>
    val hessian: f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> torch.Tensor

    /// <summary>The value and the Hessian matrix.</summary>
    /// <param name="f">A scalar-valued function of a vector.</param>
    /// <param name="x">The point, a vector of shape (n).</param>
    /// <returns>f(x) of shape () and H of shape (n, n).</returns>
    /// <exception cref="T:System.ArgumentException">x is not a floating-point vector, or f x is not a scalar.</exception>
    val fhessian: f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> torch.Tensor * torch.Tensor

    /// <summary>The Hessian-vector product <c>H v</c>, without forming H.</summary>
    /// <param name="f">A scalar-valued function of a vector.</param>
    /// <param name="x">The point, a vector of shape (n).</param>
    /// <param name="v">The direction, of shape (n).</param>
    /// <returns>H v, of shape (n).</returns>
    /// <exception cref="T:System.ArgumentException">x is not a floating-point vector, v is not like x, or f x is not a scalar.</exception>
    val hessianv: f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> v: torch.Tensor -> torch.Tensor

    /// <summary>The value and the Hessian-vector product.</summary>
    /// <param name="f">A scalar-valued function of a vector.</param>
    /// <param name="x">The point, a vector of shape (n).</param>
    /// <param name="v">The direction, of shape (n).</param>
    /// <returns>f(x) of shape () and H v of shape (n).</returns>
    /// <exception cref="T:System.ArgumentException">x is not a floating-point vector, v is not like x, or f x is not a scalar.</exception>
    val fhessianv:
        f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> v: torch.Tensor -> torch.Tensor * torch.Tensor

    /// <summary>The gradient and the Hessian matrix.</summary>
    /// <param name="f">A scalar-valued function of a vector.</param>
    /// <param name="x">The point, a vector of shape (n).</param>
    /// <returns>The gradient (n) and H (n, n).</returns>
    /// <exception cref="T:System.ArgumentException">x is not a floating-point vector, or f x is not a scalar.</exception>
    val gradhessian: f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> torch.Tensor * torch.Tensor

    /// <summary>The value, the gradient and the Hessian matrix.</summary>
    /// <param name="f">A scalar-valued function of a vector.</param>
    /// <param name="x">The point, a vector of shape (n).</param>
    /// <returns>f(x) of shape (), the gradient (n) and H (n, n).</returns>
    /// <exception cref="T:System.ArgumentException">x is not a floating-point vector, or f x is not a scalar.</exception>
    val fgradhessian: f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> torch.Tensor * torch.Tensor * torch.Tensor

    /// <summary>The directional derivative and the Hessian-vector product.</summary>
    /// <param name="f">A scalar-valued function of a vector.</param>
    /// <param name="x">The point, a vector of shape (n).</param>
    /// <param name="v">The direction, of shape (n).</param>
    /// <returns>grad f(x) . v of shape () and H v of shape (n).</returns>
    /// <exception cref="T:System.ArgumentException">x is not a floating-point vector, v is not like x, or f x is not a scalar.</exception>
    val gradhessianv:
        f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> v: torch.Tensor -> torch.Tensor * torch.Tensor

    /// <summary>The value, the directional derivative and the Hessian-vector product.</summary>
    /// <param name="f">A scalar-valued function of a vector.</param>
    /// <param name="x">The point, a vector of shape (n).</param>
    /// <param name="v">The direction, of shape (n).</param>
    /// <returns>f(x) and grad f(x) . v of shape (), and H v of shape (n).</returns>
    /// <exception cref="T:System.ArgumentException">x is not a floating-point vector, v is not like x, or f x is not a scalar.</exception>
    val fgradhessianv:
        f: (torch.Tensor -> torch.Tensor) ->
        x: torch.Tensor ->
        v: torch.Tensor ->
            torch.Tensor * torch.Tensor * torch.Tensor

    /// <summary>The Laplacian, the trace of the Hessian: the sum of <c>d2f/dx_i2</c>.</summary>
    /// <param name="f">A scalar-valued function of a vector.</param>
    /// <param name="x">The point, a vector of shape (n).</param>
    /// <returns>A scalar of shape ().</returns>
    /// <exception cref="T:System.ArgumentException">x is not a floating-point vector, or f x is not a scalar.</exception>
    val laplacian: f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> torch.Tensor

    /// <summary>The value and the Laplacian.</summary>
    /// <param name="f">A scalar-valued function of a vector.</param>
    /// <param name="x">The point, a vector of shape (n).</param>
    /// <returns>f(x) and the Laplacian, both of shape ().</returns>
    /// <exception cref="T:System.ArgumentException">x is not a floating-point vector, or f x is not a scalar.</exception>
    val flaplacian: f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> torch.Tensor * torch.Tensor

    /// <summary>The curl of a vector field: <c>(J[2,1] - J[1,2], J[0,2] - J[2,0], J[1,0] - J[0,1])</c>, J the Jacobian.</summary>
    /// <param name="f">A function from vectors (3) to vectors (3).</param>
    /// <param name="x">The point, a vector of shape (3).</param>
    /// <returns>The curl, of shape (3).</returns>
    /// <exception cref="T:System.ArgumentException">x is not a floating-point vector, or the Jacobian is not (3, 3).</exception>
    val curl: f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> torch.Tensor

    /// <summary>The value and the curl of a vector field.</summary>
    /// <param name="f">A function from vectors (3) to vectors (3).</param>
    /// <param name="x">The point, a vector of shape (3).</param>
    /// <returns>f(x) and the curl, both of shape (3).</returns>
    /// <exception cref="T:System.ArgumentException">x is not a floating-point vector, or the Jacobian is not (3, 3).</exception>
    val fcurl: f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> torch.Tensor * torch.Tensor

    /// <summary>The divergence of a vector field, the trace of its Jacobian: the sum of <c>df_i/dx_i</c>.</summary>
    /// <param name="f">A function from vectors (n) to vectors (n).</param>
    /// <param name="x">The point, a vector of shape (n).</param>
    /// <returns>A scalar of shape ().</returns>
    /// <exception cref="T:System.ArgumentException">x is not a floating-point vector, or the Jacobian is not square.</exception>
    val divergence: f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> torch.Tensor

    /// <summary>The value and the divergence of a vector field.</summary>
    /// <param name="f">A function from vectors (n) to vectors (n).</param>
    /// <param name="x">The point, a vector of shape (n).</param>
    /// <returns>f(x) of shape (n) and the divergence of shape ().</returns>
    /// <exception cref="T:System.ArgumentException">x is not a floating-point vector, or the Jacobian is not square.</exception>
    val fdivergence: f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> torch.Tensor * torch.Tensor

    /// <summary>The curl and the divergence of a vector field.</summary>
    /// <param name="f">A function from vectors (3) to vectors (3).</param>
    /// <param name="x">The point, a vector of shape (3).</param>
    /// <returns>The curl (3) and the divergence of shape ().</returns>
    /// <exception cref="T:System.ArgumentException">x is not a floating-point vector, or the Jacobian is not (3, 3).</exception>
    val curldivergence: f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> torch.Tensor * torch.Tensor

    /// <summary>The value, the curl and the divergence of a vector field.</summary>
    /// <param name="f">A function from vectors (3) to vectors (3).</param>
    /// <param name="x">The point, a vector of shape (3).</param>
    /// <returns>f(x) and the curl, both of shape (3), and the divergence of shape ().</returns>
    /// <exception cref="T:System.ArgumentException">x is not a floating-point vector, or the Jacobian is not (3, 3).</exception>
    val fcurldivergence:
        f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> torch.Tensor * torch.Tensor * torch.Tensor
