using System.Diagnostics;
using System.Runtime.InteropServices;
using Microsoft.Extensions.DependencyInjection;
using Orleans;

namespace MappingNets.Experiments.ClusterFigures;

/// <summary>
/// A thousand workers simulated in one process, each a task that sends a random gradient of 8 KB: by the grain of a run, and by a tree of
/// reducers, each of which adds what its children send in their order and passes the sum up.
/// </summary>
internal static class ManyWorkers
{
    private const int Workers = 1000;
    private const int Steps = 5;

    /// <summary>Each kind of reducer, with the bytes of the busiest one.</summary>
    public static async IAsyncEnumerable<FigureRow> Rows(ClusterRuns cluster)
    {
        var gradients = Enumerable.Range(0, Workers).Select(Gradient).ToArray();
        var bytes = (double)gradients[0].Length;
        var (grain, flat) = await ByGrain(cluster, gradients);
        yield return new("many", "8 KB", "one grain", Workers, "one process", bytes * Workers, bytes * Workers, grain);
        var expected = Exact(gradients);
        Console.WriteLine(FormattableString.Invariant($"one grain: relative error of the sum {Error(flat, expected):e1}"));
        foreach (var fanIn in new[] { 32, 10 })
        {
            var (milliseconds, sum) = ByTree(gradients, fanIn);
            if (!sum.AsSpan().SequenceEqual(ByTree(gradients, fanIn).Sum))
                throw new InvalidOperationException("The tree's sum depends on who comes first.");
            Console.WriteLine(FormattableString.Invariant($"tree of {fanIn}: relative error of the sum {Error(sum, expected):e1}"));
            yield return new("many", "8 KB", $"a tree, {fanIn} children a reducer", Workers, "one process", bytes * fanIn, bytes * fanIn, milliseconds);
        }
    }

    private static async Task<(double Milliseconds, byte[] Sum)> ByGrain(ClusterRuns cluster, byte[][] gradients)
    {
        var run = cluster.Services.GetRequiredService<IGrainFactory>().GetGrain<IRunGrain>("many");
        var terms = new RunTerms(
            Workers * Steps, 1, Workers, 1, gradients[0].Length, Workers, TimeSpan.FromMinutes(5), GradientCombination.Mean, null, [], [], 1, 0);
        var times = new List<double>();
        var sum = Array.Empty<byte>();
        var clock = Stopwatch.StartNew();
        var all = Enumerable.Range(0, Workers).Select(index => Task.Run(() => Work($"worker {index}", index))).ToList();
        // One that fails would leave the others waiting.
        while (all.Count > 0)
        {
            var one = await Task.WhenAny(all);
            await one;
            all.Remove(one);
        }

        return (times.Order().ElementAt(times.Count / 2), sum);

        async Task Work(string worker, int heldAs)
        {
            await run.Join(worker, terms);
            var (step, parts) = (0, Array.Empty<int>());
            while (step < Steps)
            {
                var reply = await run.Contribute(new(worker, step, 0, [.. parts.Select(Part)]));
                parts = reply.Parts;
                if (reply.Kind != ReplyKind.Records)
                    continue;
                step += reply.Records.Length;
                // The first worker's steps; the first step also waits for all to join.
                if (heldAs != 0)
                    continue;
                if (step > 1)
                    times.Add(clock.Elapsed.TotalMilliseconds);
                clock.Restart();
                sum = reply.Records[^1].Gradient;
            }
        }

        Part Part(int index) => new(index, gradients[index], [true], new(1, 1, 1, 1, 0, 0, new double?[PartFigures.TermCount], []), []);
    }

    private static (double Milliseconds, byte[] Sum) ByTree(byte[][] gradients, int fanIn)
    {
        var times = new List<double>();
        var tree = new ReducerTree(gradients.Length, fanIn);
        for (var step = 0; step < Steps; step++)
        {
            var order = Enumerable.Range(0, gradients.Length).ToArray();
            Random.Shared.Shuffle(order);
            var clock = Stopwatch.StartNew();
            Parallel.ForEach(order, leaf => tree.Take(leaf, gradients[leaf]));
            times.Add(clock.Elapsed.TotalMilliseconds);
        }

        return (times.Order().ElementAt(times.Count / 2), tree.Sum);
    }

    private static byte[] Gradient(int worker)
    {
        var random = new Random(worker);
        var values = Enumerable.Range(0, MeasuredRun.Latents).Select(_ => (float)(random.NextDouble() - 0.5)).ToArray();
        return MemoryMarshal.AsBytes(values.AsSpan()).ToArray();
    }

    private static double[] Exact(byte[][] gradients)
    {
        var sum = new double[MeasuredRun.Latents];
        foreach (var gradient in gradients)
            for (var place = 0; place < sum.Length; place++)
                sum[place] += MemoryMarshal.Cast<byte, float>(gradient.AsSpan())[place];
        return sum;
    }

    private static double Error(byte[] sum, double[] expected)
    {
        var values = MemoryMarshal.Cast<byte, float>(sum.AsSpan()).ToArray();
        return Math.Sqrt(values.Zip(expected, (value, exact) => (value - exact) * (value - exact)).Sum() / expected.Sum(exact => exact * exact));
    }
}
