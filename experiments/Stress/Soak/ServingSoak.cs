using MappingNets.Experiments.Reporting;
using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets.Experiments.Stress;

/// <summary>Serves predictions on two threads while a third swaps, merges, saves, deletes and loads adapters.</summary>
internal sealed class ServingSoak(string folder)
{
    /// <summary>What the table calls it.</summary>
    public const string Name = "serving";

    private const int RequestsOfEach = 300;
    private const int UncountedRounds = 3;
    private static readonly string[] Adapters = ["groups", "mapping", "lora"];

    private long predictions;
    private long swaps;
    private long wrong;

    /// <summary>Runs rounds for a time.</summary>
    public SoakResult Run(TimeSpan time)
    {
        var clock = new SoakClock(time);
        using var data = ModelKind.PointData();
        var target = ModelKind.Points();
        foreach (var name in Adapters)
        {
            var (model, _) = ModelKind.Of(name).Train();
            using (model)
                RunFiles.Save(model, FileOf(name));
        }

        using var host = new AdapterHost(target, ModelKind.Base);
        foreach (var name in Adapters)
            host.Add(name, FileOf(name));
        var expected = Adapters.ToDictionary(name => name, name =>
        {
            host.SetActive(name);
            return Answer(host, data, out _);
        });
        host.SetActive(null);
        expected.Add("", Answer(host, data, out _));
        var (rounds, tensors) = (0L, 0L);
        string? fault = null;
        try
        {
            while (clock.GoesOn(rounds) || rounds <= UncountedRounds)
            {
                if (rounds == UncountedRounds)
                {
                    ProcessMemory.Collect();
                    tensors = Tensor.TotalCount;
                }

                Round(host, data, expected);
                rounds++;
            }
        }
        catch (Exception one)
        {
            var inner = one is AggregateException all ? all.InnerExceptions[0] : one;
            fault = $"{inner.GetType().Name}: {inner.Message.Split('\n')[0]}";
        }

        ProcessMemory.Collect();
        return new(Name, rounds, predictions, swaps, 0, Tensor.TotalCount - tensors, wrong, fault, clock.Taken);
    }

    private string FileOf(string adapter) => Path.Combine(folder, adapter + ".safetensors");

    private void Round(AdapterHost host, Dataset data, Dictionary<string, float[]> expected)
    {
        host.SetActive(Adapters[0]);
        var requests = Enumerable.Range(0, 2).Select(_ => Task.Run(() =>
        {
            for (var request = 0; request < RequestsOfEach; request++)
            {
                var answer = Answer(host, data, out var adapter);
                // The base answers with one adapter merged for a while, and no moment tells which.
                if (adapter is null ? !expected.Values.Any(known => known.SequenceEqual(answer)) : !answer.AsSpan().SequenceEqual(expected[adapter]))
                    Interlocked.Increment(ref wrong);
            }
        })).ToArray();
        for (var swap = 0; !requests.All(request => request.IsCompleted); swap++)
        {
            host.SetActive(Adapters[swap % Adapters.Length]);
            swaps++;
            if (swap % 16 == 15)
                Replace(host, Adapters[swap / 16 % Adapters.Length]);
        }

        Task.WaitAll(requests);
        predictions += 2 * RequestsOfEach;
    }

    // What a service does now and then: an adapter is written, dropped and read anew, and one is merged for a while.
    private void Replace(AdapterHost host, string adapter)
    {
        host.SetActive(null);
        host.Save(adapter, FileOf(adapter));
        host.Delete(adapter);
        host.Add(adapter, FileOf(adapter));
        host.Merge(adapter);
        host.Unmerge();
    }

    private static float[] Answer(AdapterHost host, Dataset data, out string? adapter)
    {
        using var answer = host.Predict(data.Inputs, out adapter);
        return answer.data<float>().ToArray();
    }
}
