using MappingNets.Core;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>
/// One pass of a mapped model with the auxiliary terms of the mapping loss beside its outputs, all at the same latent and connected to
/// it: what a training loop of your own adds to its task's loss. Each term is a scalar in the caller's dispose scope and costs nothing
/// until it is asked for.
/// </summary>
/// <example>
/// <code>
/// var terms = model.Terms(images);
/// var loss = nn.functional.cross_entropy(terms.Outputs, labels) + (0.05 * terms.Stability(step)) + (5e-6 * terms.Smoothness());
/// loss.backward();
/// </code>
/// </example>
public sealed class MappingTerms
{
    private readonly MappedModel model;
    private readonly IReadOnlyList<Tensor> inputs;
    private readonly Tensor latent;
    private readonly Tensor passLatent;
    private readonly bool training;
    private readonly IReadOnlyList<Tensor> before;

    /// <summary>Runs the target once.</summary>
    internal MappingTerms(MappedModel model, IReadOnlyList<Tensor> inputs, bool training)
    {
        (this.model, this.inputs, this.training) = (model, inputs, training);
        // All of one pass sees one latent, whatever becomes of the model's. What the passes send back and what the terms of the
        // mapping send back are two sums of their own, whose order of additions never depends on the other.
        (latent, passLatent) = (model.LatentOfPass(), model.LatentOfPass());
        // The second pass starts where the first one did, so that dropout draws the same masks.
        using (no_grad())
            before = [.. model.State.Tensors.Select(buffer => buffer.clone())];
        Outputs = model.OutputsAt(passLatent, inputs, model.State, training);
    }

    /// <summary>The target's outputs, (N, ...), as <see cref="Model.forward(Tensor)"/> gives them.</summary>
    public Tensor Outputs { get; }

    /// <summary>
    /// E ||f(x; g(z + eps)) - f(x; g(z))||^2 for one draw of eps ~ N(0, s^2 I), summed over outputs, the mean over the batch. It
    /// runs the target once more with the first pass's dropout masks (a borrowed module's own dropout draws new ones); the buffers, such
    /// as running means, stay as the first pass left them. Weights that were pruned are 0 in both passes.
    /// </summary>
    /// <param name="step">The step; another step draws other noise.</param>
    /// <param name="seed">The seed of the noise.</param>
    /// <param name="deviation">s, positive and finite in single precision.</param>
    /// <param name="share">
    /// The share of the batch that the mean is taken over, above 0 and at most 1: n = ceil(share N) neighbours, the last sample followed by the first,
    /// from a place that the step and the seed draw, so that over steps every sample counts equally and the expected value is that of the whole batch. Only
    /// these run once more. Where the target keeps a state, as batch normalisation and dropout do, they run twice more, so that both passes take their
    /// statistics from the same samples.
    /// </param>
    /// <exception cref="ArgumentOutOfRangeException">The deviation is not a positive finite number of single precision, or the share is out of range.</exception>
    public Tensor Stability(long step, ulong seed = 0, double deviation = 0.01, double share = 1)
    {
        MappingChecks.Positive(deviation, nameof(deviation));
        MappingChecks.Share(share, nameof(share));
        var key = CounterHash.named("stability-noise", CounterHash.ofSeed(seed));
        var shifted = passLatent + MappingLoss.noise(key, step, deviation, passLatent);
        var all = Outputs.shape[0];
        var count = (long)Math.Ceiling(share * all);
        if (count == all)
            return MappingLoss.stability(AsideAt(shifted, inputs), Outputs);
        var first = (long)CounterHash.below(CounterHash.named("stability-batch", CounterHash.ofSeed(seed)), (ulong)all, (ulong)step);
        Tensor[] some = [.. inputs.Select(input => Neighbours(input, first, count))];
        var unshifted = model.State.Specifications.Count == 0 ? Neighbours(Outputs, first, count) : AsideAt(passLatent, some);
        return MappingLoss.stability(AsideAt(shifted, some), unshifted);
    }

    // A pass that leaves no trace in the model's buffers.
    private Tensor AsideAt(Tensor at, IReadOnlyList<Tensor> some)
    {
        using var aside = new NetworkState(model.State.Specifications, before.Select(buffer => buffer.clone()));
        return model.OutputsAt(at, some, aside, training);
    }

    private static Tensor Neighbours(Tensor samples, long first, long count)
    {
        var beyond = first + count - samples.shape[0];
        return beyond <= 0
            ? samples.narrow(0, first, count)
            : cat([samples.narrow(0, first, count - beyond), samples.narrow(0, 0, beyond)], 0);
    }

    /// <summary>
    /// ||grad_z g(z)||_F^2 with the trained scales, where there are any: how fast the weights change with the latent. It is g's own,
    /// as the paper defines it: weights that were pruned afterwards count as g generates them.
    /// </summary>
    public Tensor Smoothness() => model.TrainableScales is { } scales
        ? MappingLoss.smoothnessAtScales(model.Mapping, latent, scales)
        : MappingLoss.smoothness(model.Mapping, latent);

    /// <summary>
    /// 1 - cos(z, m) with m the mean of the modulated weights, the mean over the mapping's pieces: from 0 to 2. Like the smoothness it
    /// is g's own, whatever was pruned.
    /// </summary>
    public Tensor Alignment() => MappingLoss.alignment(model.Mapping, latent);
}
