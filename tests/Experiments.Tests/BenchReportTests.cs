using MappingNets.Experiments.Bench;
using MappingNets.Experiments.Reporting;
using Xunit;

namespace MappingNets.Tests;

/// <summary>Parts of a report of the bench are measured anew one by one, and none is lost for it.</summary>
public sealed class BenchReportTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData(true, false, "was measured on another machine; this machine is ")]
    [InlineData(false, true, "is whole; this command is quick.")]
    public void A_report_that_a_part_does_not_go_with_is_refused_and_stays(bool isOfAnotherMachine, bool quick, string difference)
    {
        var report = Measured();
        (isOfAnotherMachine ? report with { Machine = "another machine" } : report).Write(folder.Path);
        var before = File.ReadAllText(folder.File("report.json"));

        var fault = Assert.Throws<InvalidDataException>(() => BenchReport.Open(folder.Path, quick));

        Assert.StartsWith($"'{folder.File("report.json")}' {difference}", fault.Message);
        Assert.Contains("name another folder with --out", fault.Message);
        Assert.Equal(before, File.ReadAllText(folder.File("report.json")));
    }

    [Fact]
    public void A_part_replaces_its_own_kind_alone()
    {
        Measured().Write(folder.Path);
        var measured = BenchReport.Start(quick: false);
        measured.Heap.Add(Ratio("new heap"));

        var both = BenchReport.Open(folder.Path, quick: false).With("heap", measured);

        Assert.Equal(["new heap"], both.Heap.Select(ratio => ratio.Name));
        Assert.Equal(["own loop"], both.OwnLoop.Select(ratio => ratio.Name));
        Assert.Equal(2, both.Small!.BuildMilliseconds);
    }

    [Fact]
    public void A_report_names_the_commit_of_each_part()
    {
        var (first, second) = (new ReportOrigin("first", "0.2.0", 2), new ReportOrigin("second", "0.2.0", 2));
        (Measured() with { Origin = first }).Write(folder.Path);

        var both = BenchReport.Open(folder.Path, quick: false).With("heap", BenchReport.Start(quick: false) with { Origin = second });
        both.Write(folder.Path);

        var read = BenchReport.Open(folder.Path, quick: false);
        Assert.Equal((first, second), (read.Origin, Assert.Single(read.Origins).Value));
        Assert.Contains("; version 0.2.0, commit first.", read.Table());
        Assert.Contains("The part heap: version 0.2.0, commit second.", read.Table());
    }

    [Fact]
    public void A_file_that_is_no_report_is_refused_by_its_name()
    {
        File.WriteAllText(folder.File("report.json"), "{");

        Assert.Contains(folder.File("report.json"), Assert.Throws<InvalidDataException>(() => BenchReport.Open(folder.Path, quick: false)).Message);
    }

    private static BenchReport Measured() => BenchReport.Start(quick: false) with
    {
        Heap = [Ratio("heap")],
        OwnLoop = [Ratio("own loop")],
        Small = new(2, 2, 2, 2, 2, 2),
    };

    private static Ratio Ratio(string name) => new(name, "ms a step", 1, 1, 1, 1, 1, 5, null, null);
}
