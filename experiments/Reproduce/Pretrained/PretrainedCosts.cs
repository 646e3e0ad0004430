using System.Diagnostics;
using System.Globalization;
using MappingNets.Experiments.Reporting;
using ScottPlot;
using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets.Experiments.Reproduce;

/// <summary>What a step of each row costs, measured in turn in one process, and what its trained state takes in memory and on disk.</summary>
internal static class PretrainedCosts
{
    private const int Rounds = 7;

    // The parameter, its gradient, and two moments of Adam's, in single precision.
    private const int BytesOfParameter = 16;

    /// <summary>Measures each row; times are medians over 7 rounds, each of which lets every row take a step.</summary>
    /// <param name="rows">The rows.</param>
    /// <param name="network">The network.</param>
    /// <param name="pretrained">Its weights.</param>
    /// <param name="training">Where the steps' samples are from.</param>
    /// <param name="batchSize">Samples a step.</param>
    /// <param name="scratch">A file that is written for each row, to see how large it is, and deleted.</param>
    /// <param name="stop">Asked for by Ctrl-C.</param>
    public static IReadOnlyList<PretrainedCost> Measure(
        IReadOnlyList<PretrainedRow> rows, TargetNetwork network, PretrainedWeights pretrained, Dataset training, int batchSize, string scratch,
        CancellationToken stop)
    {
        using var few = training.Take(Math.Min(batchSize, training.Count));
        using var batch = few.ToMemory();
        var subjects = rows.Select(row => new Subject(row.Create(network, pretrained, 1))).ToArray();
        try
        {
            // The first round warms up.
            for (var round = 0; round <= Rounds; round++)
                foreach (var subject in subjects)
                {
                    stop.ThrowIfCancellationRequested();
                    subject.Step(batch, isCounted: round > 0);
                }

            return
            [
                .. rows.Zip(subjects, (row, subject) => new PretrainedCost(
                    row.Name, row.Label, subject.Model.TrainableCount, subject.Median / subjects[0].Median, subject.Model.TrainableCount * BytesOfParameter / 1e6,
                    BytesOf(subject.Model, scratch) / 1e3)),
            ];
        }
        finally
        {
            foreach (var subject in subjects)
                subject.Dispose();
        }
    }

    /// <summary>A Markdown table, a line for each row.</summary>
    /// <param name="costs">What was measured.</param>
    /// <param name="batchSize">Samples a step.</param>
    public static string Describe(IReadOnlyList<PretrainedCost> costs, int batchSize) => string.Join('\n',
    [
        $"A step of {batchSize} pictures, in turn in one process, medians of {Rounds} rounds; trained state: each parameter, its gradient and Adam's two moments.",
        "",
        $"| row | trainable | time of a step ({costs[0].Label}: 1) | trained state, MB | file, KB |",
        "|---|---:|---:|---:|---:|",
        .. costs.Select(cost => string.Create(
            CultureInfo.InvariantCulture,
            $"| {cost.Label} | {cost.Trainable:N0} | {cost.Step:F2} | {cost.StateMegabytes:F2} | {cost.FileKilobytes:N0} |")),
    ]);

    /// <summary>Draws accuracy against the time of a step, and against the memory of the trained state.</summary>
    /// <param name="rows">The rows with their accuracies.</param>
    /// <param name="costs">What was measured, of the same rows.</param>
    /// <param name="about">The end of the title.</param>
    /// <param name="path">The PNG file.</param>
    public static void Draw(IReadOnlyList<RunSummary> rows, IReadOnlyList<PretrainedCost> costs, string about, string path)
    {
        var byRow = costs.ToDictionary(cost => cost.Row);
        var shown = rows.Where(row => byRow.ContainsKey(row.Row!)).ToArray();
        var both = new Multiplot();
        both.AddPlots(2);
        both.Layout = new ScottPlot.MultiplotLayouts.Columns();
        var (time, memory) = (both.GetPlot(0), both.GetPlot(1));
        time.Title($"{PretrainedMethod.Network} {about}: time");
        time.XLabel($"time of a step ({costs[0].Label}: 1)");
        time.YLabel("test accuracy, %");
        FineTunePlot.AddWays(time, shown, PretrainedMethod.Network, row => byRow[row.Row!].Step);
        time.HideLegend();
        memory.Title("memory");
        memory.XLabel("parameters, gradients and moments, MB");
        FineTunePlot.AddWays(memory, shown, PretrainedMethod.Network, row => Math.Log10(byRow[row.Row!].StateMegabytes));
        memory.Axes.Bottom.TickGenerator = Plots.PowersOfTen();
        memory.ShowLegend(Edge.Right);
        AtomicFile.WriteAllBytes(path, PalettePng.Of(both.Render(1400, 560).GetImageBytes(ImageFormat.Png)));
    }

    private static long BytesOf(Model model, string scratch)
    {
        RunFiles.Save(model, scratch);
        var bytes = new FileInfo(scratch).Length;
        File.Delete(scratch);
        return bytes;
    }

    private sealed class Subject(Model model) : IDisposable
    {
        private readonly optim.Optimizer optimizer = optim.Adam(model.parameters(), 1e-4);
        private readonly List<double> times = [];

        public Model Model => model;

        public double Median => times.Order().ElementAt(times.Count / 2);

        public void Step(Dataset batch, bool isCounted)
        {
            var started = Stopwatch.GetTimestamp();
            using (NewDisposeScope())
            {
                // Batch norms keep the pretrained statistics, as in the training of the rows.
                model.eval();
                optimizer.zero_grad();
                nn.functional.cross_entropy(model.forward(batch.Inputs), batch.Labels).backward();
                optimizer.step();
            }

            if (isCounted)
                times.Add(Stopwatch.GetElapsedTime(started).TotalMilliseconds);
        }

        public void Dispose()
        {
            optimizer.Dispose();
            model.Dispose();
        }
    }
}

/// <summary>What a row costs.</summary>
/// <param name="Row">Its name on the command line.</param>
/// <param name="Label">What tables call it.</param>
/// <param name="Trainable">How many numbers are trained.</param>
/// <param name="Step">The time of a step, as a multiple of the first row's.</param>
/// <param name="StateMegabytes">The parameters, their gradients and Adam's moments, millions of bytes.</param>
/// <param name="FileKilobytes">The file of the trained state, thousands of bytes.</param>
internal sealed record PretrainedCost(string Row, string Label, long Trainable, double Step, double StateMegabytes, double FileKilobytes);
