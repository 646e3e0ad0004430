using System.Globalization;
using MappingNets.Experiments.Reporting;

namespace MappingNets.Experiments.Reproduce;

/// <summary>
/// CNN2 over the mapping's settings. All 324 combinations are rows that --methods can name ('*' for all); without it, three planes
/// through one point are run, and each is a heat map. Held-out images decide which setting is good.
/// </summary>
internal sealed class SweepExperiment : TableExperiment
{
    private static readonly SweepPoint Middle = new(2_048, "lwt-0.25", 0, MappingActivation.Identity, FixedWeightsKind.SignedPermutation);

    private const string Modulation = "modulation-activation";

    /// <summary>Stored fixed weights take 4 P d bytes, which would be 0.9 GB with 2,048 latents.</summary>
    private static readonly SweepPoint Small = Middle with { Latents = 512 };

    public override string Name => "sweep";

    public override string Summary => "CNN2 over latents x split (one latent, or by layer: lwt-p in proportion to the number of weights to the power p), modulation (alpha) x activation and fixed weights x split, as heat maps.";

    protected override IReadOnlyList<ExperimentRow> Rows { get; } = [.. SweepPoint.All.Select(RowOf)];

    protected override IReadOnlyList<ExperimentRow> Chosen(ExperimentData data, ExperimentOptions options)
    {
        if (options.Methods.Count > 0)
            return base.Chosen(data, options);
        var chosen = Planes(options.Quick).SelectMany(plane => plane.Points).ToHashSet();
        return [.. SweepPoint.All.Where(chosen.Contains).Select(RowOf)];
    }

    protected override TrainingOptions Training(ExperimentOptions options) => new() { Epochs = options.Epochs ?? (options.Quick ? 1 : 8) };

    protected override IReadOnlyList<string> Draw(ReportFile report, ExperimentOptions options)
    {
        var rows = ResultRows.Rows(report).ToDictionary(row => row.Row!);
        var pictures = new List<string>();
        foreach (var plane in Planes(quick: false))
        {
            // Only what was run: a quick look has fewer rows and columns.
            var ups = plane.Rows.Where(up => plane.Columns.Any(along => rows.ContainsKey(plane.At(up, along).Name))).ToArray();
            var alongs = plane.Columns.Where(along => ups.Any(up => rows.ContainsKey(plane.At(up, along).Name))).ToArray();
            if (ups.Length * alongs.Length < 2)
                continue;
            pictures.Add($"heat-map-{plane.Name}.png");
            HeatMap.Write(
                [.. ups.Select(Words)], [.. alongs.Select(Words)],
                (up, along) => rows.TryGetValue(plane.At(ups[up], alongs[along]).Name, out var row) ? 100 * (row.HeldOut?.Mean ?? double.NaN) : double.NaN,
                plane.Axes, $"CNN2 on {report.Dataset}: held-out accuracy, %\n({plane.Fixed})", options.File(pictures[^1]));
        }

        return pictures;
    }

    /// <summary>A setting as a reader of the pictures knows it.</summary>
    private static string Words(string setting) => setting switch
    {
        "slvt" => "one latent (slvt)",
        _ when setting.StartsWith("lwt-", StringComparison.Ordinal) => $"one a layer ({setting})",
        nameof(FixedWeightsKind.SignedPermutation) => "signed permutation",
        _ when int.TryParse(setting, CultureInfo.InvariantCulture, out var latents) => latents.ToString("N0", CultureInfo.InvariantCulture),
        _ => setting.ToLowerInvariant(),
    };

    /// <summary>The plane that its picture does not show: the first heat map has the latents.</summary>
    public override string Digest(ReportFile report)
    {
        var rows = ResultRows.Rows(report).ToDictionary(row => row.Row!);
        var plane = Planes(quick: false).Single(plane => plane.Name == Modulation);
        return $"Test % (train %); {plane.Fixed}:\n\n" + string.Join('\n', [
            $"| {plane.Axes.Rows} \\ {plane.Axes.Columns} | {string.Join(" | ", plane.Columns.Select(Words))} |",
            "|---|" + string.Concat(plane.Columns.Select(_ => "---:|")),
            .. plane.Rows.Select(up => $"| {Words(up)} | " + string.Join(" | ", plane.Columns.Select(along =>
                rows.TryGetValue(plane.At(up, along).Name, out var row) ? $"**{ResultRows.Text(row.Test, true)}** ({ResultRows.Text(row.Train?.Mean, true)})" : "")) + " |"),
        ]);
    }

    private static ExperimentRow RowOf(SweepPoint point) => new(point.Name, point.Label, point.Build)
    {
        Cost = point.Kind == FixedWeightsKind.Dense ? 1 + (point.Latents / 500.0) : 1,
    };

    private static Plane[] Planes(bool quick)
    {
        static string Text(IFormattable value) => value.ToString(null, CultureInfo.InvariantCulture);
        var latents = quick ? [512, 2_048] : SweepPoint.AllLatents;
        var alphas = quick ? [0, 0.01] : SweepPoint.Alphas;
        var activations = quick ? [MappingActivation.Identity, MappingActivation.Tanh] : SweepPoint.Activations;
        var splits = quick ? ["slvt", "lwt-0.25"] : SweepPoint.Splits;
        return
        [
            new(
                "latents-split", [.. splits], [.. latents.Select(count => Text(count))], ("split", "latents"), "signed permutation, identity, alpha 0",
                (up, along) => Middle with { Split = up, Latents = int.Parse(along, CultureInfo.InvariantCulture) }),
            new(
                Modulation, [.. alphas.Select(alpha => Text(alpha))], [.. activations.Select(activation => activation.ToString())],
                ("alpha", "activation"), "2,048 latents, lwt-0.25, signed permutation",
                (up, along) => Middle with { Alpha = double.Parse(up, CultureInfo.InvariantCulture), Activation = Enum.Parse<MappingActivation>(along) }),
            new(
                "kind-split", [.. splits], [.. SweepPoint.Kinds.Select(kind => kind.ToString())], ("split", "fixed weights"), "512 latents, identity, alpha 0",
                (up, along) => Small with { Split = up, Kind = Enum.Parse<FixedWeightsKind>(along) }),
        ];
    }

    private sealed record Plane(
        string Name, string[] Rows, string[] Columns, (string Rows, string Columns) Axes, string Fixed, Func<string, string, SweepPoint> At)
    {
        public IEnumerable<SweepPoint> Points => Rows.SelectMany(up => Columns.Select(along => At(up, along)));
    }
}
