using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.autograd;

namespace MappingNets;

/// <summary>A pass through a borrowed module as a node of the caller's graph: (call, input 1, ..., weight 1, ...) -> output.</summary>
internal sealed class ModulePass : SingleTensorFunction<ModulePass>
{
    private const string Call = "call";

    public override string Name => nameof(ModulePass);

    public override Tensor forward(AutogradContext context, params object[] arguments)
    {
        var call = (ModuleCall)arguments[0];
        Tensor[] tensors = [.. arguments.Skip(1).Cast<Tensor>()];
        var (output, saved) = call.Forward(tensors[..call.InputCount], tensors[call.InputCount..]);
        // Held by the node, hence freed with it, whether a backward pass comes or not.
        context.save_for_backward(saved);
        context.save_data(Call, call);
        return output;
    }

    public override List<Tensor> backward(AutogradContext context, Tensor gradient)
    {
        var gradients = ((ModuleCall)context.get_data(Call)).Backward(context.get_saved_variables, gradient);
        // TorchSharp takes null for "no gradient", which its signature does not say; the call itself has none.
        return [null!, .. gradients.Select(tensor => tensor!)];
    }
}

/// <summary>
/// Marks a gradient as one that cannot be differentiated again: its own gradient is not a number, so that no one takes a second
/// derivative through a borrowed module for 0.
/// </summary>
internal sealed class OnceOnly : SingleTensorFunction<OnceOnly>
{
    private const string Shape = "shape";

    public override string Name => nameof(OnceOnly);

    public static Tensor? Guard(Tensor? gradient, Tensor of) =>
        gradient is null || !of.requires_grad ? gradient : apply(gradient, of);

    public override Tensor forward(AutogradContext context, params object[] arguments)
    {
        context.save_data(Shape, ((Tensor)arguments[1]).shape);
        return ((Tensor)arguments[0]).detach().clone();
    }

    public override List<Tensor> backward(AutogradContext context, Tensor gradient)
    {
        using var nothing = double.NaN.ToScalar();
        return [null!, full((long[])context.get_data(Shape), nothing, gradient.dtype, gradient.device)];
    }
}
