using MappingNets.Core;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.autograd;

namespace MappingNets;

/// <summary>
/// The weights theta = g(z) as one node of the caller's graph, z -> one tensor for each of the target's weights: one pass over memory
/// forth and one back. Every pass writes tensors of its own and keeps z as it was, so that whatever happens between the two passes
/// cannot reach the gradient.
/// </summary>
internal sealed class GenerationPass : MultiTensorFunction<GenerationPass>
{
    private const string Source = "source";
    private const string Result = "result";

    public override string Name => nameof(GenerationPass);

    /// <summary>The weights at a latent, connected to it where gradients are on; in the caller's dispose scope.</summary>
    public static IReadOnlyList<Tensor> Of(WeightGenerator generator, Tensor latent)
    {
        if (!is_grad_enabled() || !latent.requires_grad)
            return generator.Generate(latent);
        using var scope = NewDisposeScope();
        // A copy, which is connected to z and which no one else can change in place.
        return [.. apply(latent.clone(), generator).Select(weight => weight.MoveToOuterDisposeScope())];
    }

    public override List<Tensor> forward(AutogradContext context, params object[] arguments)
    {
        var (latent, generator) = ((Tensor)arguments[0], (WeightGenerator)arguments[1]);
        context.save_data(Source, generator);
        context.save_for_backward([latent]);
        // Where a weight gets no gradient, none is made up: what would stand in for it may be disposed by then.
        context.set_materialize_grads(false);
        return [.. generator.Generate(latent)];
    }

    public override List<Tensor> backward(AutogradContext context, List<Tensor> gradients)
    {
        var generator = (WeightGenerator)context.get_data(Source);
        using var scope = NewDisposeScope();
        var latent = context.get_saved_variables()[0];
        Tensor result;
        try
        {
            result = is_grad_enabled()
                ? generator.DifferentiablePullback(latent, gradients)
                : generator.Pullback(latent, gradients);
        }
        catch (Exception)
        {
            // Native code called this: an exception would end the process. No one takes a gradient of NaN for a right one.
            using var nothing = double.NaN.ToScalar();
            result = full_like(latent, nothing);
        }

        // The native side takes its hold of the result only after this returns; of the gradients it has its own.
        context.save_data(Result, new[] { result.MoveToOuterDisposeScope() });
        foreach (var gradient in gradients)
            gradient.Dispose();
        return [result, null!];
    }
}
