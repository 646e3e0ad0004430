namespace MappingNets.Core

open TorchSharp

/// One evaluation of a function on an autograd graph of its own, and the two products with its Jacobian J from which all
/// derivatives are made.
module internal AutogradGraph =

    /// A function evaluated at a fresh view of its argument.
    type Graph =
        {
            /// The view of x that the derivatives are taken with respect to.
            Input: torch.Tensor
            /// f(Input).
            Value: torch.Tensor
            /// Whether results stay on the caller's graph.
            Attached: bool
        }

    /// Evaluates f at x and hands the graph to derive, together with the function that carries a result out to the
    /// caller's dispose scope: on the caller's graph if the result depends on anything there, cut off from it otherwise.
    /// Everything else that derive or f made is disposed.
    /// constants: further tensors that the result depends on.
    /// Raises InvalidOperationException under torch.inference_mode, where autograd records nothing.
    val trace:
        constants: torch.Tensor list ->
        f: (torch.Tensor -> torch.Tensor) ->
        x: torch.Tensor ->
        derive: (Graph -> (torch.Tensor -> torch.Tensor) -> 'Result) ->
            'Result

    /// The covector product J^T u of an output on the graph, with the shape of the input; zero where the output does not
    /// depend on the input. keep: whether the product can itself be differentiated.
    val pullBack: keep: bool -> graph: Graph -> output: torch.Tensor -> u: torch.Tensor -> torch.Tensor

    /// The linear map v -> J v of an output on the graph, as the derivative by u of the linear map u -> J^T u: libtorch's
    /// forward mode is not exposed. Zero where the output does not depend on the input.
    val pushForward: keep: bool -> graph: Graph -> output: torch.Tensor -> (torch.Tensor -> torch.Tensor)
