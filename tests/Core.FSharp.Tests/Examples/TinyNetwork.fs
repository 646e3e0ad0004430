/// A small target network with a layer of each kind.
module MappingNets.Core.Tests.TinyNetwork

open TorchSharp
open MappingNets.Core

/// conv 1-3 (3x3, stride 1, padding 1), ReLU, pool 2, flatten, fc 12-5, tanh, fc 5-4, on (1, 4, 4).
let layout =
    ParameterLayout.create
        [ "conv.weight", [| 3L; 1L; 3L; 3L |], 9L
          "conv.bias", [| 3L |], 9L
          "fc1.weight", [| 5L; 12L |], 12L
          "fc1.bias", [| 5L |], 12L
          "fc2.weight", [| 4L; 5L |], 5L
          "fc2.bias", [| 4L |], 5L ]

let target =
    { Layout = layout
      InputShape = [| 1L; 4L; 4L |]
      Layers =
        [ Conv2dLayer("conv", 1L, 1L)
          ReLULayer
          MaxPool2dLayer(2L, 2L, 0L)
          FlattenLayer
          LinearLayer "fc1"
          TanhLayer
          LinearLayer "fc2" ] }

/// The network itself on one input (16) as a function of theta.
let network (input: torch.Tensor) (theta: torch.Tensor) =
    let tensors = layout.Split theta
    let image = input.view (1L, 1L, 4L, 4L)

    let features =
        torch.nn.functional.conv2d(image, tensors[0], tensors[1], padding = [| 1L; 1L |]).relu ()

    let pooled = torch.nn.functional.max_pool2d(features, 2L).flatten ()
    tensors[4].mv ((tensors[2].mv pooled + tensors[3]).tanh ()) + tensors[5]
