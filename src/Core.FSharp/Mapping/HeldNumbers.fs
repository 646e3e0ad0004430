/// Numbers for TorchSharp that are held until the operation is over: the collector may free one that an operation has just been given and
/// is still reading.
module internal MappingNets.Core.HeldNumbers

open TorchSharp

let times (factor: float) (tensor: torch.Tensor) =
    use factor = factor.ToScalar()
    tensor * factor

let plus (number: float) (tensor: torch.Tensor) =
    use number = number.ToScalar()
    tensor + number
