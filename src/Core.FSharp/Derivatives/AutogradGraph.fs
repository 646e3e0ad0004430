namespace MappingNets.Core

open System
open TorchSharp

module internal AutogradGraph =

    type Graph =
        { Input: torch.Tensor
          Value: torch.Tensor
          Attached: bool }

    // libtorch's graph cannot be walked from .NET, so whether f reaches a differentiable tensor besides its argument is
    // found by evaluating it once at a constant.
    let private capturesGraph (f: torch.Tensor -> torch.Tensor) (x: torch.Tensor) =
        use _ = torch.NewDisposeScope()
        (f (x.detach ())).requires_grad

    let private anyRequiresGrad = List.exists (fun (t: torch.Tensor) -> t.requires_grad)

    let trace
        constants
        (f: torch.Tensor -> torch.Tensor)
        (x: torch.Tensor)
        (derive: Graph -> (torch.Tensor -> torch.Tensor) -> _)
        =
        if torch.is_inference_mode_enabled () then
            raise (
                InvalidOperationException
                    "Derivatives need autograd, which torch.inference_mode switches off; use torch.no_grad instead."
            )

        let attached =
            torch.is_grad_enabled ()
            && (anyRequiresGrad (x :: constants) || capturesGraph f x)

        use _ = torch.NewDisposeScope()
        use _ = torch.enable_grad ()

        // A fresh view keeps this derivative apart from every other use of x, captured ones included. TorchSharp's alias
        // would not: it is a second handle on the same variable.
        let input =
            if attached && x.requires_grad then
                x.view_as x
            else
                x.detach().requires_grad_ ()

        let graph =
            { Input = input
              Value = f input
              Attached = attached }

        let release (result: torch.Tensor) =
            (if attached then result.alias () else result.detach ()).MoveToOuterDisposeScope()

        derive graph release

    /// None where output does not depend on input.
    let private backward keep (output: torch.Tensor) (input: torch.Tensor) (u: torch.Tensor) =
        if output.requires_grad then
            let gradients =
                torch.autograd.grad (
                    [| output |],
                    [| input |],
                    [| u |],
                    retain_graph = true,
                    create_graph = keep,
                    allow_unused = true
                )

            if gradients[0].IsInvalid then None else Some gradients[0]
        else
            None

    let pullBack keep graph output u =
        backward keep output graph.Input u
        |> Option.defaultWith (fun () -> torch.zeros_like graph.Input)

    let pushForward keep graph output =
        // The product is linear in u, so any u serves.
        let u = (torch.zeros_like output).requires_grad_ ()
        let transposed = backward true output graph.Input u

        fun v ->
            transposed
            |> Option.bind (fun product -> backward keep product u v)
            |> Option.defaultWith (fun () -> torch.zeros_like output)
