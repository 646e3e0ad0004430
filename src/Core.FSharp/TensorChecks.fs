/// What every door of this assembly checks, and how shapes read in its messages.
[<AutoOpen>]
module internal MappingNets.Core.TensorChecks

open System
open System.Runtime.InteropServices
open TorchSharp

/// "(64, 32, 3, 3)"
let shapeText (shape: int64[]) =
    let sizes = String.Join(", ", shape)
    $"({sizes})"

/// Refuses a tensor that is not in single or double precision.
let requirePrecision (argument: string) (tensor: torch.Tensor) =
    ArgumentNullException.ThrowIfNull(tensor, argument)

    if tensor.dtype <> torch.float32 && tensor.dtype <> torch.float64 then
        raise (ArgumentException($"The precision is {tensor.dtype}; it must be Float32 or Float64.", argument))

/// Refuses anything but a vector of the length in single or double precision.
let requireVector argument (length: int64) (tensor: torch.Tensor) =
    ArgumentNullException.ThrowIfNull(tensor, argument)

    if tensor.dim () <> 1L || tensor.shape[0] <> length then
        raise (ArgumentException($"The shape is {shapeText tensor.shape}; it must be ({length}).", argument))

    requirePrecision argument tensor

/// Refuses a tensor that is not of the precision and on the device of another; `what` begins the sentence.
let requireSamePlace (argument: string) (what: string) (tensor: torch.Tensor) (latent: torch.Tensor) =
    if
        tensor.dtype <> latent.dtype
        || tensor.device.ToString() <> latent.device.ToString()
    then
        raise (
            ArgumentException(
                $"{what} {tensor.dtype} on {tensor.device}; the latent is {latent.dtype} on {latent.device}.",
                argument
            )
        )

/// Whether all elements are finite, without a temporary as long as the tensor left to the finaliser.
let isFinite (tensor: torch.Tensor) =
    use _ = torch.no_grad ()
    use finite = tensor.isfinite ()
    use all = finite.all ()
    all.ToBoolean()

/// Whether all elements are finite as numbers of single precision, in which latents and weights are.
let isFiniteInSingle (tensor: torch.Tensor) =
    use values = tensor.detach ()
    use single = values.to_type torch.float32
    isFinite single

/// Refuses anything but a vector of finite numbers of the length in single or double precision.
let requireFinite argument (length: int64) (tensor: torch.Tensor) =
    requireVector argument length tensor

    if not (isFinite tensor) then
        use finiteOnes = tensor.isfinite ()
        use first = finiteOnes.logical_not().to_type(torch.float32).argmax ()
        let index = first.ToInt64()
        use value = tensor[index]
        raise (ArgumentException($"Element {index} is {value.ToDouble()}; every element must be finite.", argument))

/// Refuses anything but a positive finite number.
let requirePositive (argument: string) (value: float) =
    if not (value > 0.0 && Double.IsFinite value) then
        raise (ArgumentOutOfRangeException(argument, value, "It must be a positive finite number."))

/// Refuses anything but a finite number of at least 0; `what` begins the sentence.
let requireNotNegative (argument: string) (what: string) (value: float) =
    if not (value >= 0.0 && Double.IsFinite value) then
        raise (ArgumentOutOfRangeException(argument, value, $"{what} must be a finite number of at least 0."))

/// Whether a tensor was made under torch.inference_mode. TorchSharp has no question for it, so an empty write is tried.
let isInference (tensor: torch.Tensor) =
    if torch.is_inference_mode_enabled () then
        false
    else
        use _ = torch.no_grad ()
        use scope = torch.NewDisposeScope()

        try
            tensor.detach().as_strided([| 0L |], [| 1L |]).zero_ () |> ignore
            false
        with :? ExternalException ->
            true

/// A tensor that is made when it is first needed and lives on: made under torch.inference_mode, no graph could ever hold it.
let constant (make: unit -> torch.Tensor) =
    lazy
        (use _ = torch.inference_mode false
         make ())

/// Refuses the value of an enum that has no name; for the last case of a match.
let noSuch (argument: string) (what: string) (value: 'Enum) : 'Answer =
    raise (ArgumentOutOfRangeException(argument, box value, $"There is no such {what}."))

/// Refuses the value of an enum that has no name.
let requireDefined<'Enum when 'Enum: struct and 'Enum :> Enum and 'Enum: (new: unit -> 'Enum)>
    (argument: string)
    (what: string)
    (value: 'Enum)
    =
    if not (Enum.IsDefined value) then
        noSuch argument what value

/// Refuses anything but a matrix of finite numbers in single or double precision.
let requireMatrix argument (tensor: torch.Tensor) =
    ArgumentNullException.ThrowIfNull(tensor, argument)

    if tensor.dim () <> 2L || tensor.numel () = 0L then
        raise (ArgumentException($"The shape is {shapeText tensor.shape}; it must be a matrix with rows.", argument))

    use flat = tensor.reshape -1L
    requireFinite argument flat.shape[0] flat
