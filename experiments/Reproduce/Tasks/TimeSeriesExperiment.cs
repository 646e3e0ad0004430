using System.Globalization;
using MappingNets.Experiments.Reporting;
using MappingNets.Experiments.Rivals;
using MappingNets.Experiments.SyntheticData;
using TorchSharp;

namespace MappingNets.Experiments.Reproduce;

/// <summary>The paper's table of air pollution: an LSTM reads 24 hours of 67 features and forecasts the next hour's PM2.5.</summary>
internal sealed class TimeSeriesExperiment : TableExperiment
{
    private const string RootMeanSquare = "RMSE";
    private const int SyntheticHours = 10_000;
    private const int QuickHours = 4_000;
    private const int HoursShown = 168;

    // Six pictures of nearly the same curve are no more to look at than two.
    private static readonly string[] RowsShown = ["direct", "slvt-2048"];

    // What the rows' last steps need of the data; set where it is loaded.
    private AirQualityScale scale = new(1, 0, 0, new(0, 0, 0));

    public override string Name => "timeseries";

    public override string Summary =>
        "An LSTM (12,961 weights) forecasts the next hour's PM2.5: direct training, and 64 to 2,048 latents.";

    public override string Usage => "--dataset prsa:FOLDER names the PRSA files.";

    protected override IReadOnlyList<ExperimentRow> Rows => RowsOf(() => Targets.Lstm());

    protected override IReadOnlyList<ExperimentRow> RowsFor(ExperimentData data, ExperimentOptions options)
    {
        var (hours, features) = (data.Test.InputShape[0], data.Test.InputShape[1]);
        return [.. RowsOf(() => Targets.Lstm(features, hours)).Select(row => row with
        {
            Finish = (model, run) => Finish(row, model, run, data.Test, options),
        })];
    }

    protected override TrainingOptions Training(ExperimentOptions options) => new() { Epochs = options.Epochs ?? (options.Quick ? 8 : 30) };

    protected override ExperimentData Load(ExperimentOptions options)
    {
        var (source, folder) = Source(options);
        Console.WriteLine(source.Statement);
        using var air = AirQuality.Load(folder);
        // A quick look is at the hours on both sides of the split.
        var (past, next) = options.Quick ? (QuickHours * 4 / 5, QuickHours / 5) : (int.MaxValue, int.MaxValue);
        using var some = air.Training.Slice(Math.Max(0, air.Training.Count - past), Math.Min(past, air.Training.Count));
        using var earlier = some.ToMemory();
        using var later = air.Test.Take(Math.Min(next, air.Test.Count));
        var test = later.ToMemory();
        // Held out are the hours just before the test part: chance would put neighbours of every one into the training part.
        var kept = Math.Max(1, earlier.Count * 9 / 10);
        var (training, heldOut) = (earlier.Slice(0, kept), earlier.Slice(kept, earlier.Count - kept));
        scale = new(
            air.LargestTarget - air.SmallestTarget, air.SmallestTarget, Unchanged(air, test), RidgeForecast.Of(training, heldOut, test));
        return new(training, heldOut, test) { Source = source };
    }

    protected override string? Remarks(ReportFile report) =>
        "Loss: the mean squared error of PM2.5 scaled to 0 .. 1 over the training part. RMSE: its root, in micrograms a cubic metre. "
        + FormattableString.Invariant($"The ridge regression's lambda, {scale.Ridge.Penalty:G2}, was chosen on the held-out hours.");

    protected override IReadOnlyList<ReferenceRow> References =>
    [
        Reference("no change from one hour to the next", 0, scale.Unchanged),
        Reference("ridge regression on all hours and features", scale.Ridge.Fitted, scale.Ridge.Loss),
    ];

    protected override IReadOnlyList<string> Draw(ReportFile report, ExperimentOptions options) =>
        [.. base.Draw(report, options), .. report.Runs.Select(run => Picture(run.Row!)).Distinct().Where(name => File.Exists(options.File(name)))];

    private static IReadOnlyList<ExperimentRow> RowsOf(Func<TargetNetwork> target) =>
        [TaskRows.Direct("", target), .. new[] { 64, 256, 512, 1_024, 2_048 }.Select(latents => TaskRows.Slvt("", target, latents))];

    private static (DataSource Source, string Folder) Source(ExperimentOptions options)
    {
        if (DataSource.Folder(options, "prsa") is var (name, folder))
            return (DataSource.Real(name), folder);
        var (synthetic, hours) = (options.File("synthetic-data"), options.Quick ? QuickHours : SyntheticHours);
        SyntheticAirQuality.Write(synthetic, hours, seed: 1);
        return (DataSource.Synthetic("synthetic-air-quality", $"{hours.ToString("N0", CultureInfo.InvariantCulture)} hours of twelve invented stations, in PRSA files"), synthetic);
    }

    private static double Unchanged(TimeSeriesWindows air, Dataset test)
    {
        using var scope = torch.NewDisposeScope();
        var own = air.FeatureNames.ToList().IndexOf("Aotizhongxin PM2.5");
        return (test.Inputs[.., -1, own].unsqueeze(1) - test.Targets).square().mean().ToDouble();
    }

    private RunRecord Finish(ExperimentRow row, Model model, RunRecord run, Dataset test, ExperimentOptions options)
    {
        if (run.Seed == options.Seeds[0] && RowsShown.Contains(row.Name))
        {
            using var scope = torch.NewDisposeScope();
            using var shown = test.Take(Math.Min(HoursShown, test.Count));
            ForecastPlot.Write(
                Concentrations(shown.Targets), [(row.Label, Concentrations(model.Predict(shown.Inputs)))],
                $"PM2.5 one hour ahead, {row.Label}", "PM2.5, micrograms a cubic metre", options.File(Picture(row.Name)));
        }

        return run with { Figures = new Dictionary<string, double> { [RootMeanSquare] = scale.InUnits(run.TestLoss!.Value) } };
    }

    private ReferenceRow Reference(string label, long fitted, double loss) =>
        new(label, fitted, new Dictionary<string, double> { [PublishedRow.Loss] = loss, [RootMeanSquare] = scale.InUnits(loss) });

    private double[] Concentrations(torch.Tensor scaled) => [.. scaled.cpu().data<float>().Select(value => scale.Smallest + (value * scale.Range))];

    private static string Picture(string row) => $"forecast-{row}.png";

    private sealed record AirQualityScale(double Range, double Smallest, double Unchanged, RidgeForecast Ridge)
    {
        /// <summary>The root of a scaled mean square, in micrograms a cubic metre.</summary>
        public double InUnits(double loss) => Math.Sqrt(loss) * Range;
    }
}
