namespace MappingNets.Core

open System
open TorchSharp

module internal DerivativeShapes =

    let private refuse (argument: string) message =
        raise (ArgumentException(message, argument))

    let private requireFloating argument subject (tensor: torch.Tensor) =
        if not (tensor.is_floating_point ()) then
            refuse argument $"{subject} has the dtype {tensor.dtype}; a derivative needs a floating-point dtype."

    let private isVector (tensor: torch.Tensor) =
        tensor.dim () = 1L && tensor.numel () > 0L

    let private requireShape argument subject expected accepted (tensor: torch.Tensor) =
        requireFloating argument subject tensor

        if not (accepted tensor) then
            refuse argument $"{subject} has the shape {shapeText tensor.shape}; it must be {expected}."

    let private isScalar (tensor: torch.Tensor) = tensor.dim () = 0L
    let private isScalarOrVector tensor = isScalar tensor || isVector tensor

    [<Literal>]
    let private Scalar = "a scalar of shape ()"

    [<Literal>]
    let private Vector = "a vector of shape (n), n at least 1"

    [<Literal>]
    let private ScalarOrVector =
        "a scalar of shape () or a vector of shape (n), n at least 1"

    let requireScalar x = requireShape "x" "x" Scalar isScalar x
    let requireVector x = requireShape "x" "x" Vector isVector x

    let requireScalarOrVector x =
        requireShape "x" "x" ScalarOrVector isScalarOrVector x

    let requireDirection (reference: string) (like: torch.Tensor) (v: torch.Tensor) =
        if v.shape <> like.shape then
            refuse
                "v"
                $"v has the shape {shapeText v.shape}; it must be {shapeText like.shape}, the shape of {reference}."

        if v.dtype <> like.dtype then
            refuse "v" $"v has the dtype {v.dtype}; it must be {like.dtype}, the dtype of {reference}."

        if string v.device <> string like.device then
            refuse "v" $"v is on the device {v.device}; it must be on {like.device}, the device of {reference}."

    let requireFloatingValue value = requireFloating "f" "f x" value

    let requireScalarValue value =
        requireShape "f" "f x" Scalar isScalar value

    let requireVectorValue value =
        requireShape "f" "f x" Vector isVector value

    let requireScalarOrVectorValue value =
        requireShape "f" "f x" ScalarOrVector isScalarOrVector value

    let unitVectors (vector: torch.Tensor) =
        torch.eye(vector.numel (), dtype = vector.dtype, device = vector.device).unbind (0)

    let curlOf (jacobian: torch.Tensor) =
        if jacobian.shape <> [| 3L; 3L |] then
            refuse
                "f"
                $"f has a Jacobian of the shape {shapeText jacobian.shape}; the curl needs (3, 3): f maps 3-vectors to 3-vectors."

        let rotation (row: int64) (column: int64) =
            jacobian[row, column] - jacobian[column, row]

        torch.stack ([| rotation 2L 1L; rotation 0L 2L; rotation 1L 0L |], 0L)

    let divergenceOf (jacobian: torch.Tensor) =
        if jacobian.shape[0] <> jacobian.shape[1] then
            refuse
                "f"
                $"f has a Jacobian of the shape {shapeText jacobian.shape}; the divergence needs a square one: f maps n-vectors to n-vectors."

        // trace has no kernel for half precision.
        jacobian.diagonal().sum ()

    let derivativeOnly (value: torch.Tensor, derivative: torch.Tensor) =
        value.Dispose()
        derivative

    let derivativesOnly (value: torch.Tensor, first: torch.Tensor, second: torch.Tensor) =
        value.Dispose()
        first, second
