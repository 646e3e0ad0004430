using System.Globalization;
using System.Text.Json;
using MappingNets.Examples.Cluster;

namespace MappingNets.Experiments.ClusterFigures;

/// <summary>
/// Trains CNN2 by processes of which one after the other is killed at random and replaced, and compares with one process: the trained
/// parameters must have its bits, and no worker may take a step twice or leave one out.
/// </summary>
internal static class Kills
{
    public static async Task<int> Run(int kills, string folder)
    {
        var random = new Random(1);
        await using var redis = await RedisServer.Start();
        // Long enough: the run is only left to end once all kills are done.
        var settings = new Settings { Run = $"kills {kills}", Samples = 6450, Epochs = 2 + (kills / 5) };
        var table = new LiveTable();
        var (number, done, faults) = (0, 0, new List<string>());
        var all = new List<WorkerProcess>();
        var alive = new List<WorkerProcess>();
        try
        {
            for (var index = 0; index < 3; index++)
                Begin();
            while (done < kills)
            {
                await alive[0].Takes(steps: random.Next(2, 12));
                var victim = alive[random.Next(alive.Count)];
                victim.Kill();
                alive.Remove(victim);
                done++;
                table.Note($"{done} of {kills}: killed worker {victim.Number} after step {victim.Steps.LastOrDefault()}.");
                Begin();
            }

            await Task.WhenAll(alive.Select(worker => worker.Ended()));
        }
        finally
        {
            foreach (var worker in all)
                worker.Dispose();
        }

        foreach (var worker in all)
            for (var index = 1; index < worker.Steps.Count; index++)
                if (worker.Steps[index] != worker.Steps[index - 1] + 1)
                    faults.Add($"worker {worker.Number} took step {worker.Steps[index]} after {worker.Steps[index - 1]}");
        using var model = Settings.Model();
        var (train, test) = Settings.Data(settings);
        using (train)
        using (test)
            new Trainer(model, Settings.Training(settings)).Fit(train);
        var expected = Worker.Digest(model);
        foreach (var worker in alive)
            if (worker.Result?.Digest != expected)
                faults.Add($"worker {worker.Number} ended with {worker.Result?.Digest ?? "nothing"}; one process ends with {expected}");
        AtomicFile.WriteAllText(
            Path.Combine(folder, "kills.json"),
            JsonSerializer.Serialize(new { kills, workers = number, steps = alive[0].Steps.LastOrDefault(), expected, faults }, new JsonSerializerOptions { WriteIndented = true }));
        table.Note(string.Create(CultureInfo.InvariantCulture, $"{kills} kills, {number} workers, {faults.Count} faults."));
        foreach (var fault in faults)
            table.Note(fault);
        return faults.Count == 0 ? 0 : 1;

        void Begin()
        {
            var worker = new WorkerProcess(++number, settings, redis, table);
            all.Add(worker);
            alive.Add(worker);
        }
    }
}
