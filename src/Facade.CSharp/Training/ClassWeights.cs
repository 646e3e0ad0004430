using System.Globalization;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>How much each class, or each output, counts in a loss.</summary>
internal sealed class ClassWeights
{
    private readonly IReadOnlyList<double> values;
    private readonly Tensor tensor;

    private ClassWeights(IReadOnlyList<double> values)
    {
        this.values = values;
        // Kept as long as the loss that weighs by it.
        tensor = InferenceTensors.Lasting(() => TorchSharp.torch.tensor([.. values.Select(value => (float)value)], device: CPU));
    }

    /// <summary>The weights; null where all count alike.</summary>
    /// <exception cref="ArgumentException">A weight is not positive and finite, or there is none.</exception>
    public static ClassWeights? Of(IReadOnlyList<double>? values, string argument)
    {
        if (values is null)
            return null;
        if (values.Count == 0 || values.Any(value => !(value > 0 && float.IsFinite((float)value))))
            throw new ArgumentException(
                $"The weights are ({string.Join(", ", values.Select(Text))}); each must be positive and finite, and there must be at least one.",
                argument);
        return new([.. values]);
    }

    /// <summary>The weights on a device, single precision.</summary>
    public Tensor At(Device device) => tensor.to(device);

    /// <summary>The weight of each label's class, in the labels' shape; 0 where a label is not judged.</summary>
    /// <param name="labels">Classes.</param>
    /// <param name="judged">Booleans of the same shape.</param>
    public Tensor Of(Tensor labels, Tensor judged) =>
        At(labels.device).index_select(0, where(judged, labels, zeros_like(labels)).reshape(-1)).reshape(labels.shape).mul(judged);

    /// <summary>Refuses a network with another number of outputs.</summary>
    public void Require(long outputs, string network, string argument)
    {
        if (values.Count != outputs)
            throw new ArgumentException($"There are {values.Count} weights; '{network}' needs {outputs}, one for each output.", argument);
    }

    public override string ToString() => string.Join(" ", values.Select(Text));

    private static string Text(double value) => value.ToString("R", CultureInfo.InvariantCulture);
}
