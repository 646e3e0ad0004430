namespace MappingNets.Experiments.Reporting;

/// <summary>A trained model after quantisation: how large its file is and how it does.</summary>
/// <param name="What">What was quantised: "weights" or "latent".</param>
/// <param name="Format">"fp32" (nothing done), "fp16", "int8" or "int4".</param>
/// <param name="Bytes">The size of the file.</param>
/// <param name="HeldOutAccuracy">On the held-out images, by which a format is chosen.</param>
/// <param name="TestAccuracy">On the test images.</param>
public sealed record QuantizedRecord(string What, string Format, long Bytes, double HeldOutAccuracy, double TestAccuracy)
{
    /// <summary>The size of the file behind an entropy coder (Brotli at its highest level); null where that was not measured.</summary>
    public long? PackedBytes { get; init; }
}

/// <summary>The same format over the seeds of a row.</summary>
/// <param name="Row">What tables call the row.</param>
/// <param name="What">"weights" or "latent".</param>
/// <param name="Format">The format.</param>
/// <param name="Bytes">The mean size of the file.</param>
/// <param name="HeldOut">Accuracy on the held-out images.</param>
/// <param name="Test">Accuracy on the test images.</param>
/// <param name="LostHeldOut">What the mean held-out accuracy loses against single precision.</param>
public sealed record QuantizedRow(string Row, string What, string Format, double Bytes, Spread HeldOut, Spread Test, double LostHeldOut)
{
    /// <summary>The mean size behind an entropy coder; null where that was not measured.</summary>
    public double? PackedBytes { get; init; }

    /// <summary>The size that counts: behind the entropy coder where that was measured.</summary>
    public double Size => PackedBytes ?? Bytes;

    /// <summary>The rows that no smaller file equals on the held-out images, by size.</summary>
    /// <param name="rows">All rows.</param>
    public static IReadOnlyList<QuantizedRow> Front(IEnumerable<QuantizedRow> rows)
    {
        var front = new List<QuantizedRow>();
        foreach (var row in rows.OrderBy(row => row.Size).ThenByDescending(row => row.HeldOut.Mean))
            if (front.Count == 0 || row.HeldOut.Mean > front[^1].HeldOut.Mean)
                front.Add(row);
        return front;
    }

    /// <summary>The rows of some runs, in their order; empty where nothing was quantised.</summary>
    /// <param name="runs">The runs.</param>
    public static IReadOnlyList<QuantizedRow> Of(IReadOnlyList<RunRecord> runs)
    {
        var all = runs.SelectMany(run => run.Quantized ?? [], (run, result) => (Label: run.Label ?? run.Method, Result: result))
            .GroupBy(pair => (pair.Label, pair.Result.What, pair.Result.Format))
            .Select(group => new QuantizedRow(
                group.Key.Label,
                group.Key.What,
                group.Key.Format,
                group.Average(pair => pair.Result.Bytes),
                Spread.Of(group.Select(pair => (double?)pair.Result.HeldOutAccuracy))!,
                Spread.Of(group.Select(pair => (double?)pair.Result.TestAccuracy))!,
                0)
            { PackedBytes = group.Average(pair => (double?)pair.Result.PackedBytes) })
            .ToArray();
        return [.. all.Select(row => row with
        {
            LostHeldOut = all.First(other => other.Row == row.Row && other.What == row.What && other.Format == "fp32").HeldOut.Mean - row.HeldOut.Mean,
        })];
    }
}
