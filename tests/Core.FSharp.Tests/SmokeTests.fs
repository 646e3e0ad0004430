module MappingNets.Core.Tests.SmokeTests

open Expecto
open TorchSharp
open MappingNets.Core.Tests.TensorExpectations

[<Tests>]
let tests =
    testList
        "libtorch"
        [ test "loads and adds" (fun () ->
              Expect.equal ((torch.ones [| 2L; 2L |]).sum().item<float32> ()) 4.0f "the sum of four ones")

          test "no comparison of these tests takes NaN for a number" (fun () ->
              for name, work in
                  [ "less", (fun () -> Expect.isLessThan nan 1.0 "")
                    "less or equal", (fun () -> Expect.isLessThanOrEqual 1.0 nan "")
                    "greater", (fun () -> Expect.isGreaterThan nan 1.0 "")
                    "greater or equal", (fun () -> Expect.isGreaterThanOrEqual 1.0 nan "")
                    "near", (fun () -> near 1.0 "" (vector [ 1.0 ]) (vector [ nan ]))
                    "near NaN", (fun () -> near 1.0 "" (vector [ nan ]) (vector [ 1.0 ])) ] do
                  Expect.throws work name) ]
