using MappingNets.Experiments.Reporting;
using Xunit;

namespace MappingNets.Tests;

/// <summary>docs/results.md and docs/results-in-full.md, written from reports.</summary>
public sealed class ResultsPageTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    private static RunRecord Run(string row, long trained, double? accuracy, double? loss = null) =>
        new("slvt", "cnn2", 108_618, trained, "signed-permutation", 1, 8, accuracy, accuracy, 1, 1, 1, []) { Row = row, Label = $"row {row}", TestLoss = loss };

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
    public void A_size_without_a_run_leaves_its_place_in_the_table_of_gaps_empty()
    {
        RunRecord Sized(string method, int images, double train, double test) =>
            new(method, "cnn2", 108_618, 5, "", 1, 8, train, test, 1, 1, 1, []) { TrainingImages = images };

        var table = GapTable.WithAccuracies([Sized("direct", 1_000, 1, 0.8), Sized("direct", 5_000, 0.9, 0.85), Sized("slvt", 5_000, 0.8, 0.7)]);

        Assert.Contains("| CNN2 direct | 5 | **80.00** (20.00) | **85.00** (5.00) |", table);
        Assert.Contains("| CNN2 SLVT | 5 |  | **70.00** (10.00) |", table);
    }

    [Fact]
    public void A_grid_of_formats_marks_the_files_that_no_smaller_one_equals()
    {
        RunRecord Packed(string row, params QuantizedRecord[] formats) => Run(row, 5, 0.9) with { Quantized = formats };

        var grid = QuantizationReport.Grid(
        [
            Packed("a", new QuantizedRecord("weights", "fp32", 1_000, 0.9, 0.88), new QuantizedRecord("weights", "int8", 300, 0.9, 0.87)),
            Packed("b", new QuantizedRecord("latent", "fp32", 200, 0.8, 0.79)),
        ]);

        Assert.Contains("| row a | 5 | 90.00 | 1,000: 88.00 | **300: 87.00** |", grid);
        Assert.Contains("| row b | 5 | 90.00 | **200: 79.00** |  |", grid);
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

    [Fact]
    public void Gaps_of_one_seed_do_not_claim_a_spread()
    {
        var run = Run("a", 1, 0.5) with { TrainingImages = 1_000 };

        Assert.DoesNotContain("deviation", GapTable.Of([run]));
        Assert.Contains("mean ± standard deviation", GapTable.Of([run, run with { Seed = 2 }]));
    }

    [Fact]
    public void The_front_holds_files_that_no_smaller_one_equals_behind_the_entropy_coder_on_held_out_images()
    {
        QuantizedRecord File(string format, long bytes, long packed, double heldOut, double test) =>
            new("weights", format, bytes, heldOut, test) { PackedBytes = packed };
        RunRecord[] runs =
        [
            Run("direct", 100, 0.9) with { Quantized = [File("fp32", 400, 390, 0.90, 0.50), File("int8", 100, 95, 0.90, 0.10), File("int4", 50, 45, 0.80, 0.80)] },
            Run("slvt", 10, 0.7) with { Quantized = [File("fp32", 60, 20, 0.70, 0.90), File("int4", 40, 30, 0.60, 0.99)] },
        ];

        var front = QuantizedRow.Front(QuantizedRow.Of(runs));

        Assert.Equal(["row slvt fp32", "row direct int4", "row direct int8"], front.Select(row => $"{row.Row} {row.Format}"));
        Assert.Contains("| row direct | weights | int8 | 100 | 95 | 90.00 | 0.00 | 10.00 |", QuantizationReport.Markdown(runs));
        Assert.Contains("| row | what | format | bytes | held out % |", QuantizationReport.Markdown([Run("x", 1, 0.5) with { Quantized = [new("latent", "fp32", 10, 0.5, 0.5)] }]));
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
