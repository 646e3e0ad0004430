using MappingNets.Experiments.Reporting;
using Xunit;
using static MappingNets.Tests.ExampleRuns;

namespace MappingNets.Tests;

/// <summary>The tables of experiments that have one of their own: gaps by the number of images, files by their format.</summary>
public sealed class ReportTablesTests
{
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
}
