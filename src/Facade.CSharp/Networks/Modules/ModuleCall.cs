using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>
/// One pass through a borrowed module that can be gone through backwards. It leaves a graph behind that starts at the module's
/// own parameters. Going back uses that graph; where other weights were written into the module in between, it makes the graph
/// once more, with the same buffers and the same random numbers.
/// </summary>
internal sealed class ModuleCall(LentModule module, IReadOnlyList<Tensor> state, bool training, int inputCount)
{
    private readonly List<Tensor> made = [];
    private IReadOnlyList<Tensor> handedOut = [];
    private bool[] inputHasGradient = [];
    private Place[] places = [];
    private int weightCount;
    private long writes;
    private bool isSpent;

    /// <summary>What a tensor's gradient looks like, whatever has become of the tensor.</summary>
    private readonly record struct Place(long[] Shape, ScalarType Type, Device Device);

    /// <summary>How many of the tensors that a pass gets are inputs; the weights follow.</summary>
    public int InputCount => inputCount;

    /// <summary>Runs the module without a graph.</summary>
    public Tensor Run(IReadOnlyList<Tensor> inputs, IReadOnlyList<Tensor> weights)
    {
        lock (module.Gate)
        {
            using var noGradient = no_grad();
            using var scope = NewDisposeScope();
            module.Write(weights, state, training);
            Tensor output;
            using (set_grad_enabled(module.NeedsGradientMode))
                output = module.Run(inputs);
            KeepBuffers(isOneSample: inputs[0].dim() > 0 && inputs[0].shape[0] == 1);
            return (module.NeedsGradientMode ? output.detach() : output).MoveToOuterDisposeScope();
        }
    }

    /// <summary>Runs the module, leaving a graph behind. Gradients are off around it.</summary>
    /// <returns>The output, without history, and what <see cref="Backward"/> must be given.</returns>
    public (Tensor Output, List<Tensor> Saved) Forward(Tensor[] inputs, Tensor[] weights)
    {
        lock (module.Gate)
        {
            using var scope = NewDisposeScope();
            (inputHasGradient, weightCount) = ([.. inputs.Select(input => input.requires_grad)], weights.Length);
            places = [.. inputs.Concat(weights).Select(tensor => new Place(tensor.shape, tensor.dtype, tensor.device))];
            module.Write(weights, state, training);
            var before = new List<Tensor> { random.get_rng_state() };
            before.AddRange(state.Select(buffer => buffer.clone()));
            Tensor[] leaves = [.. inputs.Select(input => input.detach().requires_grad_(input.requires_grad))];
            Tensor output;
            using (enable_grad())
                output = module.Run(leaves);
            KeepBuffers(isOneSample: inputs[0].dim() > 0 && inputs[0].shape[0] == 1);
            writes = module.Writes;
            // A copy goes out: what its receiver does to it in place must not reach the graph.
            var copy = output.detach().clone().MoveToOuterDisposeScope();
            made.AddRange([output, .. leaves, .. before]);
            foreach (var tensor in made)
                tensor.DetachFromDisposeScope();
            return (copy, [output, .. leaves, .. weights, .. before]);
        }
    }

    /// <summary>Lets go of what the node of the graph has taken hold of itself.</summary>
    public void Release()
    {
        foreach (var tensor in made)
            tensor.Dispose();
        made.Clear();
    }

    /// <summary>The gradients of each input and of each weight, null where there is none; not a number where they cannot be taken.</summary>
    public IReadOnlyList<Tensor?> Backward(Func<List<Tensor>> saved, Tensor gradient)
    {
        lock (module.Gate)
        {
            IReadOnlyList<Tensor?> gradients;
            try
            {
                gradients = Gradients(saved, gradient);
            }
            catch (Exception)
            {
                // Native code called this: an exception would end the process. No one takes a gradient of NaN for a right one.
                using var nothing = double.NaN.ToScalar();
                gradients =
                [
                    .. places.Select((place, index) => index < inputCount && !inputHasGradient[index]
                        ? null
                        : full(place.Shape, nothing, place.Type, place.Device)),
                ];
            }

            // The native side takes its hold only after this returns.
            handedOut = [.. gradients.OfType<Tensor>()];
            return gradients;
        }
    }

    private Tensor?[] Gradients(Func<List<Tensor>> saved, Tensor gradient)
    {
        using var scope = NewDisposeScope();
        var kept = saved();
        var output = kept[0];
        var leaves = kept.GetRange(1, inputCount);
        var weights = kept.GetRange(1 + inputCount, weightCount);
        if (isSpent || writes != module.Writes)
            output = RunAgain(leaves, weights, kept[(1 + inputCount + weightCount)..]);
        isSpent = true;

        var parameters = module.Generated;
        Tensor[] starts = [.. parameters.SelectMany(parameter => parameter.Handles), .. leaves.Where((_, index) => inputHasGradient[index])];
        if (output.requires_grad)
            GoBack(output, gradient, starts);
        Tensor?[] gradients =
        [
            .. leaves.Select((leaf, index) => inputHasGradient[index] ? Taken([leaf], leaf) : null),
            .. weights.Select((weight, index) => Taken(parameters[index].Handles, weight)),
        ];
        if (is_grad_enabled())
            gradients = [.. gradients.Zip(leaves.Concat(weights), OnceOnly.Guard)];
        foreach (var tensor in gradients)
            tensor?.MoveToOuterDisposeScope();
        return gradients;
    }

    private static void GoBack(Tensor output, Tensor gradient, Tensor[] starts)
    {
        try
        {
            autograd.backward([output], [gradient], inputs: starts);
        }
        catch
        {
            // What it had added up by then would count as a part of the next pass's gradients.
            foreach (var start in starts)
                start.grad = null;
            throw;
        }
    }

    private Tensor RunAgain(List<Tensor> leaves, List<Tensor> weights, List<Tensor> before)
    {
        module.Write(weights, before[1..], training);
        var numbers = random.get_rng_state();
        try
        {
            random.set_rng_state(before[0]);
            // The model's state stays as it is: the pass has had its effect on it already.
            using (enable_grad())
                return module.Run(leaves);
        }
        finally
        {
            random.set_rng_state(numbers);
        }
    }

    private void KeepBuffers(bool isOneSample)
    {
        if (!training)
            return;
        var pairs = state.Zip(module.Buffers()).ToArray();
        // The variance of one value is not a number; as in the layers of the builder it must not become the running one.
        if (isOneSample && pairs.Any(pair => FiniteNumbers.AllIn(pair.First) && !FiniteNumbers.AllIn(pair.Second)))
            return;
        foreach (var (kept, now) in pairs)
            kept.copy_(now);
    }

    /// <summary>
    /// The gradient that the pass left at a leaf, which is freed of it, in the type and place of the tensor it belongs to. A parameter
    /// of several handles may have a part of it at each.
    /// </summary>
    private static Tensor? Taken(IEnumerable<Tensor> handles, Tensor like)
    {
        Tensor? sum = null;
        foreach (var leaf in handles)
        {
            var gradient = leaf.grad;
            // Two handles to one tensor show one gradient, which this takes away from both.
            leaf.grad = null;
            if (gradient is not null)
                sum = sum is null ? gradient : sum.add(gradient);
        }

        return sum?.to(like.dtype, like.device);
    }
}
