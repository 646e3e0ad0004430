module MappingNets.Core.Tests.SmokeTests

open Expecto
open TorchSharp

[<Tests>]
let tests =
    testList
        "libtorch"
        [ test "loads and adds" {
              use _ = torch.NewDisposeScope()
              Expect.equal ((torch.ones [| 2L; 2L |]).sum().item<float32> ()) 4.0f "the sum of four ones"
          } ]
