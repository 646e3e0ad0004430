using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using static TorchSharp.torch;

namespace MappingNets.Experiments.ClusterFigures;

/// <summary>Bytes and times of steps by several workers, mapped beside direct. Inputs are random: what is measured does not depend on them.</summary>
internal static class Figures
{
    private const int Latents = 2048;
    private static readonly double Megabit = 1e6 / 8;

    private sealed record Case(string Name, Func<TargetNetwork> Target, long[] Input, int BatchSize, bool IsLarge);

    private sealed record Row(string Part, string Network, string Method, int Workers, string Line, double Sent, double Received, double Milliseconds);

    public static async Task<int> Run(string folder, bool quick)
    {
        Case[] cases =
        [
            new("CNN2", () => Targets.Cnn2(), [1, 28, 28], 128, false),
            new("ResNet-18", () => Targets.ResNet18(), [3, 224, 224], 2, true),
            new("MLP 25M", () => Targets.Mlp(784, [5000, 4000]), [784], 16, true),
        ];
        var rows = new List<Row>();
        await using var cluster = await ClusterRuns.Start();
        foreach (var network in cases)
            foreach (var method in Methods(network, quick))
            {
                var steps = method == "direct" && network.IsLarge ? 3 : 10;
                await Measure("bytes", network, method, workers: 2, steps);
            }

        foreach (var workers in new[] { 1, 2, 4, 8 })
        {
            Alone(cases[0] with { BatchSize = 128 / workers }, workers);
            await Measure("workers", cases[0] with { BatchSize = 128 / workers }, "mapped", workers, steps: 20);
        }

        foreach (var (line, delay, rate) in new (string, double, double?)[] { ("1 ms", 1, null), ("40 ms", 40, null), ("10 Mbit/s", 0, 10), ("100 Mbit/s", 0, 100) })
            foreach (var network in cases.Take(quick ? 1 : 2))
                foreach (var method in Methods(network, quick))
                    await Measure("line", network, method, workers: 2, network.IsLarge ? 3 : 10, line, delay, rate);
        Write(folder, rows);
        return 0;

        async Task Measure(
            string part, Case network, string method, int workers, int steps, string line = "loopback", double delay = 0, double? rate = null)
        {
            var run = await cluster.Train(
                () => Build(network, method), () => Data(network, workers * steps), Options(network, workers), workers,
                TimeSpan.FromMilliseconds(delay), rate * Megabit);
            Add(new(part, network.Name, method, workers, line, run.Sent, run.Received, run.Milliseconds));
        }

        // The same parts in one process, on one thread.
        void Alone(Case network, int parts)
        {
            using var model = Build(network, "mapped");
            using var data = Data(network, parts * 20);
            var report = new Trainer(model, Options(network, parts)).Fit(data);
            Add(new("workers", network.Name, $"one process, {parts} parts", 1, "none", 0, 0, report.MedianStepMilliseconds));
        }

        void Add(Row row)
        {
            rows.Add(row);
            Console.WriteLine(Line(row));
        }
    }

    private static string[] Methods(Case network, bool quick) => quick && network.IsLarge ? ["mapped"] : ["mapped", "direct"];

    private static TrainingOptions Options(Case network, int parts) =>
        new() { Epochs = 1, BatchSize = network.BatchSize, GradientAccumulation = parts, Optimizer = TrainingOptimizer.Sgd(momentum: 0) };

    private static Model Build(Case network, string method) => method == "direct"
        ? DirectModel.For(network.Target(), seed: 1)
        : MappingNetwork.For(network.Target()).SingleLatent(Latents).WithSeed(1).Build();

    private static Dataset Data(Case network, int batches)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(1);
        var count = network.BatchSize * batches;
        var classes = (int)network.Target().OutputShape[0];
        return Dataset.FromTensors(
            randn([count, .. network.Input], generator: generator), randint(classes, [count], dtype: int64, generator: generator),
            [.. Enumerable.Range(0, classes).Select(number => number.ToString(CultureInfo.InvariantCulture))]);
    }

    private static string Line(Row row) => string.Create(
        CultureInfo.InvariantCulture,
        $"| {row.Part} | {row.Network} | {row.Method} | {row.Workers} | {row.Line} | {row.Sent / 1e3:N1} | {row.Received / 1e3:N1} | {row.Milliseconds:N1} |");

    private static void Write(string folder, IReadOnlyList<Row> rows)
    {
        var machine = string.Create(
            CultureInfo.InvariantCulture, $"{Environment.ProcessorCount} cores, {GC.GetGCMemoryInfo().TotalAvailableMemoryBytes >> 30} GB, {RuntimeInformation.OSDescription}");
        var text = new StringBuilder();
        text.AppendLine(CultureInfo.InvariantCulture, $"Measured on {machine}, d = {Latents:N0}; all workers in one process, one thread each. Random inputs.");
        text.AppendLine();
        text.AppendLine("| part | network | method | workers | line | KB sent | KB received | ms a step |");
        text.AppendLine("|---|---|---|---:|---|---:|---:|---:|");
        foreach (var row in rows)
            text.AppendLine(Line(row));
        AtomicFile.WriteAllText(Path.Combine(folder, "table.md"), text.ToString());
        AtomicFile.WriteAllText(
            Path.Combine(folder, "report.json"), JsonSerializer.Serialize(new { machine, rows }, new JsonSerializerOptions { WriteIndented = true }));
    }
}
