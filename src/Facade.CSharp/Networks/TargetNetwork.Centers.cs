using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets;

// The one place that knows what generated weights are added to.
public abstract partial class TargetNetwork
{
    /// <summary>Generated weights with each tensor's center added, where it has one; differentiable.</summary>
    internal IReadOnlyList<Tensor> AroundCenters(IReadOnlyList<Tensor> generated) =>
        [.. generated.Zip(Parameters, (weight, parameter) => parameter.Center == 0 ? weight : Around(weight, parameter.Center))];

    /// <summary>The same in place, for weights in a buffer that no graph goes through.</summary>
    internal void MoveToCenters(IReadOnlyList<Tensor> generated)
    {
        foreach (var (weight, parameter) in generated.Zip(Parameters))
            MoveToCenter(weight, parameter);
    }

    /// <summary>The same for one weight.</summary>
    internal static void MoveToCenter(Tensor weight, ParameterSpecification parameter)
    {
        if (parameter.Center == 0)
            return;
        using var center = parameter.Center.ToScalar();
        weight.add_(center);
    }

    private static Tensor Around(Tensor weight, double value)
    {
        // Held until the end: the collector may free a number that an operation has just been given and is still reading.
        using var center = value.ToScalar();
        return weight + center;
    }
}
