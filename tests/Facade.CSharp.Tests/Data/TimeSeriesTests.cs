using System.Text;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

public sealed class TimeSeriesTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    private string Csv(params string[] lines) => folder.Write("series.csv", Encoding.UTF8.GetBytes(string.Join('\n', lines) + "\n"));

    // Ten days of two columns: a is the day, b is 100 less the day.
    private string Days(Func<int, string>? a = null, Func<int, string>? date = null) => Csv(
        ["day,a,b", .. Enumerable.Range(0, 10).Select(day => $"{date?.Invoke(day) ?? $"2024-01-{day + 1:00}"},{a?.Invoke(day) ?? $"{day}"},{100 - day}")]);

    [Fact]
    public void Windows_end_before_their_target_and_scaling_knows_the_training_part_only()
    {
        using var scope = NewDisposeScope();

        using var data = TimeSeriesWindows.FromCsv(Days(), "a", ["b", "a"], length: 2, trainingFraction: 0.5, time: "day");
        using var training = data.Training.ToMemory();
        using var test = data.Test.ToMemory();

        // Rows 0 to 4 are training: 0 .. 4 becomes 0 .. 1, and later rows go beyond.
        Assert.Equal(["b", "a"], data.FeatureNames);
        Assert.Equal([0.5f, 0.75f, 1], training.Targets.data<float>());
        Assert.Equal([0f, 0.25f, 0.25f, 0.5f, 0.5f, 0.75f], training.Inputs[.., .., 1].reshape(-1).data<float>());
        Assert.Equal([1f, 0.75f], training.Inputs[0, .., 0].data<float>());
        Assert.Equal([1.25f, 1.5f, 1.75f, 2, 2.25f], test.Targets.data<float>());
        Assert.Equal((0.0, 4.0, 9.0), (data.SmallestTarget, data.LargestTarget, data.ToUnits(2.25)));
    }

    [Fact]
    public void A_target_further_ahead_leaves_the_rows_between_out()
    {
        using var scope = NewDisposeScope();

        using var data = TimeSeriesWindows.FromCsv(Days(), "a", ["a"], length: 2, ahead: 3);
        using var training = data.Training.ToMemory();

        // Of rows 0 to 7 the first target is row 4, which rows 0 and 1 forecast.
        Assert.Equal([4f, 5, 6, 7], training.Targets.data<float>().Select(value => MathF.Round(value * 7, 4)));
        Assert.Equal([0f, 1], training.Inputs[0].reshape(-1).data<float>().Select(value => MathF.Round(value * 7, 4)));
    }

    [Fact]
    public void What_is_missing_is_the_last_value_or_the_training_median_and_no_target()
    {
        using var scope = NewDisposeScope();
        var path = Days(day => day switch { 0 => "", 3 => "NA", _ => $"{day}" });

        using var data = TimeSeriesWindows.FromCsv(path, "a", ["a"], length: 1);
        using var training = data.Training.ToMemory();

        // Known in training: 1, 2, 4, 5, 6, 7, median 4.5; row 3 is no target, and its feature is row 2's.
        Assert.Equal([1f, 2, 4, 5, 6, 7], training.Targets.data<float>().Select(value => MathF.Round(value * 6 + 1, 4)));
        Assert.Equal([4.5f, 1, 2, 4, 5, 6], training.Inputs.reshape(-1).data<float>().Select(value => MathF.Round(value * 6 + 1, 4)));
    }

    [Fact]
    public void An_infinite_value_in_memory_is_refused_and_not_taken_for_a_missing_one()
    {
        double[] counts = [0, 1, double.NaN, 3, 4, 5, 6, 7, 8, 9];
        double[] broken = [.. counts[..4], double.NegativeInfinity, .. counts[5..]];
        TimeSeriesWindows Windows(double[] feature, double[] target) =>
            TimeSeriesWindows.FromColumns("memory", [new("a", feature)], new("b", target), length: 1);

        Windows(counts, counts).Dispose();
        Assert.Throws<ArgumentException>("features", () => Windows(null!, counts));
        Assert.Throws<ArgumentNullException>("target", () => Windows(counts, null!));
        Assert.Contains("'a' is -Infinity in row 4;", Assert.Throws<ArgumentException>("features", () => Windows(broken, counts)).Message);
        Assert.Contains("'b' is -Infinity in row 4;", Assert.Throws<ArgumentException>("target", () => Windows(counts, broken)).Message);
    }

    [Fact]
    public void Faulty_files_are_refused_by_name()
    {
        Assert.Throws<FileNotFoundException>(() => TimeSeriesWindows.FromCsv(folder.File("none.csv"), "a", ["a"]));
        Assert.Contains("no column 'c'", Refusal(Days(), "c"));
        Assert.Contains("'many' in line 5, column 'a'", Refusal(Days(day => day == 3 ? "many" : "1")));
        Assert.Contains("'2024-01-01' in line 3, which is not after the row before it", Refusal(Days(date: _ => "2024-01-01")));
        Assert.Contains("'soon' in line 2, which is no date", Refusal(Days(date: _ => "soon")));
        Assert.Contains("no value of a in the training part", Refusal(Days(day => day < 8 ? "NA" : "1")));
        Assert.Contains("the same a, 5, throughout", Refusal(Days(_ => "5")));
        Assert.Contains("leave the training part without a window of 24", Refusal(Days(), length: 24));
        Assert.Throws<ArgumentException>("features", () => TimeSeriesWindows.FromCsv(Days(), "a", []));

        string Refusal(string path, string target = "a", int length = 2) => Assert.Throws<DatasetFormatException>(
            () => TimeSeriesWindows.FromCsv(path, target, ["b"], length, time: "day")).Message;
    }
}
