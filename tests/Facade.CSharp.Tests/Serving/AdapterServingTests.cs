using System.Collections.Concurrent;
using System.Diagnostics;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

/// <summary>Many threads and many adapters: runs while nothing else does, because it counts what the process holds.</summary>
[Collection(nameof(MemoryTests))]
public sealed class AdapterServingTests
{
    [Fact]
    public async Task No_prediction_mixes_the_weights_or_buffers_of_two_moments()
    {
        // y = w2 w1 (x - mean) at x = 0: both weights of adapter k are k and its running mean is -k, so that no mixture gives the
        // cube of a prime.
        var target = TargetNetwork.Input(1, 1, 1).BatchNorm2d().Flatten().Linear(1, bias: false).Linear(1, bias: false).Build("product");
        using var flat = tensor([1f, 0, 0, 0]);
        using var pretrained = PretrainedWeights.FromFlat(target, flat);
        using var host = new AdapterHost(target, pretrained);
        using var zero = zeros(1, 1, 1, 1);
        int[] primes = [2, 3, 5, 7, 11];
        const int Swaps = 4000;
        foreach (var prime in primes)
        {
            using var model = FineTuning.Of(target, pretrained).Groups(2, strength: 1).Layers("fc*").Build();
            using (no_grad())
            {
                model.TrainedTensors["latent"].fill_(prime);
                model.State["bn1.running_mean"].fill_(-prime);
            }

            host.Add($"{prime}", model);
        }

        using var stop = new CancellationTokenSource();
        var seen = new ConcurrentDictionary<int, bool>();
        var readers = Enumerable.Range(0, 3).Select(_ => Task.Factory.StartNew(
            () =>
            {
                while (!stop.IsCancellationRequested)
                {
                    using var answer = host.Predict(zero, out var name);
                    // Without an adapter the base answers, into which the first one may be merged.
                    var number = name is null ? 0 : int.Parse(name);
                    Assert.Contains((int)Math.Round(answer.item<float>()), name is null ? new[] { 0, 8 } : [number * number * number]);
                    if (number > 0)
                        seen[number] = true;
                }
            },
            TaskCreationOptions.LongRunning)).ToArray();
        try
        {
            // Until every adapter has been met, so that the test cannot pass by the readers having been asleep.
            for (var swap = 0; swap < Swaps || seen.Count < primes.Length; swap++)
            {
                Assert.DoesNotContain(readers, reader => reader.IsFaulted);
                host.SetActive($"{primes[swap % primes.Length]}");
                if (swap % 50 == 7)
                {
                    host.SetActive(null);
                    host.Merge("2");
                    host.Unmerge();
                }
            }
        }
        finally
        {
            await stop.CancelAsync();
            await Task.WhenAll(readers);
        }
    }

    [Fact]
    public void Swapping_and_serving_leave_no_tensor_behind()
    {
        using var pretrained = FineTuned.Pretrained();
        using var folder = new TemporaryFolder();
        using var data = Small.Classes(8);
        foreach (var way in FineTuned.Ways)
        {
            using var model = FineTuned.Trained(way, pretrained);
            model.SaveAdapter(folder.File(way));
        }

        void Everything()
        {
            using var host = new AdapterHost(Small.Classifier(), pretrained);
            foreach (var way in FineTuned.Ways)
                host.Add(way, folder.File(way));
            foreach (var way in FineTuned.Ways)
            {
                host.SetActive(way);
                host.Predict(data.Inputs).Dispose();
                host.FlatWeights().Dispose();
            }

            host.SetActive(null);
            host.Merge("groups");
            host.Merge("lora");
            host.Unmerge();
            host.Delete("mapping");
        }

        Everything();
        Collect();
        var before = Tensor.TotalCount;
        Everything();

        // Without a collection in between: what is counted here was forgotten, not disposed. What was forgotten before may be freed late.
        Assert.InRange(Tensor.TotalCount - before, long.MinValue, 0);
    }

    [Fact]
    public void A_thousand_adapters_of_2048_latents_take_less_than_20_MB_in_memory_and_on_disk()
    {
        var target = MappingNets.Targets.Cnn2();
        using var direct = DirectModel.For(target);
        using var pretrained = PretrainedWeights.Of(direct);
        using var host = new AdapterHost(target, pretrained);
        using var folder = new TemporaryFolder();
        using var model = FineTuning.Of(target, pretrained).Groups(2048, grouping: WeightGrouping.Hashed).Build();
        model.SaveAdapter(folder.File("first"));
        host.Add("warm", folder.File("first"));
        Collect();
        List<long> held = [Resident()];
        List<long> onDisk = [];

        for (var number = 0; number < 2000; number++)
        {
            host.Add($"{number}", folder.File("first"));
            if (number % 250 == 0)
            {
                host.Save($"{number}", folder.File($"{number}"));
                onDisk.Add(250 * BlocksOf(folder.File($"{number}")));
            }

            if (number % 1000 == 999)
                held.Add(Resident());
        }

        Assert.Equal(2001, host.Names.Count);
        // A thousand take theirs each time; the runtime's own memory may grow once, when it has given some back before.
        Assert.InRange(Math.Min(held[1] - held[0], held[2] - held[1]), long.MinValue, 20_000_000);
        Assert.All(onDisk.Chunk(4), thousand => Assert.InRange(thousand.Sum(), 1000 * 8192, 20_000_000));
    }

    /// <summary>The size of a file in whole blocks of 4 KB, as most file systems count it.</summary>
    private static long BlocksOf(string path) => (new FileInfo(path).Length + 4095) / 4096 * 4096;

    private static long Resident()
    {
        Collect();
        using var process = Process.GetCurrentProcess();
        return process.WorkingSet64;
    }

    private static void Collect()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        GC.Collect();
    }
}
