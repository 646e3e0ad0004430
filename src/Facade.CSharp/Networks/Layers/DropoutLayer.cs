using MappingNets.Core;
using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets;

public sealed partial class TargetNetworkBuilder
{
    /// <summary>
    /// Appends a dropout: in training each number is set to 0 with a probability and the others are divided by the probability that
    /// they stay; in evaluation nothing happens. Masks are drawn from the counter hash, not from torch's generator: they depend on the
    /// seed, the layer's full name and how many passes of training a model has had, so that training is reproducible on every machine
    /// and a resumed run goes on with the masks of an uninterrupted one.
    /// </summary>
    /// <param name="probability">The share of numbers that is dropped, at least 0 and below 1.</param>
    /// <param name="seed">Any seed; another one gives other masks.</param>
    /// <param name="name">The layer's name, or null for "dropout1", "dropout2", ...</param>
    /// <exception cref="ArgumentException">The probability is out of range.</exception>
    public TargetNetworkBuilder Dropout(double probability = 0.5, ulong seed = 0, string? name = null) =>
        Add(new DropoutLayer(probability, seed, name));
}

/// <summary>Numbers dropped at random in training: any shape -> the same shape.</summary>
internal sealed class DropoutLayer(double probability, ulong seed, string? name) : StatefulLayer(name)
{
    private readonly ulong seed = seed;
    private readonly CounterHash.Key stream = CounterHash.named("dropout", CounterHash.ofSeed(seed));

    public override string Kind => "Dropout";

    public override string Settings => FormattableString.Invariant($"probability {probability}, seed {seed}");

    public override string NamePrefix => "dropout";

    internal override TargetLayer Rule(LayerPlace at) => TargetLayer.DropoutLayer;

    /// <summary>Where the masks of the layer with a full name start: streams of different layers of one seed do not meet.</summary>
    public static long StartOf(string buffer) => (long)(CounterHash.named(buffer, CounterHash.ofSeed(0)).Bits >> 33) << 32;

    public override IReadOnlyList<long> InferOutput(IReadOnlyList<long> input)
    {
        Require(probability >= 0 && probability < 1, FormattableString.Invariant($"probability is {probability}; it must be at least 0 and below 1."));
        return input;
    }

    public override IReadOnlyList<BufferSpecification> Buffers(IReadOnlyList<long> input) =>
        [new("place", [], ScalarType.Int64, 0) { IsPersistent = false, IsDropoutPlace = true }];

    public override Tensor Forward(Tensor input, IReadOnlyList<Tensor> parameters, IReadOnlyList<Tensor> buffers, bool training)
    {
        // The caller's own tensor must not be moved between dispose scopes.
        if (!training)
            return input.alias();
        using var scope = NewDisposeScope();
        return (input * NextMask(input, buffers[0])).MoveToOuterDisposeScope();
    }

    public override nn.Module<Tensor, Tensor> ToModule(
        IReadOnlyList<long> input, IReadOnlyList<Tensor> parameters, IReadOnlyList<Tensor> buffers) => nn.Dropout(probability);

    private Tensor NextMask(Tensor input, Tensor place)
    {
        using var noGradient = no_grad();
        var key = CounterHash.child((ulong)place.item<long>(), stream);
        using var one = 1.ToScalar();
        place.add_(one);
        var mask = new float[input.numel()];
        var kept = (float)(1 / (1 - probability));
        for (var index = 0; index < mask.Length; index++)
            mask[index] = CounterHash.uniform(key, (ulong)index) < probability ? 0 : kept;
        return tensor(mask, input.shape, dtype: input.dtype, device: input.device);
    }
}
