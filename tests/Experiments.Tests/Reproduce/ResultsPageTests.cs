using MappingNets.Experiments.Reporting;
using Xunit;
using static MappingNets.Tests.ExampleRuns;

namespace MappingNets.Tests;

/// <summary>docs/results.md and docs/results-in-full.md, written from reports.</summary>
public sealed class ResultsPageTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    private string Page(params (string Name, ReportFile Report)[] reports) => ResultsPage.Of(Written(reports), folder.File("page.md"), "full.md");

    private string Full(params (string Name, ReportFile Report)[] reports) => ReportPage.Join(Written(reports), folder.File("full.md"), "page.md");

    private string[] Written((string Name, ReportFile Report)[] reports)
    {
        foreach (var (name, report) in reports)
        {
            Directory.CreateDirectory(folder.File(name));
            report.Write(Path.Combine(folder.File(name), "report.json"));
        }

        return [.. reports.Select(pair => folder.File(pair.Name))];
    }

    [UnixFact]
    public void The_committed_pages_are_what_the_committed_reports_give()
    {
        var link = folder.File("experiments");
        Directory.CreateSymbolicLink(link, Path.Combine(RepositoryRoot.Path, "experiments"));
        try
        {
            ReproduceProgram.SucceedsIn(folder.Path, "report");
        }
        finally
        {
            Directory.Delete(link);
        }

        foreach (var page in new[] { "results.md", "results-in-full.md" })
            Assert.Equal(File.ReadAllText(Path.Combine(RepositoryRoot.Path, "docs", page)), File.ReadAllText(Path.Combine(folder.Path, "docs", page)));
    }

    [Fact]
    public void What_all_statements_of_joined_data_sets_say_is_said_once()
    {
        ReportFile Of(string dataset, string own) =>
            new(dataset, [Run("cnn2-slvt-2048", 2_048, 0.9)]) { Experiment = "classification", DataStatement = $"Data: {own}. Each picture counts twice." };

        var page = Page(("classification", Of("fashion-mnist", "clothes")), ("classification-mnist", Of("mnist", "digits")));

        Assert.Contains("Data: fashion-mnist, mnist. Each picture counts twice.", page);
        Assert.DoesNotContain("clothes", page.Split("## classification")[1]);
    }

    [Fact]
    public void The_summary_has_ours_beside_the_paper_the_re_run_and_a_relative_and_no_quick_look()
    {
        var full = new ReportFile("fashion-mnist", [Run("cnn2-slvt-2048", 2_048, 0.9012)]) { Experiment = "classification" };
        var quick = new ReportFile("prsa:FOLDER", [Run("slvt-2048", 2_048, null, 0.5)])
        {
            Experiment = "timeseries",
            Config = new("command", "prsa", [1], 1, [], Quick: true),
        };

        var page = Page(("classification", full), ("timeseries", quick));

        var summary = page[page.IndexOf("## Summary", StringComparison.Ordinal)..page.IndexOf("## classification", StringComparison.Ordinal)];
        Assert.Contains("classification, fashion-mnist: row cnn2-slvt-2048 | 2,048 | 8 | 90.12 | 91.88 | 86.82 | 77.8", summary);
        Assert.Contains("**90.12** (1 seed) |", summary);
        Assert.DoesNotContain("timeseries", summary);
    }

    [Fact]
    public void Published_numbers_stand_beside_the_row_they_are_of_and_not_beside_our_own_ways_to_train_it()
    {
        var report = new ReportFile("fashion-mnist", [Run("cnn2-slvt-2048", 2_048, 0.87), Run("cnn2-slvt-2048-distilled", 2_048, 0.89)]) { Experiment = "classification" };

        var page = Page(("classification", report));

        Assert.Contains("| row cnn2-slvt-2048 | 2,048 | 87.00 | **87.00** | 91.88 | 86.82 |", page);
        Assert.Contains("| row cnn2-slvt-2048-distilled | 2,048 | 89.00 | **89.00** |  |  |", page);
    }

    [Fact]
    public void Intersection_over_union_is_printed_in_percent()
    {
        var run = Run("direct", 1, 0.8) with { Figures = new Dictionary<string, double> { [PublishedRow.MeanIntersectionOverUnion] = 0.4 } };

        var page = Page(("segmentation", new ReportFile("camvid", [run]) { Experiment = "segmentation" }));

        Assert.Contains("| ours: mIoU, % |", page);
        Assert.Contains("| row direct | 1 | 80.00 | **80.00** | **40.00** |", page);
        Assert.Contains("segmentation, camvid: row direct, mIoU, %", page);
    }

    [Fact]
    public void Rows_that_are_judged_on_held_out_samples_show_that_accuracy()
    {
        var report = new ReportFile("mnist", [Run("a", 1, 0.9) with { HeldOutAccuracy = 0.85 }]) { Experiment = "intrinsic-dimension" };

        Assert.Contains("| row a | 1 | 90.00 | 85.00 | **90.00** |", ResultsPage.JudgedRows(report));
        Assert.DoesNotContain("85.00", Page(("intrinsic-dimension", report)));
    }

    [Fact]
    public void A_grid_stands_in_place_of_the_rows_of_one_report_alone()
    {
        var report = new ReportFile("mnist", [Run("a", 1, 0.9)]) { Experiment = "sweep" };
        string Page(params string[] names) => ResultsPage.Of(Written([.. names.Select(name => (name, report))]), folder.File("page.md"), "full.md", _ => "| a grid |");

        Assert.Contains("| a grid |", Page("one"));
        Assert.DoesNotContain("row a", Page("one"));
        Assert.DoesNotContain("| a grid |", Page("one", "two"));
    }

    [Fact]
    public void A_section_begins_with_the_kind_of_its_data()
    {
        ReportFile On(string experiment, string dataset, string? statement = null) =>
            new(dataset, [Run("cnn2-direct", 108_618, 0.9)]) { Experiment = experiment, Title = "What it shows.", DataStatement = statement };
        (string, ReportFile)[] reports = [("first", On("one", "mnist")), ("second", On("two", "scenes", "Synthetic data: drawn scenes.")), ("third", On("three", "blended-cifar-10"))];

        var (page, full) = (Page(reports), Full(reports));

        string[] kinds = ["**Real data.**", "**Synthetic data.**", "**Real pictures, half of them with a synthetic forgery.**"];
        foreach (var (names, text) in new[] { (new[] { "one", "two", "manipulation detection" }, page), (["first", "second", "third"], full) })
            Assert.All(names.Zip(kinds), pair => Assert.Contains($"\n## {pair.First}\n\n{pair.Second} What it shows.\n", text));
    }

    [Fact]
    public void Further_data_of_an_experiment_stands_beside_the_first_in_one_table_and_every_finding_above_it()
    {
        ReportFile On(string dataset, params RunRecord[] runs) => new(dataset, runs) { Experiment = "classification", Title = "What it shows." };
        RunRecord[] Seeds(string row, long trained, double accuracy) => [.. new ulong[] { 1, 2, 3 }.Select(seed => Run(row, trained, accuracy) with { Seed = seed })];
        (string, ReportFile)[] reports =
        [
            ("first", On("fashion-mnist", [.. Seeds("cnn2-slvt-2048", 2_048, 0.9), Run("cnn2-lwt-2688", 2_688, 0.8)])),
            ("second", On("mnist", Seeds("cnn2-slvt-2048", 2_000, 0.95))),
        ];
        Directory.CreateDirectory(folder.File("first"));
        Directory.CreateDirectory(folder.File("second"));
        File.WriteAllText(Path.Combine(folder.File("first"), "notes.md"), "Found\nhere.\n\nAll else.\n");
        File.WriteAllText(Path.Combine(folder.File("second"), "notes.md"), "Found there.\n");

        var page = Page(reports);

        Assert.Contains("## classification\n\n**Real data.** What it shows.\n\nFound\nhere.\n\nFound there.\n\n| row |", page);
        Assert.Contains("| row cnn2-slvt-2048 | 2,048 or 2,000 | **90.00 ± 0.00** (90.00) | 91.88 | 86.82 | **95.00 ± 0.00** (95.00) | 98.66 | 98.08 |", page);
        Assert.Contains("| row cnn2-lwt-2688 | 2,688 | **80.00** (80.00) (1 seed) | 93.35 | 87.38 |  |  |  |", page);
        Assert.Contains("Data: fashion-mnist, mnist. 8 epochs; 3 seeds where a cell says nothing else.", page);
        Assert.Contains("In full: [first](full.md#first), [second](full.md#second).", page);
        Assert.Contains("Found\nhere.\n\nAll else.", Full(reports));
        Assert.DoesNotContain("All else.", page);
    }

    [Fact]
    public void What_is_to_be_said_of_the_data_is_said_where_all_of_a_section_have_the_same()
    {
        ReportFile Of(string statement) => new("mnist", [Run("cnn2-direct", 108_618, 0.9)]) { Experiment = "classification", DataStatement = statement };

        Assert.Contains("\n\nData: digits. 8 epochs", Page(("first", Of("Data: digits.")), ("second", Of("Data: digits."))));
        Assert.Contains("\n\nData: mnist. 8 epochs", Page(("first", Of("Data: digits.")), ("second", Of("Data: letters."))));
    }

    [Fact]
    public void A_section_shows_one_picture_and_rows_without_a_network_and_leaves_the_rest_to_the_full_page()
    {
        var report = new ReportFile("prsa", [Run("slvt-2048", 2_048, null, 0.00061)])
        {
            Experiment = "timeseries",
            Title = "What it shows.",
            Config = new("the command", "prsa", [1], 1, [], Quick: false),
            References = [new("no change", 0, new Dictionary<string, double> { [PublishedRow.Loss] = 0.00015 })],
            Remarks = "A remark.",
            Pictures = ["first.png", "second.png"],
        };

        var (page, full) = (Page(("timeseries", report)), Full(("timeseries", report)));

        Assert.Contains("| no change | 0 | 0.00015 |", page);
        Assert.Contains("![timeseries, prsa: first](timeseries/first.png)", page);
        string[] further = ["the command", "A remark.", "second.png"];
        Assert.All(further, text => Assert.DoesNotContain(text, page));
        Assert.All([.. further, "first.png", "| no change | 0 |"], text => Assert.Contains(text, full));
    }

    [Fact]
    public void A_section_prints_the_fewest_commands_that_name_all_runs_and_a_folder_that_is_not_the_committed_one()
    {
        const string all = "run -- bytes --seeds 1 --epochs 8", some = "run -- bytes --seeds 1,2 --epochs 8 --methods 'a-*,b'", longer = "run -- bytes --seeds 2 --epochs 16 --methods b";
        RunRecord By(string command, string row, ulong seed) => Run(row, 1, 0.5) with { Seed = seed, Command = command };
        var report = new ReportFile(
            "fashion-mnist",
            [
                By(all + " --out experiments/results/bytes", "a-x", 1),
                By("run -- bytes --seeds 1,2 --epochs 8 --methods a-x --resume", "a-x", 2),
                By("run -- bytes --seeds 2 --epochs 8 --methods b", "b", 2),
                By(all + " --out experiments/results/bytes", "b", 1),
                By(some, "a-y", 2),
                By(longer, "b", 3),
                By(all + " --out experiments/results/bytes", "c", 1),
                By("run -- bytes --seeds 4 --epochs 8", "c", 4),
                By("run -- bytes --seeds 2 --epochs 16 --methods 'd-*'", "d-1", 2),
            ])
        { Experiment = "bytes" };
        var (seeds, rows) = (all.Replace("seeds 1", "seeds 1,4", StringComparison.Ordinal), longer.Replace("methods b", "methods 'b,d-*'", StringComparison.Ordinal));

        const string place = " --out artifacts/reproduce/folder";
        Assert.Contains($"```\n{seeds}{place}\n{some}{place} --resume\n{rows}{place} --resume\n```", Full(("folder", report)));
        Assert.Contains($"```\n{seeds}\n{some} --resume\n{rows} --resume\n```", ReportPage.Of(report));
    }

    [Fact]
    public void A_deviation_has_the_digits_of_its_mean()
    {
        RunRecord With(ulong seed, double loss, double perplexity) => Run("direct", 1, null, loss) with
        {
            Seed = seed,
            Figures = new Dictionary<string, double> { ["perplexity"] = perplexity },
        };
        var report = new ReportFile("prsa", [With(1, 0.000310, 1_488.2), With(2, 0.000322, 1_490.6)]) { Experiment = "timeseries" };

        var page = Page(("timeseries", report));

        Assert.Contains("**0.0003160 ± 0.0000085** |", page);
        Assert.Contains("**1489 ± 2** |", page);
    }
}
