using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>Refuses data that does not fit a target before anything is computed.</summary>
internal static class DatasetChecks
{
    /// <summary>The most numbers of inputs at a time that are evaluated: 21 images of 3 x 256 x 256, whose maps in a network are many times that.</summary>
    private const long InputsAtATime = 1 << 22;

    /// <summary>The most numbers of outputs at a time, of which losses keep several copies: 5 texts of 64 tokens from a vocabulary of 50,257.</summary>
    private const long OutputsAtATime = 1 << 24;

    /// <summary>How many samples are evaluated at a time.</summary>
    public static int BatchOf(TargetNetwork target, Dataset data, int atMost)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(atMost, 1, "batchSize");
        var (inputs, outputs) = (data.InputShapes.Sum(ShapeText.Product), Math.Max(1, ShapeText.Product(target.OutputShape)));
        return (int)Math.Clamp(Math.Min(InputsAtATime / inputs, OutputsAtATime / outputs), 1, atMost);
    }

    /// <summary>Whether right and wrong labels can be counted: the data has classes, one for each place that the network classifies.</summary>
    public static bool HasAccuracy(TargetNetwork target, Dataset data) =>
        data.IsClassification && target.OutputShape.Count > 0 && data.TargetShape.SequenceEqual(target.OutputShape.Skip(1));

    /// <summary>Whether numbers to regress and outputs are of one shape.</summary>
    public static bool HasOneTargetForEachOutput(TargetNetwork target, Dataset data) =>
        IsOneNumber(target, data) || data.TargetShape.SequenceEqual(target.OutputShape);

    /// <summary>Targets (N) as (N, 1) where the network puts out one number a sample.</summary>
    public static Tensor Fitted(Tensor targets, TargetNetwork target, Dataset data) =>
        IsOneNumber(target, data) ? targets.unsqueeze(1) : targets;

    /// <summary>Refuses data that does not fit.</summary>
    /// <param name="target">The network.</param>
    /// <param name="data">The data.</param>
    /// <param name="loss">The loss; one of the user's own may read targets of any shape and type.</param>
    public static void Check(TargetNetwork target, Dataset data, TaskLoss? loss = null)
    {
        ArgumentNullException.ThrowIfNull(data);
        if (data.InputShapes.Count != target.Inputs.Count)
            throw new ArgumentException(
                $"Each sample has {data.InputShapes.Count} inputs; '{target.Name}' takes {target.Inputs.Count}.", nameof(data));
        for (var index = 0; index < target.Inputs.Count; index++)
            CheckInput(target, data.InputShapes[index], data.InputTypes[index], index);
        if (loss is not { TakesAnyTargets: true })
            CheckTargets(target, data);
    }

    private static void CheckTargets(TargetNetwork target, Dataset data)
    {
        var output = target.OutputShape;
        if (data.IsClassification
            && (output.Count == 0 || output[0] < data.ClassNames.Count || (data.TargetShape.Count == 0 && output.Count != 1)))
            throw new ArgumentException(
                $"The data set has {data.ClassNames.Count} classes; '{target.Name}' puts out {ShapeText.Of(output)}.",
                nameof(data));
        if (data.IsClassification && !data.TargetShape.SequenceEqual(output.Skip(1)))
            throw new ArgumentException(
                $"The labels of each sample have the shape {ShapeText.Of(data.TargetShape)}; '{target.Name}' needs "
                + (output.Count == 1 ? "one label, so labels of (N); where they are (N, 1), labels.squeeze(1) makes them so." : $"one for each place, {ShapeText.Of(output.Skip(1))}."),
                nameof(data));
        if (!data.IsClassification && data.TargetType != ScalarType.Float32)
            throw new ArgumentException($"The targets are {data.TargetType}; they must be Float32.", nameof(data));
        if (!data.IsClassification && !HasOneTargetForEachOutput(target, data))
            throw new ArgumentException(
                $"The targets have the shape {ShapeText.Of(data.TargetShape)}; '{target.Name}' puts out {ShapeText.Of(target.OutputShape)}.",
                nameof(data));
    }

    private static void CheckInput(TargetNetwork target, IReadOnlyList<long> shape, ScalarType type, int index)
    {
        var (wanted, called) = (target.Inputs[index], target.Inputs.Count == 1 ? "samples" : $"samples' inputs {index + 1}");
        // Floats come in single precision, also to a module of another.
        var right = FloatTypes.Contains(wanted.Type) ? ScalarType.Float32 : wanted.Type;
        if (type != right)
            throw new ArgumentException($"The {called} are {type}; they must be {right}.", "data");
        if (!shape.SequenceEqual(wanted.Shape))
            throw new ArgumentException(
                $"The {called} have the shape {ShapeText.Of(shape)}; '{target.Name}' takes {ShapeText.Of(wanted.Shape)}.", "data");
    }

    private static bool IsOneNumber(TargetNetwork target, Dataset data) =>
        !data.IsClassification && data.TargetShape.Count == 0 && target.OutputShape is [1];
}
