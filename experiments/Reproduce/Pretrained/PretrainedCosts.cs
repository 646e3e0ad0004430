using System.Diagnostics;
using System.Globalization;
using MappingNets.Experiments.Reporting;
using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets.Experiments.Reproduce;

/// <summary>What a step of each row costs, measured in turn in one process, and what its trained state takes in memory and on disk.</summary>
internal static class PretrainedCosts
{
    private const int Rounds = 7;

    // The parameter, its gradient, and two moments of Adam's, in single precision.
    private const int BytesOfParameter = 16;

    /// <summary>A Markdown table, a line for each row; times are medians over 7 rounds, each of which lets every row take a step.</summary>
    /// <param name="rows">The rows.</param>
    /// <param name="network">The network.</param>
    /// <param name="pretrained">Its weights.</param>
    /// <param name="training">Where the steps' samples are from.</param>
    /// <param name="batchSize">Samples a step.</param>
    /// <param name="scratch">A file that is written for each row, to see how large it is, and deleted.</param>
    /// <param name="stop">Asked for by Ctrl-C.</param>
    public static string Describe(
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

            var ours = rows.Zip(subjects, (row, subject) => string.Create(
                CultureInfo.InvariantCulture,
                $"| {row.Label} | {subject.Model.TrainableCount:N0} | {subject.Median / subjects[0].Median:F2} | {subject.Model.TrainableCount * BytesOfParameter / 1e6:F2} | "
                + $"{BytesOf(subject.Model, scratch) / 1e3:N0} |"));
            return string.Join('\n',
            [
                $"A step of {batchSize} pictures, in turn in one process, medians of {Rounds} rounds; trained state: each parameter, its gradient and Adam's two moments.",
                "",
                $"| row | trainable | time of a step ({rows[0].Label}: 1) | trained state, MB | file, KB |",
                "|---|---:|---:|---:|---:|",
                .. ours,
            ]);
        }
        finally
        {
            foreach (var subject in subjects)
                subject.Dispose();
        }
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
