using MappingNets.Experiments.ClusterFigures;
using MappingNets.Experiments.Reporting;
using Xunit;

namespace MappingNets.Tests;

/// <summary>Figures of a cluster keep the machine and the commit that they were measured with.</summary>
public sealed class FigureReportTests : IDisposable
{
    private static readonly ReportOrigin Old = new("0123456789", "0.1.0", 1);

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void What_is_drawn_anew_keeps_its_machine_and_origin()
    {
        Write("another machine", "bytes", "lines");

        var report = FigureReport.ToMeasure(folder.Path, []);

        Assert.Equal(("another machine", Old), (report.Machine, report.Origin));
    }

    [Fact]
    public void Parts_of_two_machines_do_not_stand_in_one_report()
    {
        Write("another machine", "bytes", "lines");

        var fault = Assert.Throws<InvalidDataException>(() => FigureReport.ToMeasure(folder.Path, ["bytes"]));

        Assert.Contains($"'{folder.File("report.json")}' holds the part 'lines' as measured on another machine; this machine is {ReportMachine.Description}.", fault.Message);
        // Nothing of the other machine is left where all parts are measured.
        var report = FigureReport.ToMeasure(folder.Path, ["bytes", "lines"]);
        Assert.Equal((ReportMachine.Description, 0), (report.Machine, report.Rows.Count));
    }

    [Fact]
    public void A_row_that_is_measured_later_has_an_origin_of_its_own()
    {
        Write(ReportMachine.Description, "bytes", "lines");

        FigureReport.ToMeasure(folder.Path, ["bytes"]).Without("bytes").With(Row("bytes")).Write(folder.Path);

        var report = FigureReport.Open(folder.Path);
        Assert.Equal(Old, report.Origin);
        Assert.Equal([("lines", null), ("bytes", ReportOrigin.Here())], report.Rows.Select(row => (row.Part, row.Origin)));
    }

    [Fact]
    public void The_tables_of_the_page_are_those_of_the_report_and_name_the_batches()
    {
        var tables = FigureReport.Open(Path.Combine(RepositoryRoot.Path, "experiments", "results", "cluster")).Markdown();

        Assert.Contains("two workers with a batch of 64 (CNN2), 2 (ResNet-18), 16 (MLP 24M) each:", tables);
        Assert.Contains($"<!-- {FigureReport.Section} -->\n{tables.ReplaceLineEndings("\n").TrimEnd()}\n<!-- /{FigureReport.Section} -->", RepositoryRoot.Read("docs/cluster.md"));
    }

    private void Write(string machine, params string[] parts) => new FigureReport(machine, "", Old, [.. parts.Select(Row)]).Write(folder.Path);

    private static FigureRow Row(string part) => new(part, "CNN2", "mapped", 2, "loopback", 1, 1, 1);
}
