/// Tensors are native memory, which no garbage collector watches.
module MappingNets.Core.Tests.NativeMemoryTests

open System
open Expecto
open TorchSharp
open MappingNets
open MappingNets.Core
open MappingNets.Core.Tests.TensorExpectations

/// As many weights as the paper's CNN2.
let private cnn2 =
    ParameterLayout.create
        [ "conv1.weight", [| 16L; 1L; 3L; 3L |], 9L
          "conv1.bias", [| 16L |], 9L
          "conv2.weight", [| 32L; 16L; 3L; 3L |], 144L
          "conv2.bias", [| 32L |], 144L
          "fc1.weight", [| 128L; 800L |], 800L
          "fc1.bias", [| 128L |], 800L
          "fc2.weight", [| 10L; 128L |], 128L
          "fc2.bias", [| 10L |], 128L ]

let private stepsStayFlat kind steps warmUp =
    use mapping =
        Mapping.create
            cnn2
            { Mapping.singleLatent 2_048 with
                FixedWeights = kind
                Modulations = [| AdditiveModulation 0.01 |] }

    use latent =
        new TorchSharp.Modules.Parameter(mapping.InitialLatent().DetachFromDisposeScope())

    let step () =
        use _ = torch.NewDisposeScope()

        match latent.grad with
        | null -> ()
        | gradient -> gradient.zero_ () |> ignore

        let theta = mapping.Generate latent
        (theta * theta).sum().backward ()

    /// The most tensors alive after any of the steps. A forgotten tensor is freed by the garbage collector some time; counted
    /// after every step it shows before.
    let run steps =
        Seq.max (
            seq {
                for _ in 1..steps do
                    step ()
                    torch.Tensor.TotalCount
            }
        )

    let resident () =
        GC.Collect()
        GC.WaitForPendingFinalizers()
        Environment.WorkingSet

    /// How much the process grows over the steps.
    let growth () =
        let before = resident ()
        run steps |> ignore
        resident () - before

    run warmUp |> ignore
    let alive = run 1
    Expect.isLessThanOrEqual (run steps) alive "live tensors"
    // One forgotten theta a step would hold 430 MB after 1,000, one forgotten latent 8 MB, in every round; what the runtime itself
    // takes for once, another does not see again.
    let least = Seq.min (seq { for _ in 1..3 -> growth () })
    Expect.isLessThan least (6L * 1024L * 1024L) "bytes of growth"

[<Tests>]
let tests =
    testSequenced
    <| testList
        "native memory stays flat"
        [ test "over 1,000 steps of a signed permutation, P = 108,618, d = 2,048" (fun () ->
              stepsStayFlat FixedWeightsKind.SignedPermutation 1_000 100)

          test "over 100 steps of a Hadamard mapping" (fun () -> stepsStayFlat FixedWeightsKind.Hadamard 100 20)

          test "a numerical Hessian frees each difference's temporaries" (fun () ->
              let before = torch.Tensor.TotalCount
              let mutable most = 0L

              let f (x: torch.Tensor) =
                  most <- max most (torch.Tensor.TotalCount - before)
                  (x * x).sum ()

              use hessian =
                  NumericalDifferentiation.numhessian 1e-3 f (torch.ones (20L, torch.float64))

              Expect.equal hessian.shape [| 20L; 20L |] "the shape"
              // Of 20^2 differences one tensor each; with their temporaries they were 9,000.
              Expect.isLessThan most 1_000L "live tensors") ]
