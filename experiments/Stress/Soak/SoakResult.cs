namespace MappingNets.Experiments.Stress;

/// <summary>What a process held at one moment, between two rounds and after a collection.</summary>
/// <param name="Seconds">Since its start.</param>
/// <param name="PrivateBytes">The memory that belongs to it alone.</param>
/// <param name="ManagedBytes">The heap of the runtime.</param>
/// <param name="Rounds">How many rounds it had done.</param>
internal sealed record SoakSample(double Seconds, long PrivateBytes, long ManagedBytes, long Rounds);

/// <summary>What an hour of one kind gave.</summary>
/// <param name="Kind">Its name.</param>
/// <param name="Rounds">A round builds, trains, saves, loads and disposes; in serving it is some hundreds of requests.</param>
/// <param name="Steps">Training steps, or predictions in serving.</param>
/// <param name="Swaps">Swaps of adapters; 0 where nothing is served.</param>
/// <param name="Parameters">How many TorchSharp Parameters the counted rounds made.</param>
/// <param name="TensorsLeft">By how much Tensor.TotalCount grew over the counted rounds.</param>
/// <param name="WrongResults">Rounds or answers with other bits than the first.</param>
/// <param name="FirstFault">What ended the run early; null where it came to its end.</param>
/// <param name="Samples">The memory over time.</param>
internal sealed record SoakResult(
    string Kind,
    long Rounds,
    long Steps,
    long Swaps,
    long Parameters,
    long TensorsLeft,
    long WrongResults,
    string? FirstFault,
    IReadOnlyList<SoakSample> Samples)
{
    private const double WarmUp = 1.0 / 6;
    private const double Mebibyte = 1 << 20;

    /// <summary>What growth over the run is taken for noise of the allocators, MiB.</summary>
    public const double Tolerance = 4;

    /// <summary>The private memory that the samples after the warm-up (the first sixth) begin with on average, MiB.</summary>
    public double PrivateMebibytes => Settled.Count == 0 ? double.NaN : Settled.Average(sample => sample.PrivateBytes) / Mebibyte;

    /// <summary>By how much private memory grew after the warm-up, by the straight line of least squares, MiB.</summary>
    public double GrowthMebibytes
    {
        get
        {
            if (Settled.Count < 3)
                return double.NaN;
            var (middle, mean) = (Settled.Average(sample => sample.Seconds), Settled.Average(sample => sample.PrivateBytes));
            var slope = Settled.Sum(sample => (sample.Seconds - middle) * (sample.PrivateBytes - mean))
                / Settled.Sum(sample => (sample.Seconds - middle) * (sample.Seconds - middle));
            // The 0 turns a negative zero, which a table would show with two signs, into a positive one.
            return Math.Round(slope * (Settled[^1].Seconds - Settled[0].Seconds) / Mebibyte, 2) + 0.0;
        }
    }

    /// <summary>Whether memory is flat, no tensor is left beside one a Parameter, and every result has the bits of the first.</summary>
    public bool Passed =>
        FirstFault is null && WrongResults == 0 && TensorsLeft <= Parameters && GrowthMebibytes <= Tolerance;

    private List<SoakSample> Settled
    {
        get
        {
            var end = Samples.Count == 0 ? 0 : Samples[^1].Seconds;
            return [.. Samples.Where(sample => sample.Seconds >= WarmUp * end)];
        }
    }
}
