namespace MappingNets.Core

open TorchSharp

/// <summary>
/// DiffSharp's vocabulary in one module, so that its scripts read the same: the derivatives of
/// <see cref="T:MappingNets.Core.Differentiation"/>, the finite differences of
/// <see cref="T:MappingNets.Core.NumericalDifferentiation"/> (<c>num...</c>), DiffSharp's short forms of both (g gradient, h Hessian, j Jacobian, vp product
/// with a vector, f with the value), and its way of marking tensors by hand. What holds for the two modules
/// holds here. Which scripts of DiffSharp's port and which do not is said in docs/decisions/0001.
/// </summary>
/// <remarks>
/// <c>forwardDiff</c> is not here: it needs tensors that carry their derivative forwards, which libtorch has and TorchSharp does not expose.
/// <c>jvp</c> gives the same products.
/// </remarks>
[<RequireQualifiedAccess>]
module dsharp =

    /// <summary>A tensor of double precision from F# values, whatever torch's default type is.</summary>
    /// <param name="values">
    /// A number, or arrays, lists or sequences of numbers, nested to any depth and of equal lengths at each; numbers are float, float32, int or
    /// int64.
    /// </param>
    /// <exception cref="T:System.ArgumentException">A value is no number, or the lengths differ.</exception>
    val tensor: values: obj -> torch.Tensor

    /// <summary>Tensors of one shape behind one another, along a new first dimension; of scalars a vector.</summary>
    /// <param name="tensors">At least one.</param>
    val stack: tensors: torch.Tensor seq -> torch.Tensor

    /// <summary>The number of a scalar tensor.</summary>
    /// <param name="scalar">Shape ().</param>
    /// <exception cref="T:System.ArgumentException">It has another shape.</exception>
    val toFloat: scalar: torch.Tensor -> float

    /// <summary>The numbers of a vector.</summary>
    /// <param name="vector">Shape (n).</param>
    /// <exception cref="T:System.ArgumentException">It has another shape.</exception>
    val toFloats: vector: torch.Tensor -> float list

    /// <summary>A nesting level. libtorch's graphs keep nested derivatives apart by themselves, so one level serves all: it is 0.</summary>
    val nest: unit -> uint32

    /// <summary>A leaf of a new graph with the tensor's values, of which <see cref="M:MappingNets.Core.dsharp.derivative"/> tells the adjoint after <see cref="M:MappingNets.Core.dsharp.reverse"/>.</summary>
    /// <param name="tag">The nesting level; libtorch needs none, and it is not read.</param>
    /// <param name="tensor">Floating point, any shape.</param>
    /// <exception cref="T:System.ArgumentException">The tensor is not floating point.</exception>
    val reverseDiff: tag: uint32 -> tensor: torch.Tensor -> torch.Tensor

    /// <summary>The tensor's values off every graph.</summary>
    /// <param name="tensor">Any tensor.</param>
    val noDiff: tensor: torch.Tensor -> torch.Tensor

    /// <summary>The same as <see cref="M:MappingNets.Core.dsharp.noDiff"/>, by DiffSharp's other name.</summary>
    /// <param name="tensor">Any tensor.</param>
    val primal: tensor: torch.Tensor -> torch.Tensor

    /// <summary>Carries an adjoint from a value back to the leaves that <see cref="M:MappingNets.Core.dsharp.reverseDiff"/> made; what they had is added to.</summary>
    /// <param name="value">The adjoint, of the tensor's shape.</param>
    /// <param name="tensor">A tensor that depends on such leaves.</param>
    /// <exception cref="T:System.ArgumentException">The shapes differ, or the tensor depends on no leaf.</exception>
    val reverse: value: torch.Tensor -> tensor: torch.Tensor -> unit

    /// <summary>The adjoint that <see cref="M:MappingNets.Core.dsharp.reverse"/> left at a leaf; zero where none arrived.</summary>
    /// <param name="tensor">A leaf from <see cref="M:MappingNets.Core.dsharp.reverseDiff"/>.</param>
    val derivative: tensor: torch.Tensor -> torch.Tensor

    // Derivatives by autograd.
    /// <inheritdoc cref="M:MappingNets.Core.Differentiation.diff"/>
    val diff: f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> torch.Tensor
    /// <inheritdoc cref="M:MappingNets.Core.Differentiation.fdiff"/>
    val fdiff: f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> torch.Tensor * torch.Tensor
    /// <inheritdoc cref="M:MappingNets.Core.Differentiation.diffn"/>
    val diffn: n: int -> f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> torch.Tensor
    /// <inheritdoc cref="M:MappingNets.Core.Differentiation.fdiffn"/>
    val fdiffn: n: int -> f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> torch.Tensor * torch.Tensor
    /// <inheritdoc cref="M:MappingNets.Core.Differentiation.ffdiffn"/>
    val ffdiffn: n: int -> f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> torch.Tensor[]
    /// <inheritdoc cref="M:MappingNets.Core.Differentiation.diff2"/>
    val diff2: f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> torch.Tensor
    /// <inheritdoc cref="M:MappingNets.Core.Differentiation.fdiff2"/>
    val fdiff2: f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> torch.Tensor * torch.Tensor
    /// <inheritdoc cref="M:MappingNets.Core.Differentiation.grad"/>
    val grad: f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> torch.Tensor
    /// <inheritdoc cref="M:MappingNets.Core.Differentiation.fgrad"/>
    val fgrad: f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> torch.Tensor * torch.Tensor
    /// <inheritdoc cref="M:MappingNets.Core.Differentiation.gradv"/>
    val gradv: f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> v: torch.Tensor -> torch.Tensor
    /// <inheritdoc cref="M:MappingNets.Core.Differentiation.fgradv"/>
    val fgradv: f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> v: torch.Tensor -> torch.Tensor * torch.Tensor
    /// <inheritdoc cref="M:MappingNets.Core.Differentiation.jacobian"/>
    val jacobian: f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> torch.Tensor
    /// <inheritdoc cref="M:MappingNets.Core.Differentiation.fjacobian"/>
    val fjacobian: f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> torch.Tensor * torch.Tensor
    /// <inheritdoc cref="M:MappingNets.Core.Differentiation.jacobianv"/>
    val jacobianv: f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> v: torch.Tensor -> torch.Tensor

    /// <inheritdoc cref="M:MappingNets.Core.Differentiation.fjacobianv"/>
    val fjacobianv:
        f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> v: torch.Tensor -> torch.Tensor * torch.Tensor

    /// <inheritdoc cref="M:MappingNets.Core.Differentiation.jacobianTv"/>
    val jacobianTv: f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> v: torch.Tensor -> torch.Tensor

    /// <inheritdoc cref="M:MappingNets.Core.Differentiation.fjacobianTv"/>
    val fjacobianTv:
        f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> v: torch.Tensor -> torch.Tensor * torch.Tensor

    /// <inheritdoc cref="M:MappingNets.Core.Differentiation.hessian"/>
    val hessian: f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> torch.Tensor
    /// <inheritdoc cref="M:MappingNets.Core.Differentiation.fhessian"/>
    val fhessian: f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> torch.Tensor * torch.Tensor
    /// <inheritdoc cref="M:MappingNets.Core.Differentiation.hessianv"/>
    val hessianv: f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> v: torch.Tensor -> torch.Tensor

    /// <inheritdoc cref="M:MappingNets.Core.Differentiation.fhessianv"/>
    val fhessianv:
        f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> v: torch.Tensor -> torch.Tensor * torch.Tensor

    /// <inheritdoc cref="M:MappingNets.Core.Differentiation.gradhessian"/>
    val gradhessian: f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> torch.Tensor * torch.Tensor
    /// <inheritdoc cref="M:MappingNets.Core.Differentiation.fgradhessian"/>
    val fgradhessian: f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> torch.Tensor * torch.Tensor * torch.Tensor

    /// <inheritdoc cref="M:MappingNets.Core.Differentiation.gradhessianv"/>
    val gradhessianv:
        f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> v: torch.Tensor -> torch.Tensor * torch.Tensor

    /// <inheritdoc cref="M:MappingNets.Core.Differentiation.fgradhessianv"/>
    val fgradhessianv:
        f: (torch.Tensor -> torch.Tensor) ->
        x: torch.Tensor ->
        v: torch.Tensor ->
            torch.Tensor * torch.Tensor * torch.Tensor

    /// <inheritdoc cref="M:MappingNets.Core.Differentiation.laplacian"/>
    val laplacian: f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> torch.Tensor
    /// <inheritdoc cref="M:MappingNets.Core.Differentiation.flaplacian"/>
    val flaplacian: f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> torch.Tensor * torch.Tensor
    /// <inheritdoc cref="M:MappingNets.Core.Differentiation.curl"/>
    val curl: f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> torch.Tensor
    /// <inheritdoc cref="M:MappingNets.Core.Differentiation.fcurl"/>
    val fcurl: f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> torch.Tensor * torch.Tensor
    /// <inheritdoc cref="M:MappingNets.Core.Differentiation.divergence"/>
    val divergence: f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> torch.Tensor
    /// <inheritdoc cref="M:MappingNets.Core.Differentiation.fdivergence"/>
    val fdivergence: f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> torch.Tensor * torch.Tensor
    /// <inheritdoc cref="M:MappingNets.Core.Differentiation.curldivergence"/>
    val curldivergence: f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> torch.Tensor * torch.Tensor

    /// <inheritdoc cref="M:MappingNets.Core.Differentiation.fcurldivergence"/>
    val fcurldivergence:
        f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> torch.Tensor * torch.Tensor * torch.Tensor

    // Finite differences; epsilon is the step.
    /// <inheritdoc cref="M:MappingNets.Core.NumericalDifferentiation.numdiff"/>
    val numdiff: epsilon: float -> f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> torch.Tensor
    /// <inheritdoc cref="M:MappingNets.Core.NumericalDifferentiation.numfdiff"/>
    val numfdiff: epsilon: float -> f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> torch.Tensor * torch.Tensor
    /// <inheritdoc cref="M:MappingNets.Core.NumericalDifferentiation.numdiff2"/>
    val numdiff2: epsilon: float -> f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> torch.Tensor
    /// <inheritdoc cref="M:MappingNets.Core.NumericalDifferentiation.numfdiff2"/>
    val numfdiff2: epsilon: float -> f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> torch.Tensor * torch.Tensor
    /// <inheritdoc cref="M:MappingNets.Core.NumericalDifferentiation.numgrad"/>
    val numgrad: epsilon: float -> f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> torch.Tensor
    /// <inheritdoc cref="M:MappingNets.Core.NumericalDifferentiation.numfgrad"/>
    val numfgrad: epsilon: float -> f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> torch.Tensor * torch.Tensor

    /// <inheritdoc cref="M:MappingNets.Core.NumericalDifferentiation.numgradv"/>
    val numgradv:
        epsilon: float -> f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> v: torch.Tensor -> torch.Tensor

    /// <inheritdoc cref="M:MappingNets.Core.NumericalDifferentiation.numfgradv"/>
    val numfgradv:
        epsilon: float ->
        f: (torch.Tensor -> torch.Tensor) ->
        x: torch.Tensor ->
        v: torch.Tensor ->
            torch.Tensor * torch.Tensor

    /// <inheritdoc cref="M:MappingNets.Core.NumericalDifferentiation.numjacobian"/>
    val numjacobian: epsilon: float -> f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> torch.Tensor

    /// <inheritdoc cref="M:MappingNets.Core.NumericalDifferentiation.numfjacobian"/>
    val numfjacobian:
        epsilon: float -> f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> torch.Tensor * torch.Tensor

    /// <inheritdoc cref="M:MappingNets.Core.NumericalDifferentiation.numjacobianv"/>
    val numjacobianv:
        epsilon: float -> f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> v: torch.Tensor -> torch.Tensor

    /// <inheritdoc cref="M:MappingNets.Core.NumericalDifferentiation.numfjacobianv"/>
    val numfjacobianv:
        epsilon: float ->
        f: (torch.Tensor -> torch.Tensor) ->
        x: torch.Tensor ->
        v: torch.Tensor ->
            torch.Tensor * torch.Tensor

    /// <inheritdoc cref="M:MappingNets.Core.NumericalDifferentiation.numjacobianTv"/>
    val numjacobianTv:
        epsilon: float -> f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> v: torch.Tensor -> torch.Tensor

    /// <inheritdoc cref="M:MappingNets.Core.NumericalDifferentiation.numfjacobianTv"/>
    val numfjacobianTv:
        epsilon: float ->
        f: (torch.Tensor -> torch.Tensor) ->
        x: torch.Tensor ->
        v: torch.Tensor ->
            torch.Tensor * torch.Tensor

    /// <inheritdoc cref="M:MappingNets.Core.NumericalDifferentiation.numhessian"/>
    val numhessian: epsilon: float -> f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> torch.Tensor

    /// <inheritdoc cref="M:MappingNets.Core.NumericalDifferentiation.numfhessian"/>
    val numfhessian:
        epsilon: float -> f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> torch.Tensor * torch.Tensor

    /// <inheritdoc cref="M:MappingNets.Core.NumericalDifferentiation.numhessianv"/>
    val numhessianv:
        epsilon: float -> f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> v: torch.Tensor -> torch.Tensor

    /// <inheritdoc cref="M:MappingNets.Core.NumericalDifferentiation.numfhessianv"/>
    val numfhessianv:
        epsilon: float ->
        f: (torch.Tensor -> torch.Tensor) ->
        x: torch.Tensor ->
        v: torch.Tensor ->
            torch.Tensor * torch.Tensor

    /// <inheritdoc cref="M:MappingNets.Core.NumericalDifferentiation.numgradhessian"/>
    val numgradhessian:
        epsilon: float -> f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> torch.Tensor * torch.Tensor

    /// <inheritdoc cref="M:MappingNets.Core.NumericalDifferentiation.numfgradhessian"/>
    val numfgradhessian:
        epsilon: float ->
        f: (torch.Tensor -> torch.Tensor) ->
        x: torch.Tensor ->
            torch.Tensor * torch.Tensor * torch.Tensor

    /// <inheritdoc cref="M:MappingNets.Core.NumericalDifferentiation.numgradhessianv"/>
    val numgradhessianv:
        epsilon: float ->
        f: (torch.Tensor -> torch.Tensor) ->
        x: torch.Tensor ->
        v: torch.Tensor ->
            torch.Tensor * torch.Tensor

    /// <inheritdoc cref="M:MappingNets.Core.NumericalDifferentiation.numfgradhessianv"/>
    val numfgradhessianv:
        epsilon: float ->
        f: (torch.Tensor -> torch.Tensor) ->
        x: torch.Tensor ->
        v: torch.Tensor ->
            torch.Tensor * torch.Tensor * torch.Tensor

    /// <inheritdoc cref="M:MappingNets.Core.NumericalDifferentiation.numlaplacian"/>
    val numlaplacian: epsilon: float -> f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> torch.Tensor

    /// <inheritdoc cref="M:MappingNets.Core.NumericalDifferentiation.numflaplacian"/>
    val numflaplacian:
        epsilon: float -> f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> torch.Tensor * torch.Tensor

    /// <inheritdoc cref="M:MappingNets.Core.NumericalDifferentiation.numcurl"/>
    val numcurl: epsilon: float -> f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> torch.Tensor
    /// <inheritdoc cref="M:MappingNets.Core.NumericalDifferentiation.numfcurl"/>
    val numfcurl: epsilon: float -> f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> torch.Tensor * torch.Tensor
    /// <inheritdoc cref="M:MappingNets.Core.NumericalDifferentiation.numdivergence"/>
    val numdivergence: epsilon: float -> f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> torch.Tensor

    /// <inheritdoc cref="M:MappingNets.Core.NumericalDifferentiation.numfdivergence"/>
    val numfdivergence:
        epsilon: float -> f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> torch.Tensor * torch.Tensor

    /// <inheritdoc cref="M:MappingNets.Core.NumericalDifferentiation.numcurldivergence"/>
    val numcurldivergence:
        epsilon: float -> f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> torch.Tensor * torch.Tensor

    /// <inheritdoc cref="M:MappingNets.Core.NumericalDifferentiation.numfcurldivergence"/>
    val numfcurldivergence:
        epsilon: float ->
        f: (torch.Tensor -> torch.Tensor) ->
        x: torch.Tensor ->
            torch.Tensor * torch.Tensor * torch.Tensor

    // DiffSharp's short forms.
    /// <summary>Short for <see cref="M:MappingNets.Core.dsharp.grad"/>.</summary>
    val g: f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> torch.Tensor
    /// <summary>Short for <see cref="M:MappingNets.Core.dsharp.fgrad"/>.</summary>
    val fg: f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> torch.Tensor * torch.Tensor
    /// <summary>Short for <see cref="M:MappingNets.Core.dsharp.gradv"/>.</summary>
    val gvp: f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> v: torch.Tensor -> torch.Tensor
    /// <summary>Short for <see cref="M:MappingNets.Core.dsharp.fgradv"/>.</summary>
    val fgvp: f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> v: torch.Tensor -> torch.Tensor * torch.Tensor
    /// <summary>Short for <see cref="M:MappingNets.Core.dsharp.hessian"/>.</summary>
    val h: f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> torch.Tensor
    /// <summary>Short for <see cref="M:MappingNets.Core.dsharp.fhessian"/>.</summary>
    val fh: f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> torch.Tensor * torch.Tensor
    /// <summary>Short for <see cref="M:MappingNets.Core.dsharp.hessianv"/>.</summary>
    val hvp: f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> v: torch.Tensor -> torch.Tensor
    /// <summary>Short for <see cref="M:MappingNets.Core.dsharp.fhessianv"/>.</summary>
    val fhvp: f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> v: torch.Tensor -> torch.Tensor * torch.Tensor
    /// <summary>Short for <see cref="M:MappingNets.Core.dsharp.gradhessian"/>.</summary>
    val gh: f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> torch.Tensor * torch.Tensor
    /// <summary>Short for <see cref="M:MappingNets.Core.dsharp.fgradhessian"/>.</summary>
    val fgh: f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> torch.Tensor * torch.Tensor * torch.Tensor
    /// <summary>Short for <see cref="M:MappingNets.Core.dsharp.gradhessianv"/>.</summary>
    val ghvp: f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> v: torch.Tensor -> torch.Tensor * torch.Tensor

    /// <summary>Short for <see cref="M:MappingNets.Core.dsharp.fgradhessianv"/>.</summary>
    val fghvp:
        f: (torch.Tensor -> torch.Tensor) ->
        x: torch.Tensor ->
        v: torch.Tensor ->
            torch.Tensor * torch.Tensor * torch.Tensor

    /// <summary>Short for <see cref="M:MappingNets.Core.dsharp.jacobian"/>.</summary>
    val j: f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> torch.Tensor
    /// <summary>Short for <see cref="M:MappingNets.Core.dsharp.fjacobian"/>.</summary>
    val fj: f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> torch.Tensor * torch.Tensor
    /// <summary>Short for <see cref="M:MappingNets.Core.dsharp.jacobianv"/>.</summary>
    val jvp: f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> v: torch.Tensor -> torch.Tensor
    /// <summary>Short for <see cref="M:MappingNets.Core.dsharp.fjacobianv"/>.</summary>
    val fjvp: f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> v: torch.Tensor -> torch.Tensor * torch.Tensor
    /// <summary>Short for <see cref="M:MappingNets.Core.dsharp.jacobianTv"/>.</summary>
    val vjp: f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> v: torch.Tensor -> torch.Tensor
    /// <summary>Short for <see cref="M:MappingNets.Core.dsharp.fjacobianTv"/>.</summary>
    val fvjp: f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> v: torch.Tensor -> torch.Tensor * torch.Tensor
    /// <summary>Short for <see cref="M:MappingNets.Core.dsharp.numgrad"/>.</summary>
    val numg: epsilon: float -> f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> torch.Tensor
    /// <summary>Short for <see cref="M:MappingNets.Core.dsharp.numfgrad"/>.</summary>
    val numfg: epsilon: float -> f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> torch.Tensor * torch.Tensor

    /// <summary>Short for <see cref="M:MappingNets.Core.dsharp.numgradv"/>.</summary>
    val numgvp:
        epsilon: float -> f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> v: torch.Tensor -> torch.Tensor

    /// <summary>Short for <see cref="M:MappingNets.Core.dsharp.numfgradv"/>.</summary>
    val numfgvp:
        epsilon: float ->
        f: (torch.Tensor -> torch.Tensor) ->
        x: torch.Tensor ->
        v: torch.Tensor ->
            torch.Tensor * torch.Tensor

    /// <summary>Short for <see cref="M:MappingNets.Core.dsharp.numhessian"/>.</summary>
    val numh: epsilon: float -> f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> torch.Tensor
    /// <summary>Short for <see cref="M:MappingNets.Core.dsharp.numfhessian"/>.</summary>
    val numfh: epsilon: float -> f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> torch.Tensor * torch.Tensor

    /// <summary>Short for <see cref="M:MappingNets.Core.dsharp.numhessianv"/>.</summary>
    val numhvp:
        epsilon: float -> f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> v: torch.Tensor -> torch.Tensor

    /// <summary>Short for <see cref="M:MappingNets.Core.dsharp.numfhessianv"/>.</summary>
    val numfhvp:
        epsilon: float ->
        f: (torch.Tensor -> torch.Tensor) ->
        x: torch.Tensor ->
        v: torch.Tensor ->
            torch.Tensor * torch.Tensor

    /// <summary>Short for <see cref="M:MappingNets.Core.dsharp.numgradhessian"/>.</summary>
    val numgh: epsilon: float -> f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> torch.Tensor * torch.Tensor

    /// <summary>Short for <see cref="M:MappingNets.Core.dsharp.numfgradhessian"/>.</summary>
    val numfgh:
        epsilon: float ->
        f: (torch.Tensor -> torch.Tensor) ->
        x: torch.Tensor ->
            torch.Tensor * torch.Tensor * torch.Tensor

    /// <summary>Short for <see cref="M:MappingNets.Core.dsharp.numgradhessianv"/>.</summary>
    val numghvp:
        epsilon: float ->
        f: (torch.Tensor -> torch.Tensor) ->
        x: torch.Tensor ->
        v: torch.Tensor ->
            torch.Tensor * torch.Tensor

    /// <summary>Short for <see cref="M:MappingNets.Core.dsharp.numfgradhessianv"/>.</summary>
    val numfghvp:
        epsilon: float ->
        f: (torch.Tensor -> torch.Tensor) ->
        x: torch.Tensor ->
        v: torch.Tensor ->
            torch.Tensor * torch.Tensor * torch.Tensor

    /// <summary>Short for <see cref="M:MappingNets.Core.dsharp.numjacobian"/>.</summary>
    val numj: epsilon: float -> f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> torch.Tensor
    /// <summary>Short for <see cref="M:MappingNets.Core.dsharp.numfjacobian"/>.</summary>
    val numfj: epsilon: float -> f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> torch.Tensor * torch.Tensor

    /// <summary>Short for <see cref="M:MappingNets.Core.dsharp.numjacobianv"/>.</summary>
    val numjvp:
        epsilon: float -> f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> v: torch.Tensor -> torch.Tensor

    /// <summary>Short for <see cref="M:MappingNets.Core.dsharp.numfjacobianv"/>.</summary>
    val numfjvp:
        epsilon: float ->
        f: (torch.Tensor -> torch.Tensor) ->
        x: torch.Tensor ->
        v: torch.Tensor ->
            torch.Tensor * torch.Tensor

    /// <summary>Short for <see cref="M:MappingNets.Core.dsharp.numjacobianTv"/>.</summary>
    val numvjp:
        epsilon: float -> f: (torch.Tensor -> torch.Tensor) -> x: torch.Tensor -> v: torch.Tensor -> torch.Tensor

    /// <summary>Short for <see cref="M:MappingNets.Core.dsharp.numfjacobianTv"/>.</summary>
    val numfvjp:
        epsilon: float ->
        f: (torch.Tensor -> torch.Tensor) ->
        x: torch.Tensor ->
        v: torch.Tensor ->
            torch.Tensor * torch.Tensor
