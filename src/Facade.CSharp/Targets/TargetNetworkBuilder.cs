namespace MappingNets;

/// <summary>
/// Describes a target network layer by layer, inferring every size. A builder is a value: each call returns a new one, so a
/// common trunk may be continued in several ways. The layers themselves are extension methods, one file per layer.
/// </summary>
public sealed class TargetNetworkBuilder
{
    private readonly IReadOnlyList<long> inputShape;
    private readonly SequentialTarget.Step[] steps;

    internal TargetNetworkBuilder(IReadOnlyList<long> inputShape)
    {
        ArgumentNullException.ThrowIfNull(inputShape);
        if (inputShape.Count == 0)
            throw new ArgumentException(
                "The input shape is empty; it needs at least one size, without the batch dimension.", nameof(inputShape));
        if (inputShape.Any(size => size < 1))
            throw new ArgumentException(
                $"The input shape is {ShapeText.Of(inputShape)}; every size must be at least 1.", nameof(inputShape));
        this.inputShape = [.. inputShape];
        steps = [];
    }

    private TargetNetworkBuilder(IReadOnlyList<long> inputShape, SequentialTarget.Step[] steps) =>
        (this.inputShape, this.steps) = (inputShape, steps);

    /// <summary>The shape of one sample after the last layer so far.</summary>
    public IReadOnlyList<long> Shape => steps.Length == 0 ? inputShape : steps[^1].Output;

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
            var name = NameOf(layer);
            var output = layer.InferOutput(Shape);
            var parameters = layer.Parameters(Shape).Select(parameter => parameter with { Name = $"{name}.{parameter.Name}" });
            return new(inputShape, [.. steps, new(layer, name, Shape, output, [.. parameters])]);
        }
        catch (Exception fault) when (fault is ArgumentException or OverflowException)
        {
            throw new ArgumentException(
                $"Layer {steps.Length + 1} ({layer.Kind}) on the input {ShapeText.Of(Shape)}: {fault.Message}", nameof(layer), fault);
        }
    }

    /// <summary>Finishes the network.</summary>
    /// <param name="name">What tables and checkpoints call it.</param>
    /// <exception cref="ArgumentException">The name is blank or no layer has weights.</exception>
    public TargetNetwork Build(string name = "target") => new SequentialTarget(name, inputShape, steps);

    private string NameOf(Layer layer)
    {
        if (layer.Name is { } given)
        {
            if (string.IsNullOrWhiteSpace(given) || given.Contains('.'))
                throw new ArgumentException($"the name '{given}' must be neither blank nor contain a dot.");
            if (IsTaken(given))
                throw new ArgumentException($"the name '{given}' is taken by an earlier layer.");
            return given;
        }

        // The counter runs over the prefix's automatic names only and steps over a name that the user gave elsewhere.
        var number = 1 + steps.Count(step => step.Layer.Name is null && step.Layer.NamePrefix == layer.NamePrefix);
        while (IsTaken($"{layer.NamePrefix}{number}"))
            number++;
        return $"{layer.NamePrefix}{number}";
    }

    private bool IsTaken(string name) => steps.Any(step => step.Name == name);
}
