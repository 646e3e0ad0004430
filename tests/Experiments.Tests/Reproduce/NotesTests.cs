using System.Globalization;
using System.Text.RegularExpressions;
using MappingNets.Experiments.Reporting;
using Xunit;

namespace MappingNets.Tests;

/// <summary>The sentences of experiments/results/*/notes.md against the report beside them.</summary>
public sealed partial class NotesTests
{
    public static TheoryData<string> Folders => [.. Directory.GetDirectories(Path.Combine(RepositoryRoot.Path, "experiments", "results"))
        .Where(folder => File.Exists(Path.Combine(folder, "notes.md")) && File.Exists(Path.Combine(folder, "report.json"))).Select(folder => Path.GetFileName(folder)!)];

    [Theory]
    [MemberData(nameof(Folders))]
    public void Each_interval_is_that_of_a_row_or_of_the_difference_of_two(string folder)
    {
        var path = Path.Combine(RepositoryRoot.Path, "experiments", "results", folder);
        var known = Intervals(ReportFile.Read(Path.Combine(path, "report.json"))).ToArray();
        var claimed = Claim().Matches(File.ReadAllText(Path.Combine(path, "notes.md")));

        Assert.Empty(claimed.Where(claim => !known.Any(interval =>
            IsRounded(Math.Abs(interval.Mean), claim.Groups[1].Value) && IsRounded(interval.Width, claim.Groups[2].Value))).Select(claim => claim.Value));
    }

    [Fact]
    public void An_interval_of_no_rows_is_noticed()
    {
        RunRecord Run(string row, ulong seed, double accuracy) =>
            new("slvt", "cnn2", 1, 1, "", seed, 1, accuracy, accuracy, 1, 1, 1, []) { Row = row, Label = row };
        var known = Intervals(new ReportFile("mnist", [Run("a", 1, 0.9), Run("a", 2, 0.92), Run("b", 1, 0.8), Run("b", 2, 0.81)])).ToArray();

        Assert.Contains(known, interval => IsRounded(interval.Mean, "10.5") && IsRounded(interval.Width, "6.4"));
        Assert.DoesNotContain(known, interval => IsRounded(interval.Mean, "10.6"));
    }

    // Fractions as they are and in percent: means with their deviations, and means of differences, seed by seed, with the intervals of their means.
    private static IEnumerable<(double Mean, double Width)> Intervals(ReportFile report)
    {
        var numbers = report.Runs.SelectMany(run => Numbers(run).Select(number => (Row: (run.Row, run.Label, run.Trainable, number.Name), run.Seed, number.Value)))
            .GroupBy(number => number.Row).Select(row => row.ToDictionary(number => number.Seed, number => number.Value)).ToArray();
        foreach (var (one, place) in numbers.Select((one, place) => (one, place)))
        {
            if (Of(one.Values) is { StandardDeviation: { } deviation } own)
                yield return (own.Mean, deviation);
            foreach (var other in numbers.Skip(place + 1))
                if (one.Keys.Intersect(other.Keys).ToArray() is { Length: > 1 } seeds && Of(seeds.Select(seed => one[seed] - other[seed])) is { } difference)
                {
                    var width = difference.HalfInterval(seeds.Length)!.Value;
                    yield return (difference.Mean, width);
                    yield return (100 * difference.Mean, 100 * width);
                }
        }

        static Spread? Of(IEnumerable<double> values) => Spread.Of(values.Select(value => (double?)value));
    }

    private static IEnumerable<(string Name, double Value)> Numbers(RunRecord run)
    {
        (string, double?)[] own =
        [
            ("train", run.TrainAccuracy), ("held out", run.HeldOutAccuracy), ("test", run.TestAccuracy), ("train loss", run.TrainLoss), ("held-out loss", run.HeldOutLoss),
            ("test loss", run.TestLoss), ("gap", run.Gap),
        ];
        foreach (var (name, value) in own)
            if (value is { } given)
            {
                yield return (name, given);
                if (name is "train" or "held out" or "test")
                    yield return (name + " %", 100 * given);
            }

        foreach (var (name, value) in run.Figures ?? new Dictionary<string, double>())
            yield return (name, value);
        foreach (var quantized in (run.Quantized ?? []).GroupBy(each => (each.What, each.Format)).Select(each => each.First()))
        {
            yield return ($"held out, {quantized.What} in {quantized.Format}", quantized.HeldOutAccuracy);
            yield return ($"test, {quantized.What} in {quantized.Format}", quantized.TestAccuracy);
        }
    }

    private static bool IsRounded(double value, string text) =>
        Math.Abs(Math.Abs(value) - Math.Abs(double.Parse(text, CultureInfo.InvariantCulture))) <= 0.5001 * Math.Pow(10, -(text.Length - text.IndexOf('.', StringComparison.Ordinal) - 1));

    [GeneratedRegex(@"([+-]?\d+\.\d+)\s±\s(\d+\.\d+)")]
    private static partial Regex Claim();
}
