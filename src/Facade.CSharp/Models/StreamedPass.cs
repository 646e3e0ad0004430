using MappingNets.Core;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.autograd;

namespace MappingNets;

/// <summary>
/// One pass of a network whose weights are generated, or read and changed, layer by layer. Forth, each layer's weights are put into the
/// shared buffer, used and overwritten. Back, libtorch takes the nodes in the reverse order of the way forth: behind a layer stands
/// <see cref="Behind"/>, which generates its weights once more before its own backward pass reads them, and before it stands
/// <see cref="Generation"/>, which turns the weights' gradients into z's at once. At the end <see cref="Start"/> hands that to z.
/// Kernels write the buffer as raw memory, so libtorch counts no version of it.
/// </summary>
internal sealed class StreamedPass : LayerWeights
{
    private readonly StreamedWeights weights;
    private readonly Tensor? start;
    private TensorwisePullback[]? pullbacks;

    // Gradients can be complete and wrong all the same: a layer that could not be filled computed with whatever the buffer held.
    private bool hasFailed;

    /// <summary>Starts a pass at some values of the trained tensors; connected to them where gradients are on.</summary>
    /// <param name="weights">What puts the weights into the buffer.</param>
    /// <param name="trained">The trained tensors.</param>
    public StreamedPass(StreamedWeights weights, IReadOnlyList<Tensor> trained)
    {
        this.weights = weights;
        using (no_grad())
        using (NewDisposeScope())
            Values = [.. trained.Select(tensor => tensor.detach().cpu().contiguous().data<float>().ToArray())];
        Gradients = new float[Values.Count][];
        if (is_grad_enabled() && trained.Any(tensor => tensor.requires_grad))
            start = Start.apply([.. trained, this]);
    }

    /// <summary>The trained tensors as they were when the pass began.</summary>
    public IReadOnlyList<float[]> Values { get; }

    /// <summary>What the way back adds up beside the latents' gradients: those of scales and of tensors that are trained themselves.</summary>
    public float[][] Gradients { get; }

    /// <summary>A trained tensor as it was when the pass began, as a vector in the caller's dispose scope.</summary>
    public Tensor Vector(int trained) => VectorOf(Values[trained]);

    /// <inheritdoc/>
    public override IReadOnlyList<Tensor> Take(int first, int count)
    {
        var places = weights.Fill(this, first);
        if (start is null)
            return places;
        // What does not depend on anything trained gets no gradient, and its layer's pass computes none.
        var taken = Enumerable.Range(0, count).Any(index => weights.IsTrained(first + index)) ? Generation.apply(start, this, first) : [];
        var next = 0;
        return [.. places.Select((place, index) => weights.IsTrained(first + index) ? taken[next++] : LayerBuffer.SameMemory(place))];
    }

    /// <inheritdoc/>
    public override Tensor Leave(Tensor output, int first, int count)
    {
        // A layer may put out its weights themselves, such as learnt queries, and the next layer's stand in their place before it has read them.
        var own = weights.Holds(output) ? output.clone() : output;
        return start is null ? own : Behind.apply(own, this, first);
    }

    /// <summary>Adds the gradients of a layer's trained tensors; one that is invalid counts as 0.</summary>
    private void Add(int first, List<Tensor> gradients)
    {
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        var layer = weights.Fill(this, first);
        pullbacks ??= Pullbacks();
        var next = gradients.Count;
        for (var index = layer.Count - 1; index >= 0; index--)
            if (weights.IsTrained(first + index))
            {
                next--;
                weights.Add(this, pullbacks, first + index, gradients[next].IsInvalid ? zeros_like(layer[index]) : gradients[next]);
            }
    }

    private TensorwisePullback[] Pullbacks()
    {
        foreach (var scales in weights.Parts.Select(part => part.Scales).OfType<int>())
            Gradients[scales] = new float[Values[scales].Length];
        // Inside a dispose scope their own tensors stay: they keep them apart.
        return [.. weights.Parts.Select(part => part.Pullback(this))];
    }

    private static Tensor VectorOf(float[] values)
    {
        using var managed = tensor(values, dtype: ScalarType.Float32, device: CPU);
        // In libtorch's own memory, which starts where vectors do: the bits of a dot product depend on that.
        return managed.clone();
    }

    /// <summary>The gradients of the trained tensors, as vectors.</summary>
    private Tensor[] Result()
    {
        try
        {
            if (hasFailed)
                throw new InvalidOperationException("A layer's weights could not be made again.");
            var results = Gradients.Select((gradient, index) => gradient is null ? null : VectorOf(gradient)).ToArray();
            foreach (var (part, pullback) in weights.Parts.Zip(pullbacks ?? throw new InvalidOperationException("No layer was gone through backwards.")))
                results[part.Latent] = pullback.Result();
            return [.. results.Select(result => result ?? throw new InvalidOperationException("A trained tensor has no gradient."))];
        }
        finally
        {
            Forget();
        }
    }

