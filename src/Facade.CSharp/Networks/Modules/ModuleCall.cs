using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>
/// One pass through a borrowed module that can be gone through backwards. It leaves a graph behind that starts at the module's
/// own parameters. Going back uses that graph; where other weights were written into the module in between, it makes the graph
/// once more, with the same buffers and the same random numbers.
/// </summary>
internal sealed class ModuleCall(BorrowedModule module, NetworkState state, bool training)
{
    private readonly List<Tensor> made = [];
    private IReadOnlyList<Tensor> handedOut = [];
    private bool inputHasGradient;
    private int weightCount;
    private long writes;
    private bool isSpent;

    /// <summary>Runs the module without a graph.</summary>
    public Tensor Run(Tensor input, IReadOnlyList<Tensor> weights)
    {
        lock (module.Gate)
        {
            using var noGradient = no_grad();
            using var scope = NewDisposeScope();
            module.Write(weights, state.Tensors, training);
            var output = module.Run(input);
            KeepBuffers();
            return output.MoveToOuterDisposeScope();
        }
    }

    /// <summary>Runs the module, leaving a graph behind. Gradients are off around it.</summary>
    /// <returns>The output, without history, and what <see cref="Backward"/> must be given.</returns>
    public (Tensor Output, List<Tensor> Saved) Forward(Tensor input, Tensor[] weights)
    {
        lock (module.Gate)
        {
            using var scope = NewDisposeScope();
            (inputHasGradient, weightCount) = (input.requires_grad, weights.Length);
            module.Write(weights, state.Tensors, training);
            made.Add(random.get_rng_state());
            made.AddRange(state.Tensors.Select(buffer => buffer.clone()));
            var leaf = input.detach().requires_grad_(inputHasGradient);
            Tensor output;
            using (enable_grad())
                output = module.Run(leaf);
            KeepBuffers();
            writes = module.Writes;
            // A copy goes out: what its receiver does to it in place must not reach the graph.
            var copy = output.detach().clone().MoveToOuterDisposeScope();
            made.InsertRange(0, [leaf, output]);
            foreach (var tensor in made)
                tensor.DetachFromDisposeScope();
            return (copy, [leaf, output, .. weights, .. made[2..]]);
        }
    }

    /// <summary>Lets go of what the node of the graph has taken hold of itself.</summary>
    public void Release()
    {
        foreach (var tensor in made)
            tensor.Dispose();
        made.Clear();
    }

    /// <summary>The gradients of the input and of each weight, null where there is none.</summary>
    public IReadOnlyList<Tensor?> Backward(Func<List<Tensor>> saved, Tensor gradient)
    {
        lock (module.Gate)
        {
            using var scope = NewDisposeScope();
            var kept = saved();
            var (leaf, output) = (kept[0], kept[1]);
            var weights = kept.GetRange(2, weightCount);
            if (isSpent || writes != module.Writes)
                output = RunAgain(leaf, weights, kept[(2 + weightCount)..]);
            isSpent = true;

            var parameters = module.Parameters.Generated;
            Tensor[] leaves = [.. parameters.Select(parameter => parameter.Value), .. inputHasGradient ? new[] { leaf } : []];
            if (output.requires_grad)
                autograd.backward([output], [gradient], inputs: leaves);
            var gradients = new Tensor?[1 + weightCount];
            if (inputHasGradient)
                gradients[0] = Taken(leaf, leaf);
            for (var index = 0; index < weightCount; index++)
                gradients[1 + index] = Taken(parameters[index].Value, weights[index]);
            if (is_grad_enabled())
                gradients = [.. gradients.Zip(kept.GetRange(2, weightCount).Prepend(leaf), OnceOnly.Guard)];
            foreach (var tensor in gradients)
                tensor?.MoveToOuterDisposeScope();
            // The native side takes its hold only after this returns.
            handedOut = [.. gradients.OfType<Tensor>()];
            return gradients;
        }
    }

    private Tensor RunAgain(Tensor leaf, List<Tensor> weights, List<Tensor> before)
    {
        module.Write(weights, before[1..], training);
        var numbers = random.get_rng_state();
        try
        {
            random.set_rng_state(before[0]);
            // The model's state stays as it is: the pass has had its effect on it already.
            using (enable_grad())
                return module.Run(leaf);
        }
        finally
        {
            random.set_rng_state(numbers);
        }
    }

    private void KeepBuffers()
    {
        if (!training)
            return;
        foreach (var (kept, now) in state.Tensors.Zip(module.Buffers()))
            kept.copy_(now);
    }

    /// <summary>The gradient that the pass left at a leaf, which is freed of it, in the type and place of the tensor it belongs to.</summary>
    private static Tensor? Taken(Tensor leaf, Tensor like)
    {
        var gradient = leaf.grad;
        leaf.grad = null;
        return gradient?.to(like.dtype, like.device);
    }
}
