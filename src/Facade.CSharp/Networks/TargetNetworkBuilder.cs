using System.Globalization;

namespace MappingNets;

/// <summary>
/// Describes a target network layer by layer, inferring every size. A builder is a value: each call returns a new one, so a
/// common trunk may be continued in several ways. Each kind of layer has its method in the file of the layer.
/// </summary>
public sealed partial class TargetNetworkBuilder
{
    private readonly LayerSequence layers;
    private readonly bool numbered;

    /// <summary>Starts a sequence; a numbered one names its layers by their place, "0", "1", ..., as PyTorch's Sequential does.</summary>
    internal TargetNetworkBuilder(IReadOnlyList<long> inputShape, bool numbered = false)
    {
        ArgumentNullException.ThrowIfNull(inputShape);
        if (inputShape.Count == 0)
            throw new ArgumentException(
                "The input shape is empty; it needs at least one size, without the batch dimension.", nameof(inputShape));
        if (inputShape.Any(size => size < 1))
            throw new ArgumentException(
                $"The input shape is {ShapeText.Of(inputShape)}; every size must be at least 1.", nameof(inputShape));
        layers = LayerSequence.Empty([.. inputShape]);
        this.numbered = numbered;
    }

    private TargetNetworkBuilder(LayerSequence layers, bool numbered) => (this.layers, this.numbered) = (layers, numbered);

    /// <summary>The shape of one sample after the last layer so far.</summary>
    public IReadOnlyList<long> Shape => layers.Output;

    internal LayerSequence Layers => layers;

    /// <summary>Appends any layer, also one of the user's own.</summary>
    /// <param name="layer">The layer.</param>
    /// <returns>A new builder with the layer at its end.</returns>
    /// <exception cref="ArgumentException">
    /// A setting of the layer is bad, its input does not suit it, or its name is taken; the message names the layer's number and
    /// kind, the input's shape and what is wrong.
    /// </exception>
    public TargetNetworkBuilder Add(Layer layer)
    {
        ArgumentNullException.ThrowIfNull(layer);
        try
        {
            return new(layers.With(layer, NameOf(layer)), numbered);
        }
        catch (Exception fault) when (fault is ArgumentException or OverflowException)
        {
            throw new ArgumentException(
                $"Layer {layers.Steps.Count + 1} ({layer.Kind}) on the input {ShapeText.Of(Shape)}: {fault.Message}", nameof(layer), fault);
        }
    }

    /// <summary>Finishes the network.</summary>
    /// <param name="name">What tables and checkpoints call it.</param>
    /// <exception cref="ArgumentException">The name is blank or no layer has weights.</exception>
    public TargetNetwork Build(string name = "target") => new SequentialTarget(name, layers);

    private string NameOf(Layer layer)
    {
        if (layer.Name is { } given)
        {
            if (given.Length == 0 && layer is CompositeLayer)
                return given;
            if (string.IsNullOrWhiteSpace(given) || given.Contains('.'))
                throw new ArgumentException($"the name '{given}' must be neither blank nor contain a dot.");
            if (IsTaken(given))
                throw new ArgumentException($"the name '{given}' is taken by an earlier layer.");
            return given;
        }

        if (numbered)
            return layers.Steps.Count.ToString(CultureInfo.InvariantCulture);

        // The counter runs over the prefix's automatic names only and steps over a name that the user gave elsewhere.
        var number = 1 + layers.Steps.Count(step => step.Layer.Name is null && step.Layer.NamePrefix == layer.NamePrefix);
        while (IsTaken($"{layer.NamePrefix}{number}"))
            number++;
        return $"{layer.NamePrefix}{number}";
    }

    private bool IsTaken(string name) => layers.Steps.Any(step => step.Name == name);
}
