using MappingNets.Core;
using Microsoft.FSharp.Collections;
using Microsoft.FSharp.Core;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>
/// One layer of a target network as a value: its settings, and pure functions of an input shape, an input and weights. It
/// holds no tensor. A new kind of layer is one class derived from this one, which <see cref="TargetNetworkBuilder.Add"/> appends; a
/// kind with buffers or with a function of its own in training derives from <see cref="StatefulLayer"/>.
/// </summary>
public abstract class Layer
{
    /// <summary>Starts a layer.</summary>
    /// <param name="name">Its explicit name, or null to be numbered by its <see cref="NamePrefix"/>.</param>
    protected Layer(string? name) => Name = name;

    /// <summary>The name the user gave, or null where the builder numbers it ("conv1", "conv2", ...).</summary>
    public string? Name { get; }

    /// <summary>The kind as PyTorch calls it, such as "Conv2d".</summary>
    public abstract string Kind { get; }

    /// <summary>What the automatic name starts with, such as "conv"; the builder appends a counter per prefix.</summary>
    public abstract string NamePrefix { get; }

    /// <summary>
    /// What tells the layer from others of its kind and shapes, such as "stride 2", in words; empty, the default, says that nothing does. A run goes
    /// on from its resume file only with layers of the same kinds and settings.
    /// </summary>
    public virtual string Settings => "";

    /// <summary>
    /// Whether the layer's input is whole numbers (int64) such as token ids, instead of floats. Such a layer must be the first, since
    /// none puts out whole numbers.
    /// </summary>
    public virtual bool TakesWholeNumbers => false;

    /// <summary>The output's shape for one sample.</summary>
    /// <param name="input">The input's shape for one sample, without the batch dimension.</param>
    /// <exception cref="ArgumentException">
    /// A setting is bad or the input does not suit the layer; the message is the bare reason, to which the builder adds the place.
    /// </exception>
    public abstract IReadOnlyList<long> InferOutput(IReadOnlyList<long> input);

    /// <summary>The weights the layer needs, by local names ("weight", "bias"); none by default.</summary>
    /// <param name="input">An input shape that <see cref="InferOutput"/> accepted.</param>
    public virtual IReadOnlyList<ParameterSpecification> Parameters(IReadOnlyList<long> input) => [];

    /// <summary>The tensors beside the weights that the layer needs, by local names; none by default. See <see cref="StatefulLayer"/>.</summary>
    /// <param name="input">An input shape that <see cref="InferOutput"/> accepted.</param>
    public virtual IReadOnlyList<BufferSpecification> Buffers(IReadOnlyList<long> input) => [];

    /// <summary>The layer's function: (N, input) and its weights -> (N, output).</summary>
    /// <param name="input">A batch (N, ...) whose sample shape <see cref="InferOutput"/> accepted.</param>
    /// <param name="parameters">One tensor per entry of <see cref="Parameters"/>, in that order.</param>
    public abstract Tensor Forward(Tensor input, IReadOnlyList<Tensor> parameters);

    /// <summary>A plain TorchSharp module of the same function, holding copies of the weights on their device and of their dtype.</summary>
    /// <param name="input">The input's shape for one sample.</param>
    /// <param name="parameters">One tensor per entry of <see cref="Parameters"/>, in that order.</param>
    public abstract nn.Module<Tensor, Tensor> ToModule(IReadOnlyList<long> input, IReadOnlyList<Tensor> parameters);

    /// <summary>
    /// What the layer's author vouches for in evaluation, so that networks with the layer can be certified; null, the default, vouches for nothing. The
    /// library's own layers have rules instead.
    /// </summary>
    /// <param name="input">An input shape that <see cref="InferOutput"/> accepted.</param>
    public virtual LayerConstants? Constants(IReadOnlyList<long> input) => null;

    /// <summary>The layer as <see cref="NetworkLipschitz"/> knows it; null where it has no rule for the kind.</summary>
    /// <param name="at">Where it stands; buffers in double precision, on the CPU.</param>
    internal virtual TargetLayer? Rule(LayerPlace at) => Constants(at.Input) is not { } stated
        ? null
        : TargetLayer.NewUserLayer(new(
            at.Name,
            [.. InferOutput(at.Input)],
            stated.Input,
            stated.AtZero,
            ListModule.OfSeq(stated.Weights.Select(weight => Tuple.Create(LayerPlace.Joined(at.Name, weight.Key), weight.Value))),
            stated.Roundings is { } roundings ? FSharpOption<double>.Some(roundings) : null));

    /// <summary>Refuses with a bare reason unless a condition holds.</summary>
    /// <param name="condition">What must hold.</param>
    /// <param name="reason">What is wrong and what would be right.</param>
    /// <exception cref="ArgumentException">The condition does not hold.</exception>
    protected static void Require(bool condition, string reason)
    {
        if (!condition)
            throw new ArgumentException(reason);
    }

    /// <summary>The weight and, where there is one, the bias of a layer, by PyTorch's local names.</summary>
    /// <param name="weight">The weight's shape, outputs first.</param>
    /// <param name="fanIn">How many inputs feed each output.</param>
    /// <param name="bias">Whether a bias of one number per output follows.</param>
    protected static IReadOnlyList<ParameterSpecification> WeightAndBias(IReadOnlyList<long> weight, long fanIn, bool bias) =>
        bias
            ? [new("weight", weight, fanIn) { IsLinearMap = true }, new("bias", [weight[0]], fanIn)]
            : [new("weight", weight, fanIn) { IsLinearMap = true }];

    /// <summary>A weight of a plain module: a copy of a tensor's values, on its device and of its dtype, without its history.</summary>
    /// <param name="value">The tensor to copy.</param>
    protected static Parameter Copied(Tensor value)
    {
        using var detached = value.detach();
        return new Parameter(detached.clone());
    }
}
