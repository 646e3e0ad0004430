using Orleans;

namespace MappingNets;

/// <summary>What a worker sends for a step, and asks with for the step's record.</summary>
/// <param name="Worker">Who sends it.</param>
/// <param name="Step">The step, counted from 0 over the run.</param>
/// <param name="Digest">A digest of the trained parameters before the step, which are the same everywhere; 0 where they are too many to digest.</param>
/// <param name="Parts">The parts of the step that it has computed; none where it only asks.</param>
[GenerateSerializer, Immutable]
internal sealed record Contribution(
    [property: Id(0)] string Worker,
    [property: Id(1)] long Step,
    [property: Id(2)] ulong Digest,
    [property: Id(3)] Part[] Parts)
{
    /// <summary>How many bytes of gradients and statistics it has.</summary>
    public long Bytes => Parts.Sum(part => (long)part.Gradient.Length + part.Statistics.Length);
}

/// <summary>One part of a step.</summary>
/// <param name="Index">Which, from 0.</param>
/// <param name="Gradient">
/// Its share of the step's gradient, single precision, little-endian, parameter after parameter; empty where the step has no such part and
/// only the statistics are sent.
/// </param>
/// <param name="Present">Which parameters have a gradient; the others have zeros.</param>
/// <param name="Figures">What the epoch adds up of it; null where the step has no such part.</param>
/// <param name="Statistics">The floating buffers that the part has moved in this epoch, in the last step of an epoch; otherwise empty.</param>
[GenerateSerializer, Immutable]
internal sealed record Part(
    [property: Id(0)] int Index,
    [property: Id(1)] byte[] Gradient,
    [property: Id(2)] bool[] Present,
    [property: Id(3)] PartFigures? Figures,
    [property: Id(4)] byte[] Statistics)
{
    // The other figures, and what stands between all these.
    private const long Rest = 256;

    /// <summary>About how many bytes it takes in a message.</summary>
    public long Bytes =>
        (long)Gradient.Length + Statistics.Length + Present.Length + (Figures?.MetricBytes ?? 0) + Rest;
}

/// <summary><see cref="BatchFigures"/> on their way.</summary>
[GenerateSerializer, Immutable]
internal sealed record PartFigures(
    [property: Id(0)] double Total,
    [property: Id(1)] double Task,
    [property: Id(2)] double Weight,
    [property: Id(3)] int Count,
    [property: Id(4)] long Right,
    [property: Id(5)] long Judged,
    [property: Id(6)] double?[] Terms,
    [property: Id(7)] double[][] Metrics)
{
    /// <summary>How many terms there are.</summary>
    public static int TermCount => StepLoss.TermNames.Length;

    /// <summary>How many bytes the sums of the metrics take: the other figures have one length, these grow with the square of the classes.</summary>
    public long MetricBytes => sizeof(double) * Metrics.Sum(metric => (long)metric.Length);

    /// <summary>The figures of a batch.</summary>
    public static PartFigures From(BatchFigures batch) =>
        new(batch.Total, batch.Task, batch.Weight, batch.Count, batch.Right, batch.Judged, [.. batch.Terms], batch.Metrics);

    /// <summary>The same for the epoch's sums.</summary>
    public BatchFigures ToBatch() => new(Total, Task, Weight, Count, Right, Judged, Terms, Metrics);
}

/// <summary>What a step came to: with the state before it, all that the state after it depends on.</summary>
/// <param name="Step">The step, counted from 0 over the run; there is one record of each.</param>
/// <param name="Gradient">The gradient of all parts together, as in <see cref="Part.Gradient"/>.</param>
/// <param name="Present">Which parameters have a gradient.</param>
/// <param name="Figures">The parts' figures, in their order.</param>
/// <param name="Statistics">The mean of the parts' buffers after the last step of an epoch; otherwise empty.</param>
[GenerateSerializer, Immutable]
internal sealed record StepRecord(
    [property: Id(0)] long Step,
    [property: Id(1)] byte[] Gradient,
    [property: Id(2)] bool[] Present,
    [property: Id(3)] PartFigures[] Figures,
    [property: Id(4)] byte[] Statistics)
{
    // The other figures of a part.
    private const long Rest = 128;

    /// <summary>About how much memory it takes.</summary>
    public long Bytes => (long)Gradient.Length + Statistics.Length + Present.Length + Figures.Sum(part => part.MetricBytes + Rest);
}
