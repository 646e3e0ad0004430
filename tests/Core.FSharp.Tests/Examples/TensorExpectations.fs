/// Small tensors and what the tests expect of them.
module MappingNets.Core.Tests.TensorExpectations

open Expecto
open TorchSharp

let scalar (value: float) = torch.tensor (value, torch.float64)
let vector (values: float list) = torch.tensor (List.toArray values)
let numbers (tensor: torch.Tensor) = tensor.cpu().data<float>().ToArray()
let shape (tensor: torch.Tensor) = tensor.shape

/// Equal shapes, and elements equal up to the tolerance times the larger of 1 and the largest element.
let near tolerance message (expected: torch.Tensor) (actual: torch.Tensor) =
    Expect.equal (shape actual) (shape expected) $"{message}: shape"
    let expected, actual = numbers expected, numbers actual
    let size = expected |> Array.fold (fun largest value -> max largest (abs value)) 1.0

    for index in 0 .. expected.Length - 1 do
        Expect.isLessThanOrEqual
            (abs (expected[index] - actual[index]))
            (tolerance * size)
            $"{message}: element {index} is {actual[index]}, not {expected[index]}"

let same message expected actual = near 1e-10 message expected actual

let test name body =
    testCase name (fun () ->
        use _ = torch.NewDisposeScope()
        body ())
