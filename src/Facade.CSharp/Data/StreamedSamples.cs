using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>Samples that are made when a batch needs them: a function of a sample's number, and which numbers there are.</summary>
internal sealed record StreamedSamples(
    int[] Numbers,
    IReadOnlyList<IReadOnlyList<long>> InputShapes,
    IReadOnlyList<ScalarType> InputTypes,
    IReadOnlyList<long> TargetShape,
    int Classes,
    Func<int, (Tensor Input, Tensor Target)> Load)
{
    /// <summary>The class of each sample by its number, where it is known without making the sample.</summary>
    public IReadOnlyList<long>? Labels { get; init; }

    /// <summary>The same samples, some of them, by their places.</summary>
    public StreamedSamples At(IEnumerable<long> places) => this with { Numbers = [.. places.Select(place => Numbers[place])] };

    /// <summary>The samples at some places as one batch, (N, ...) each, in the caller's dispose scope.</summary>
    public (Tensor[] Inputs, Tensor Targets) Gather(IReadOnlyList<long> places)
    {
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        var inputs = empty([places.Count, .. InputShapes[0]], InputTypes[0]);
        var targets = empty([places.Count, .. TargetShape], Classes > 0 ? ScalarType.Int64 : ScalarType.Float32);
        // One sample at a time, so that the batch is in memory once.
        for (var index = 0; index < places.Count; index++)
        {
            using var one = NewDisposeScope();
            var (input, target) = Checked(Numbers[places[index]]);
            inputs.select(0, index).copy_(input);
            targets.select(0, index).copy_(target);
        }

        return ([inputs.MoveToOuterDisposeScope()], targets.MoveToOuterDisposeScope());
    }

    private (Tensor Input, Tensor Target) Checked(int number)
    {
        var (input, target) = Load(number);
        if (!input.shape.SequenceEqual(InputShapes[0]) || !target.shape.SequenceEqual(TargetShape))
            throw new InvalidOperationException(
                $"Sample {number} came as {ShapeText.Of(input.shape)} and {ShapeText.Of(target.shape)}; the data set announced "
                + $"{ShapeText.Of(InputShapes[0])} and {ShapeText.Of(TargetShape)}.");
        var type = Classes > 0 ? ScalarType.Int64 : ScalarType.Float32;
        if (input.dtype != InputTypes[0] || target.dtype != type)
            throw new InvalidOperationException(
                $"Sample {number} came as {input.dtype} and {target.dtype}; it must be {InputTypes[0]} and {type}.");
        if (Labels is not null && target.item<long>() != Labels[number])
            throw new InvalidOperationException($"Sample {number} has the label {target.item<long>()}; {Labels[number]} was announced.");
        if (Classes > 0 && Dataset.FirstOutside(target, Classes) is var (_, label))
            throw new InvalidOperationException($"Sample {number} has the label {label}; with {Classes} classes it must be below {Classes}.");
        return (input, target);
    }
}