    /// <summary>Notes that the way back went wrong in a layer: its gradients are then NaN at the end.</summary>
    private void Fail()
    {
        hasFailed = true;
        Forget();
    }

    private void Forget()
    {
        foreach (var pullback in pullbacks ?? [])
            ((IDisposable)pullback).Dispose();
        pullbacks = null;
    }

    /// <summary>The trained tensors at the beginning of the pass: what all layers hang on, as a number that stands for them.</summary>
    private sealed class Start : SingleTensorFunction<Start>
    {
        public override string Name => "StreamedPass.Start";

        public override Tensor forward(AutogradContext context, params object[] arguments)
        {
            context.save_data("pass", arguments[^1]);
            context.save_data("shapes", arguments[..^1].Select(trained => ((Tensor)trained).shape).ToArray());
            var device = ((Tensor)arguments[0]).device;
            context.save_data("device", device);
            return zeros(1, dtype: ScalarType.Float32, device: device);
        }

        public override List<Tensor> backward(AutogradContext context, Tensor gradient)
        {
            var pass = (StreamedPass)context.get_data("pass");
            var (shapes, device) = ((long[][])context.get_data("shapes"), (Device)context.get_data("device"));
            Tensor[] results;
            try
            {
                // A second derivative would need all weights at once; nothing that is not it is returned for it.
                if (is_grad_enabled())
                    throw new NotSupportedException();
                using var scope = NewDisposeScope();
                results = [.. pass.Result().Zip(shapes, (result, shape) => result.reshape(shape).to(device).DetachFromDisposeScope())];
            }
            catch (Exception)
            {
                // Native code called this: an exception would end the process. No one takes a gradient of NaN for a right one.
                pass.Forget();
                using var nothing = double.NaN.ToScalar();
                results = [.. shapes.Select(shape => full(shape, nothing, ScalarType.Float32, device))];
            }

            gradient.Dispose();
            context.save_data("results", results);
            return [.. results, null!];
        }
    }

    /// <summary>A layer's weights as one node, whose backward pass is the transpose.</summary>
    private sealed class Generation : MultiTensorFunction<Generation>
    {
        public override string Name => "StreamedPass.Generation";

        public override List<Tensor> forward(AutogradContext context, params object[] arguments)
        {
            var (pass, first) = ((StreamedPass)arguments[1], (int)arguments[2]);
            context.save_data("pass", pass);
            context.save_data("first", first);
            context.save_data("device", ((Tensor)arguments[0]).device);
            context.set_materialize_grads(false);
            return
            [
                .. pass.weights.Fill(pass, first).Where((_, index) => pass.weights.IsTrained(first + index)).Select(LayerBuffer.SameMemory),
            ];
        }

        public override List<Tensor> backward(AutogradContext context, List<Tensor> gradients)
        {
            var pass = (StreamedPass)context.get_data("pass");
            try
            {
                pass.Add((int)context.get_data("first"), gradients);
            }
            catch (Exception)
            {
                // Native code called this too.
                pass.Fail();
            }

            var nothing = zeros(1, dtype: ScalarType.Float32, device: (Device)context.get_data("device"));
            context.save_data("nothing", new[] { nothing });
            foreach (var gradient in gradients)
                gradient.Dispose();
            return [nothing, null!, null!];
        }
    }

    /// <summary>The identity behind a layer.</summary>
    private sealed class Behind : SingleTensorFunction<Behind>
    {
        public override string Name => "StreamedPass.Behind";

        public override Tensor forward(AutogradContext context, params object[] arguments)
        {
            context.save_data("pass", arguments[1]);
            context.save_data("first", arguments[2]);
            return ((Tensor)arguments[0]).detach();
        }

        public override List<Tensor> backward(AutogradContext context, Tensor gradient)
        {
            var pass = (StreamedPass)context.get_data("pass");
            Tensor same;
            try
            {
                pass.weights.Fill(pass, (int)context.get_data("first"));
                same = gradient.alias();
            }
            catch (Exception)
            {
                pass.Fail();
                // The gradients of the network's inputs go through the layer, and not through what gathers those of the trained tensors.
                using var nothing = double.NaN.ToScalar();
                same = full_like(gradient, nothing);
            }

            context.save_data("same", new[] { same });
            gradient.Dispose();
            return [same, null!, null!];
        }
    }
}
