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
    private readonly IReadOnlySet<string> beside;

    /// <summary>Starts a sequence; a numbered one names its layers by their place, "0", "1", ..., as PyTorch's Sequential does.</summary>
    /// <param name="inputShape">The shape of one sample.</param>
    /// <param name="numbered">Whether it is a numbered one.</param>
    /// <param name="beside">A sequence on the same level of names, over whose parts with weights or buffers automatic names step; null where there is none.</param>
    internal TargetNetworkBuilder(IReadOnlyList<long> inputShape, bool numbered = false, LayerSequence? beside = null)
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
        this.beside = (beside?.Steps ?? []).SelectMany(PartNames.Of).ToHashSet();
    }

    private TargetNetworkBuilder(LayerSequence layers, bool numbered, IReadOnlySet<string> beside) =>
        (this.layers, this.numbered, this.beside) = (layers, numbered, beside);

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
            var longer = layer.Name is null ? WithAutomaticName(layer) : layers.With(layer, GivenNameOf(layer, layer.Name));
            PartNames.RequireUnique([longer]);
            if (layer is CompositeLayer composite)
                PartNames.RequireUnique(composite.Parts);
            return new(longer, numbered, beside);
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

    private string GivenNameOf(Layer layer, string given)
    {
        if (given.Length == 0 && layer is CompositeLayer)
            return given;
        if (string.IsNullOrWhiteSpace(given) || given.Contains('.'))
            throw new ArgumentException($"the name '{given}' must be neither blank nor contain a dot.");
        if (IsTaken(given))
            throw new ArgumentException($"the name '{given}' is taken by an earlier layer.");
        return given;
    }

    private LayerSequence WithAutomaticName(Layer layer)
    {
        if (numbered)
        {
            var place = layers.Steps.Count.ToString(CultureInfo.InvariantCulture);
            if (IsTaken(place))
                throw new ArgumentException($"the name '{place}', its place, is taken by an earlier layer; give one of the two another name.");
            return layers.With(layer, place);
        }

        // The counter runs over the prefix's automatic names only and steps over a name that the user gave elsewhere.
        for (var number = 1 + layers.Steps.Count(step => step.Layer.Name is null && step.Layer.NamePrefix == layer.NamePrefix); ; number++)
        {
            var name = $"{layer.NamePrefix}{number}";
            if (IsTaken(name))
                continue;
            // Only layers with tensors count: one without any keeps the name that resume files know it by.
            var longer = layers.With(layer, name);
            if (!PartNames.Of(longer.Steps[^1]).Any(beside.Contains))
                return longer;
        }
    }

    private bool IsTaken(string name) => layers.Steps.Any(step => step.Name == name);
}
