using MappingNets.Experiments.Reporting;
using Xunit;
using static MappingNets.Tests.ExampleRuns;

namespace MappingNets.Tests;

/// <summary>report.json, as it is written and read.</summary>
public sealed class ReportFileTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void A_report_keeps_nine_digits_of_a_fraction_and_all_of_a_count()
    {
        var path = folder.File("report.json");
        var run = Run("a", 123_456_789_012, 2 / 3.0, 1 / 30_000_000.0) with { PeakMemoryBytes = 12_345_678_901_234 };

        new ReportFile("fashion-mnist", [run]).Write(path);

        Assert.Contains("\"testAccuracy\":0.666666667,", File.ReadAllText(path));
        var read = Assert.Single(ReportFile.Read(path).Runs);
        Assert.Equal(3.33333333e-8, read.TestLoss);
        Assert.Equal((123_456_789_012, 12_345_678_901_234), (read.Trainable, read.PeakMemoryBytes));
    }

    [Fact]
    public void A_setting_that_stands_in_the_report_and_in_a_run_is_refused_by_name()
    {
        var path = folder.File("report.json");
        var settings = new Dictionary<string, string> { ["batch size"] = "25" };
        new ReportFile("fashion-mnist", [Run("a", 1, 1) with { Settings = settings }, Run("b", 1, 1) with { Settings = settings }]).Write(path);
        File.WriteAllText(path, File.ReadAllText(path).Replace("\"settings\":{}", "\"settings\":{\"batch size\":\"50\"}", StringComparison.Ordinal));

        var fault = Assert.Throws<InvalidDataException>(() => ReportFile.Read(path));

        Assert.Contains("'batch size' stands in the report and in its run 'a'", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Commands_of_several_runs_are_written_once_and_read_into_each()
    {
        var path = folder.File("report.json");
        var origin = new ReportOrigin("0123456789abcdef0123456789abcdef01234567", "0.2.0", 1);
        RunRecord[] runs =
        [
            Run("a", 1, 0.5) with { Command = "first", Origin = origin },
            Run("a", 2, 0.5) with { Command = "first", Origin = origin },
            Run("a", 3, 0.5) with { Command = "first", Origin = origin with { Threads = 2 } },
            Run("b", 1, 0.5),
        ];
        new ReportFile("fashion-mnist", runs).Write(path);
        Assert.Equal(2, File.ReadAllText(path).Split("\"first\"").Length - 1);
        var read = ReportFile.Read(path);
        Assert.Equal(runs.Select(run => (run.Command, run.Origin)), read.Runs.Select(run => (run.Command, run.Origin)));
        read.Write(path);
        Assert.Equal(runs.Select(run => (run.Command, run.Origin)), ReportFile.Read(path).Runs.Select(run => (run.Command, run.Origin)));

        File.WriteAllText(path, File.ReadAllText(path).Replace("\"commandIndex\":0", "\"commandIndex\":1", StringComparison.Ordinal));
        Assert.Contains("command 1 of 1", Assert.Throws<InvalidDataException>(() => ReportFile.Read(path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Settings_that_all_runs_have_are_written_once_and_read_into_each()
    {
        RunRecord With(string row, params (string Name, string Value)[] settings) =>
            Run(row, 1, 0.5) with { Settings = settings.ToDictionary(pair => pair.Name, pair => pair.Value) };
        RunRecord[] runs = [With("a", ("epochs", "8"), ("seed", "1")), With("b", ("epochs", "8"), ("seed", "2"), ("optimizer", "sgd"))];
        var path = folder.File("report.json");

        new ReportFile("fashion-mnist", runs).Write(path);
        var text = File.ReadAllText(path);
        Assert.Contains("\"settings\": {\"epochs\":\"8\"}", text);
        Assert.Equal(1, text.Split("epochs\":\"8").Length - 1);
        Assert.Equal(runs.Select(run => run.Settings!), ReportFile.Read(path).Runs.Select(run => run.Settings!));

        // A run of before there were settings shares none.
        new ReportFile("fashion-mnist", [.. runs, Run("c", 1, 0.5)]).Write(path);
        Assert.Equal([runs[0].Settings, runs[1].Settings, null], ReportFile.Read(path).Runs.Select(run => run.Settings));
    }

    [Fact]
    public void A_report_is_read_as_it_was_written_and_with_an_object_for_each_epoch()
    {
        EpochPoint[] epochs = [new(1, 0.5, 0.8, null) { ValidationLoss = 0.6 }, new(2, 0.25, 0.9, 0.85)];
        var path = folder.File("report.json");
        new ReportFile("fashion-mnist", [Run("a", 1, 0.5) with { History = epochs }, Run("b", 1, 0.5)]).Write(path);
        const string columns = """{"epoch":[1,2],"trainingLoss":[0.5,0.25],"trainingAccuracy":[0.8,0.9],"validationLoss":[0.6,null],"validationAccuracy":[null,0.85]}""";
        var text = File.ReadAllText(path);
        Assert.Contains(columns, text);

        Assert.Equal(epochs, ReportFile.Read(path).Runs[0].History);
        Assert.Empty(ReportFile.Read(path).Runs[1].History);

        File.WriteAllText(path, text.Replace(
            columns,
            """[{"epoch":1,"trainingLoss":0.5,"trainingAccuracy":0.8,"validationLoss":0.6},{"epoch":2,"trainingLoss":0.25,"trainingAccuracy":0.9,"validationAccuracy":0.85}]"""));
        Assert.Equal(epochs, ReportFile.Read(path).Runs[0].History);

        File.WriteAllText(path, text.Replace("\"trainingLoss\":[0.5,0.25]", "\"trainingLoss\":[0.5]"));
        Assert.Contains("'trainingLoss' has a length of 1, and there are 2 epochs", Assert.Throws<InvalidDataException>(() => ReportFile.Read(path)).Message);
    }
}
