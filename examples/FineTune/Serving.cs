using System.Collections.Concurrent;
using System.Diagnostics;
using TorchSharp;

namespace MappingNets.Examples.FineTune;

/// <summary>Two threads ask while a third swaps adapters: every answer is that of one adapter, never of a mixture.</summary>
internal static class Serving
{
    private const int Readers = 2;
    private const int Swaps = 300;

    public static void Show(AdapterHost host, Dataset data)
    {
        using var few = data.Take(8);
        string[] names = ["", .. host.Names];
        var right = names.ToDictionary(name => name, name => AnswerOf(host, name, few));
        var answers = new ConcurrentDictionary<string, int>();
        var mixed = 0;
        using var stop = new CancellationTokenSource();
        var readers = Enumerable.Range(0, Readers).Select(_ => Task.Factory.StartNew(
            () =>
            {
                while (!stop.IsCancellationRequested)
                {
                    using var scores = host.Predict(few.Inputs, out var adapter);
                    answers.AddOrUpdate(adapter ?? "", 1, (_, count) => count + 1);
                    if (!Numbers(scores).SequenceEqual(right[adapter ?? ""]))
                        Interlocked.Increment(ref mixed);
                }
            },
            TaskCreationOptions.LongRunning)).ToArray();

        var milliseconds = new List<double>();
        // Until each has answered, however the threads are scheduled.
        for (var swap = 0; swap < Swaps || answers.Count < names.Length; swap++)
        {
            var name = names[swap % names.Length];
            var started = Stopwatch.GetTimestamp();
            host.SetActive(name.Length == 0 ? null : name);
            milliseconds.Add(Stopwatch.GetElapsedTime(started).TotalMilliseconds);
        }

        stop.Cancel();
        Task.WaitAll(readers);
        var median = milliseconds.Order().ElementAt(milliseconds.Count / 2);
        Console.WriteLine($"\nServed from {Readers} threads while the adapters were swapped {milliseconds.Count:N0} times (median {median:F2} ms):");
        foreach (var name in names)
            Console.WriteLine($"  {(name.Length == 0 ? "the base" : $"'{name}'")} answered {answers[name]:N0} times");
        Console.WriteLine($"  answers that are no adapter's: {mixed}");
    }

    private static float[] AnswerOf(AdapterHost host, string name, Dataset data)
    {
        host.SetActive(name.Length == 0 ? null : name);
        using var scores = host.Predict(data.Inputs);
        return Numbers(scores);
    }

    private static float[] Numbers(torch.Tensor tensor)
    {
        using var plain = tensor.contiguous();
        return plain.data<float>().ToArray();
    }
}
