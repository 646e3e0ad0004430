using System.Text.Json;
using MappingNets.Examples.Cluster;
using MappingNets.Experiments.ClusterDemo;

namespace MappingNets.Experiments.ClusterFigures;

/// <summary>What a run with faults came to.</summary>
/// <param name="Seed">What chose the faults.</param>
/// <param name="Kills">Processes that were killed.</param>
/// <param name="Cuts">Networks that were cut and mended.</param>
/// <param name="Joins">Workers that joined beside those that replaced others.</param>
/// <param name="Ended">
/// Workers that ended by themselves, because the others had declared their silo dead while their network was cut or their process had no
/// time on a busy machine.
/// </param>
/// <param name="Workers">How many workers there were.</param>
/// <param name="Steps">How many steps the run had.</param>
/// <param name="Returns">How often a worker that was cut off took the kept state, because nobody had the records of all steps that it had missed.</param>
/// <param name="LongestPause">The longest time between two steps of the run, seconds.</param>
/// <param name="Seconds">How long it took.</param>
/// <param name="Digest">Of the trained parameters, of all workers that trained to the end.</param>
/// <param name="Wrong">What should not be.</param>
internal sealed record FaultRun(
    int Seed, int Kills, int Cuts, int Joins, int Ended, int Workers, int Steps, int Returns, double LongestPause, double Seconds, string Digest,
    IReadOnlyList<string> Wrong)
{
    /// <summary>How many faults there were.</summary>
    public int Faults => Kills + Cuts + Joins;
}

/// <summary>
/// Trains CNN2 by processes that are killed, join, and whose networks are cut at random, and compares with one process: the trained
/// parameters must have its bits, and no worker may take a step twice or leave one out.
/// </summary>
internal static class Faults
{
    private const int PerRun = 20;

    /// <summary>Runs with so many faults in all.</summary>
    /// <param name="faults">How many.</param>
    /// <param name="seed">What chooses them.</param>
    /// <param name="folder">Where faults.json is written.</param>
    /// <param name="stop">Ends the processes, and takes their network away.</param>
    public static async Task<int> Run(int faults, int seed, string folder, CancellationToken stop)
    {
        // What is learnt makes no difference: random images spare each process the reading of real ones.
        var settings = new Settings { Samples = 1290, Epochs = 12, IsSynthetic = true };
        var expected = await Task.Factory.StartNew(() => Alone(settings, stop), TaskCreationOptions.LongRunning);
        Console.WriteLine($"One process ends with {expected}.");
        using var certificates = new CertificateFiles();
        var (network, refusal) = VirtualNetwork.TryCreate();
        if (refusal is not null)
            Console.Error.WriteLine($"No network namespaces here ({refusal}): nothing is cut.");
        var runs = new List<FaultRun>();
        using (network)
        {
            while (runs.Sum(run => run.Faults) < faults)
            {
                await using var redis = await RedisServer.Start(network is null ? "127.0.0.1" : VirtualNetwork.Host);
                var here = seed + runs.Count;
                var run = settings with { Run = $"faults {Environment.ProcessId} {here}", Certificate = certificates.Own, Authority = certificates.Authority };
                using var one = new FaultyRun(run, redis, network, new(here));
                runs.Add(await one.Train(Math.Min(PerRun, faults - runs.Sum(done => done.Faults)), here, expected, stop));
                Console.WriteLine(JsonSerializer.Serialize(runs[^1]));
                Write(folder, expected, runs);
            }
        }

        var wrong = runs.Sum(run => run.Wrong.Count);
        Console.WriteLine($"{runs.Sum(run => run.Faults)} faults in {runs.Count} runs; {wrong} of what should not be.");
        return wrong == 0 ? 0 : 1;
    }

    private static string Alone(Settings settings, CancellationToken stop)
    {
        using var model = Settings.Model();
        var (train, test) = Settings.Data(settings);
        using (train)
        using (test)
            new Trainer(model, Settings.Training(settings)).Fit(train, cancellation: stop);
        return WorkerResult.DigestOf(model);
    }

    private static void Write(string folder, string expected, IReadOnlyList<FaultRun> runs) => AtomicFile.WriteAllText(
        Path.Combine(folder, "faults.json"),
        JsonSerializer.Serialize(
            new
            {
                command = "./build.sh cluster-figures --kills N",
                oneProcess = expected,
                faults = runs.Sum(run => run.Faults),
                kills = runs.Sum(run => run.Kills),
                cuts = runs.Sum(run => run.Cuts),
                joins = runs.Sum(run => run.Joins),
                wrong = runs.Sum(run => run.Wrong.Count),
                runs,
            },
            new JsonSerializerOptions { WriteIndented = true, PropertyNamingPolicy = JsonNamingPolicy.CamelCase }));
}
