module MappingNets.Core.Differentiation

let jacobian
    (f: TorchSharp.torch.Tensor -> TorchSharp.torch.Tensor)
    (x: TorchSharp.torch.Tensor)
    : TorchSharp.torch.Tensor =
    x
