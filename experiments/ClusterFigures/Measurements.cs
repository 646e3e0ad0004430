using System.Globalization;
using System.Net;
using System.Runtime.CompilerServices;
using MappingNets.Experiments.Reporting;

namespace MappingNets.Experiments.ClusterFigures;

/// <summary>Bytes and times of steps by several workers, mapped beside direct.</summary>
internal static class Measurements
{
    /// <summary>The names of the parts, as --only takes them.</summary>
    public static IReadOnlyList<string> Parts { get; } = ["bytes", "workers", "lines", "many"];

    /// <summary>How often each time is measured; the median counts.</summary>
    private const int Repetitions = 3;

    /// <summary>Measures, and writes the report after each row.</summary>
    public static async Task Run(string folder, IReadOnlyCollection<string> parts, bool quick, CancellationToken stop)
    {
        var report = FigureReport.ToMeasure(folder, parts);
        await using var cluster = await ClusterRuns.Start(IPAddress.Loopback, stop);
        foreach (var part in Parts.Where(parts.Contains))
        {
            var rows = part switch
            {
                "bytes" => Bytes(cluster, quick),
                "workers" => Workers(cluster),
                "lines" => Lines(cluster, quick, stop),
                _ => ManyWorkers.Rows(cluster),
            };
            report = report.Without(part);
            await foreach (var row in rows)
            {
                Console.WriteLine(row);
                report = report.With(row);
                report.Write(folder);
                stop.ThrowIfCancellationRequested();
            }
        }
    }

    private static async IAsyncEnumerable<FigureRow> Bytes(ClusterRuns cluster, bool quick)
    {
        foreach (var network in MeasuredRun.Networks)
            foreach (var method in Methods(network, quick))
            {
                var run = new MeasuredRun(network, method, Workers: 2, BatchOf(network), Steps: 6);
                yield return Row("bytes", run, "loopback", await cluster.Train(run));
            }
    }

    // A batch of 128 by 1 to 8 workers. Beside each the same workers without exchanging anything, each on parts of its own: the difference
    // is what the exchange costs, also where workers share cores.
    private static async IAsyncEnumerable<FigureRow> Workers(ClusterRuns cluster)
    {
        foreach (var workers in new[] { 1, 2, 4, 8 })
        {
            // Enough that the program is compiled for most of them.
            var run = new MeasuredRun("CNN2", "mapped", workers, 128 / workers, Steps: 200);
            var (together, apart) = (new List<StepFigures>(), new List<double>());
            for (var repetition = 0; repetition < Repetitions; repetition++)
            {
                apart.Add(await SideBySide(run));
                together.Add(await cluster.Train(run));
            }

            yield return new("workers", run.Network, "mapped, nothing exchanged", workers, "none", 0, 0, Median(apart));
            yield return Row("workers", run, "loopback", StepFigures.Mean(together) with { Milliseconds = Median(together.Select(one => one.Milliseconds)) });
        }
    }

    private static async IAsyncEnumerable<FigureRow> Lines(
        ClusterRuns cluster, bool quick, [EnumeratorCancellation] CancellationToken stop)
    {
        foreach (var (network, method) in from network in MeasuredRun.Networks.Take(quick ? 1 : 2) from method in Methods(network, quick) select (network, method))
        {
            var run = new MeasuredRun(network, method, Workers: 2, BatchOf(network), Steps: 6);
            yield return Row("lines", run, "loopback", await cluster.Train(run));
            foreach (var milliseconds in new[] { 1, 40 })
                yield return Row("lines", run, $"{milliseconds} ms", await cluster.Train(run, TimeSpan.FromMilliseconds(milliseconds)));
        }

        var (virtualNetwork, refusal) = VirtualNetwork.TryCreate();
        if (refusal is not null)
            Console.Error.WriteLine($"No network namespaces here ({refusal}): a relay bounds the rate.");
        using (virtualNetwork)
        {
            await using var reachable = virtualNetwork is null ? null : await ClusterRuns.Start(IPAddress.Parse(VirtualNetwork.Host), stop);
            foreach (var megabits in new[] { 100, 10 })
                foreach (var (network, method) in from network in MeasuredRun.Networks.Take(quick ? 1 : 2) from method in Methods(network, quick) select (network, method))
                {
                    var run = new MeasuredRun(network, method, Workers: 2, BatchOf(network), Steps: 6);
                    yield return reachable is null
                        ? Row("lines", run, $"{megabits} Mbit/s (relay)", await cluster.Train(run, bytesPerSecond: megabits * 1e6 / 8))
                        : Row("lines", run, $"{megabits} Mbit/s", await reachable.Train(run, virtualNetwork!, megabits * 1e6));
                }
        }
    }

    // The median step of trainers that run at the same time, each on one thread and with data of its own.
    private static async Task<double> SideBySide(MeasuredRun run)
    {
        var alone = run with { Workers = 1 };
        return (await Task.WhenAll(Enumerable.Range(0, run.Workers).Select(_ => Task.Factory.StartNew(
            () =>
            {
                using var model = alone.Build();
                using var data = alone.Data();
                return new Trainer(model, alone.Options).Fit(data).MedianStepMilliseconds;
            },
            TaskCreationOptions.LongRunning)))).Average();
    }

    private static string[] Methods(string network, bool quick) => quick && network != "CNN2" ? ["mapped"] : ["mapped", "direct"];

    /// <summary>How many samples each of two workers has in a step of a network.</summary>
    public static int BatchOf(string network) => network switch { "CNN2" => 64, "ResNet-18" => 2, _ => 16 };

    private static double Median(IEnumerable<double> values)
    {
        var sorted = values.Order().ToArray();
        return sorted.Length % 2 == 1 ? sorted[sorted.Length / 2] : (sorted[(sorted.Length / 2) - 1] + sorted[sorted.Length / 2]) / 2;
    }

    private static FigureRow Row(string part, MeasuredRun run, string line, StepFigures figures) =>
        new(part, run.Network, run.Method, run.Workers, line, Math.Round(figures.Sent), Math.Round(figures.Received), Math.Round(figures.Milliseconds, 3));
}
