using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>Writes a sample's input, single precision, all of its elements in order.</summary>
/// <param name="number">The sample's number.</param>
/// <param name="input">Where to.</param>
internal delegate void SampleWriter(int number, Span<float> input);

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

    private const long PieceElements = 1 << 24;

    /// <summary>
    /// Writes the input of a sample, by its number, where its batch is: for samples whose labels are known, without a tensor for each. Null where
    /// samples come as tensors.
    /// </summary>
    public SampleWriter? Write { get; init; }

    /// <summary>The same samples, some of them, by their places.</summary>
    public StreamedSamples At(IEnumerable<long> places) => this with { Numbers = [.. places.Select(place => Numbers[place])] };

    /// <summary>The samples at some places as one batch, (N, ...) each, in the caller's dispose scope.</summary>
    public (Tensor[] Inputs, Tensor Targets) Gather(IReadOnlyList<long> places)
    {
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        var inputs = empty([places.Count, .. InputShapes[0]], InputTypes[0], device: CPU);
        if (Write is not null)
        {
            var index = 0;
            // Pieces, for a span cannot hold more than 2 GB.
            var each = Math.Max(1, (int)(PieceElements / Math.Max(1, inputs.stride(0))));
            for (var first = 0L; first < places.Count; first += each)
            {
                using var piece = inputs.narrow(0, first, Math.Min(each, places.Count - first));
                var values = MemoryMarshal.Cast<byte, float>(piece.bytes);
                for (var size = (int)inputs.stride(0); !values.IsEmpty; values = values[size..])
                    Write(Numbers[places[index++]], values[..size]);
            }

            var labels = tensor(places.Select(place => Labels![Numbers[place]]).ToArray(), dtype: int64, device: CPU);
            return ([inputs.MoveToOuterDisposeScope()], labels.MoveToOuterDisposeScope());
        }

        var targets = empty([places.Count, .. TargetShape], Classes > 0 ? ScalarType.Int64 : ScalarType.Float32, device: CPU);
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
        // Like tensors in memory, samples are refused where they come in; a run would name a step, not a sample.
        foreach (var (values, what) in new[] { (input, "input"), (target, "target") })
            if (!FiniteNumbers.AllIn(values))
                throw new InvalidOperationException($"Sample {number} has a number that is not finite in its {what}; all must be finite.");
        // An announced label is within the classes.
        if (Labels is not null)
            return target.item<long>() == Labels[number]
                ? (input, target)
                : throw new InvalidOperationException($"Sample {number} has the label {target.item<long>()}; {Labels[number]} was announced.");
        if (Classes > 0 && Dataset.FirstOutside(target, Classes) is var (_, label))
            throw new InvalidOperationException($"Sample {number} has the label {label}; with {Classes} classes it must be below {Classes}.");
        return (input, target);
    }
}
