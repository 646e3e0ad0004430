namespace MappingNets.Core

open TorchSharp

/// What every derivative asks of its point, its direction and its function, and the small pieces of vector calculus that
/// the automatic and the numerical derivatives share.
module internal DerivativeShapes =

    /// A scalar x: floating point, rank 0. Raises ArgumentException naming x otherwise.
    val requireScalar: x: torch.Tensor -> unit

    /// A vector x: floating point, rank 1, at least one element. Raises ArgumentException naming x otherwise.
    val requireVector: x: torch.Tensor -> unit

    /// A scalar or a vector x, by the two rules above.
    val requireScalarOrVector: x: torch.Tensor -> unit

    /// A direction v with the shape, dtype and device of the tensor called reference. Raises ArgumentException naming v.
    val requireDirection: reference: string -> like: torch.Tensor -> v: torch.Tensor -> unit

    /// f's value is floating point, of any shape. Raises ArgumentException naming f.
    val requireFloatingValue: value: torch.Tensor -> unit

    /// f's value is a floating-point scalar (rank 0). Raises ArgumentException naming f.
    val requireScalarValue: value: torch.Tensor -> unit

    /// f's value is a floating-point vector (rank 1, at least one element). Raises ArgumentException naming f.
    val requireVectorValue: value: torch.Tensor -> unit

    /// f's value is a floating-point scalar or vector. Raises ArgumentException naming f.
    val requireScalarOrVectorValue: value: torch.Tensor -> unit

    /// The rows of the identity matrix with the vector's length, dtype and device.
    val unitVectors: vector: torch.Tensor -> torch.Tensor[]

    /// Curl (3) of a 3 x 3 Jacobian. Raises ArgumentException naming f for any other shape.
    val curlOf: jacobian: torch.Tensor -> torch.Tensor

    /// Divergence (a scalar) of a square Jacobian: its trace. Raises ArgumentException naming f for any other shape.
    val divergenceOf: jacobian: torch.Tensor -> torch.Tensor

    /// The derivative alone: disposes of the value that came with it.
    val derivativeOnly: value: torch.Tensor * derivative: torch.Tensor -> torch.Tensor

    /// Both derivatives alone: disposes of the value that came with them.
    val derivativesOnly: value: torch.Tensor * first: torch.Tensor * second: torch.Tensor -> torch.Tensor * torch.Tensor
