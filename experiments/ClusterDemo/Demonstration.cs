using System.Globalization;
using MappingNets.Examples.Cluster;

namespace MappingNets.Experiments.ClusterDemo;

/// <summary>Three workers on this machine, of which one is killed, and a fourth that takes its place.</summary>
internal static class Demonstration
{
    /// <param name="settings">What the workers are told.</param>
    /// <param name="stop">Ends Redis and the workers.</param>
    public static async Task<int> Run(Settings settings, CancellationToken stop)
    {
        if (!File.Exists(RedisServer.Program))
        {
            Console.Error.WriteLine($"{RedisServer.Program} is missing. On Debian or Ubuntu: sudo apt-get install redis-server.");
            return 1;
        }

        await using var redis = await RedisServer.Start();
        Console.WriteLine($"Redis listens at {redis.Address}. Three workers start; each holds its data and its silo.{(settings.IsSynthetic ? " The images are synthetic." : "")}");
        var table = new LiveTable();
        var workers = new List<WorkerProcess>();
        try
        {
            for (var number = 1; number <= 3; number++)
                workers.Add(new(number, settings, redis, table));
            var steps = await workers[0].Reached(share: 0.3).WaitAsync(stop);
            workers[2].Kill();
            table.Note($"Worker 3 was killed (SIGKILL) after step {steps}.");
            steps = await workers[0].Reached(share: 0.6).WaitAsync(stop);
            workers.Add(new(4, settings, redis, table));
            table.Note($"Worker 4 was started after step {steps}.");
            foreach (var worker in workers.Where(worker => worker.Number != 3))
                await worker.Ended().WaitAsync(stop);
            return Show(settings, workers, table, stop);
        }
        finally
        {
            foreach (var worker in workers)
                worker.Dispose();
        }
    }

    private static int Show(Settings settings, IReadOnlyList<WorkerProcess> workers, LiveTable table, CancellationToken stop)
    {
        table.End();
        Console.WriteLine($"{"worker",-8}{"steps",8}{"KB sent",12}  trained parameters");
        foreach (var worker in workers)
            Console.WriteLine(worker.Result is { } result
                ? string.Create(CultureInfo.InvariantCulture, $"{worker.Number,-8}{result.Steps,8:N0}{result.Sent / 1e3,12:N1}  {result.Digest}")
                : $"{worker.Number,-8}  {(worker.Number == 3 ? "killed" : $"ended without a result: {worker.Error}")}");
        using var model = Settings.Model();
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"A step sends {4 * model.TrainableCount:N0} bytes of gradient for each part; trained directly it would be {4 * model.Target.ParameterCount:N0}."));
        var results = workers.Where(worker => worker.Number != 3).Select(worker => worker.Result).ToArray();
        if (results[0] is not { } first)
            return 1;
        var rows = new List<(string, WorkerResult)> { ("slvt, 3 workers", first) };
        var isSame = results.All(result => result?.Digest == first.Digest);
        Console.WriteLine($"All workers ended with the same bits: {(isSame ? "yes" : "NO")}");
        if (isSame && settings.Compares)
        {
            var (train, test) = Settings.Data(settings);
            using (train)
            using (test)
                rows.Add(("slvt, one process", WorkerResult.Of(model, new Trainer(model, Settings.Training(settings)).Fit(train, cancellation: stop), 0, train, test)));
            isSame = rows[1].Item2.Digest == first.Digest;
            Console.WriteLine($"One process ends with the same bits: {(isSame ? "yes" : "NO")}");
        }

        WriteTable(model, rows);
        return isSame ? 0 : 1;
    }

    /// <summary>The columns of the demo's table.</summary>
    private static void WriteTable(MappedModel model, IEnumerable<(string Method, WorkerResult Result)> rows)
    {
        string[] headings = ["trainable", "ratio", "train %", "test %", "gap", "ms/step", "checkpoint bytes"];
        Console.WriteLine();
        Console.WriteLine($"{"method",-18}{string.Concat(headings.Select(heading => $"  {heading,9}"))}");
        foreach (var (method, result) in rows)
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{method,-18}  {model.TrainableCount,9:N0}  {(double)model.Target.ParameterCount / model.TrainableCount,8:F1}x  {100 * result.TrainAccuracy,9:F2}"
                + $"  {100 * result.TestAccuracy,9:F2}  {100 * (result.TrainAccuracy - result.TestAccuracy),9:F2}  {result.MillisecondsPerStep,9:F1}  {result.CheckpointBytes,16:N0}"));
    }
}
