using MappingNets.Core;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.autograd;

namespace MappingNets;

/// <summary>
/// One pass of a network whose weights are generated layer by layer. Forth, each layer's weights are generated into the shared buffer,
/// used and overwritten. Back, libtorch takes the nodes in the reverse order of the way forth: behind a layer stands
/// <see cref="Behind"/>, which generates its weights once more before its own backward pass reads them, and before it stands
/// <see cref="Generation"/>, which turns the weights' gradients into z's at once. At the end <see cref="Start"/> hands that to z.
/// Kernels write the buffer as raw memory, so libtorch counts no version of it.
/// </summary>
internal sealed class StreamedPass : LayerWeights
{
    private readonly StreamedWeights weights;
    private readonly float[] latent;
    private readonly Tensor? start;
    private TensorwisePullback? pullback;
    private float[] scaleGradients = [];

    /// <summary>Starts a pass at a latent; connected to it where gradients are on.</summary>
    /// <param name="weights">What generates the weights.</param>
    /// <param name="latent">z.</param>
    /// <param name="scales">The scale of each weight that is trained besides; null where scales are fixed.</param>
    public StreamedPass(StreamedWeights weights, Tensor latent, Tensor? scales)
    {
        this.weights = weights;
        using (no_grad())
        using (NewDisposeScope())
        {
            this.latent = Values(latent);
            Scales = scales is null ? null : Values(scales);
        }

        if (is_grad_enabled() && (latent.requires_grad || scales is { requires_grad: true }))
            start = scales is null ? Start.apply(latent, this) : Start.apply(latent, scales, this);
    }

    /// <summary>The scales that are trained, as they were when the pass began; null where there are none.</summary>
    public float[]? Scales { get; }

    /// <summary>z as it was when the pass began, in the caller's dispose scope.</summary>
    public Tensor Latent()
    {
        using var managed = tensor(latent, dtype: ScalarType.Float32);
        // In libtorch's own memory, which starts where vectors do: the bits of a dot product depend on that.
        return managed.clone();
    }

    /// <inheritdoc/>
    public override IReadOnlyList<Tensor> Take(int first, int count)
    {
        var places = weights.Fill(this, first);
        return start is null ? places : Generation.apply(start, this, first);
    }

    /// <inheritdoc/>
    public override Tensor Leave(Tensor output, int first, int count) =>
        start is null ? output : Behind.apply(output, this, first);

    /// <summary>Adds a layer's gradients; one that is invalid counts as 0.</summary>
    private void Add(int first, List<Tensor> gradients)
    {
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        var layer = weights.Fill(this, first);
        if (pullback is null)
        {
            // Inside a dispose scope its own tensors stay: it keeps them apart.
            using var here = Latent();
            pullback = weights.Pullback(here);
            scaleGradients = new float[Scales?.Length ?? 0];
        }

        for (var index = gradients.Count - 1; index >= 0; index--)
        {
            var gradient = gradients[index].IsInvalid ? zeros_like(layer[index]) : gradients[index];
            var (behind, scale) = weights.BehindHead(this, first + index, gradient);
            pullback.Add(first + index, behind);
            if (Scales is not null)
                scaleGradients[first + index] = scale;
        }
    }

    private static float[] Values(Tensor tensor) => tensor.detach().contiguous().data<float>().ToArray();

    private Tensor Result()
    {
        using var last = pullback;
        pullback = null;
        return last!.Result();
    }

    private void Forget()
    {
        ((IDisposable?)pullback)?.Dispose();
        pullback = null;
    }

    /// <summary>z at the beginning of the pass: what all layers hang on, as a number that stands for it.</summary>
    private sealed class Start : SingleTensorFunction<Start>
    {
        public override string Name => "StreamedPass.Start";

        public override Tensor forward(AutogradContext context, params object[] arguments)
        {
            context.save_data("pass", arguments[^1]);
            context.save_for_backward([(Tensor)arguments[0]]);
            return zeros(1, dtype: ScalarType.Float32);
        }

        public override List<Tensor> backward(AutogradContext context, Tensor gradient)
        {
            var pass = (StreamedPass)context.get_data("pass");
            Tensor result;
            try
            {
                // A second derivative would need all weights at once; nothing that is not it is returned for it.
                if (is_grad_enabled())
                    throw new NotSupportedException();
                result = pass.Result();
            }
            catch (Exception)
            {
                // Native code called this: an exception would end the process. No one takes a gradient of NaN for a right one.
                pass.Forget();
                using var nothing = double.NaN.ToScalar();
                result = full_like(context.get_saved_variables()[0], nothing);
            }

            gradient.Dispose();
            if (pass.Scales is null)
            {
                context.save_data("result", new[] { result });
                return [result, null!];
            }

            using var managed = tensor(pass.scaleGradients, dtype: ScalarType.Float32);
            var scales = managed.clone();
            context.save_data("result", new[] { result, scales });
            return [result, scales, null!];
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
            context.set_materialize_grads(false);
            return [.. pass.weights.Fill(pass, first).Select(StreamedWeights.SameMemory)];
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
                // The missing tensor then makes the result fail, which says so with NaN.
                pass.Forget();
            }

            var nothing = zeros(1, dtype: ScalarType.Float32);
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
            try
            {
                var pass = (StreamedPass)context.get_data("pass");
                pass.weights.Fill(pass, (int)context.get_data("first"));
            }
            catch (Exception)
            {
                ((StreamedPass)context.get_data("pass")).Forget();
            }

            var same = gradient.alias();
            context.save_data("same", new[] { same });
            gradient.Dispose();
            return [same, null!, null!];
        }
    }
}
