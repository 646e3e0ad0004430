using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;

namespace MappingNets.Examples.Cluster;

/// <summary>A worker in a process of its own, as the demonstration sees it.</summary>
internal sealed partial class WorkerProcess : IDisposable
{
    private readonly Process process;
    private readonly LiveTable table;
    private readonly List<(Func<int, int, bool> IsSo, TaskCompletionSource<int> Reached)> awaited = [];
    private readonly Task reading;

    public WorkerProcess(int number, Settings settings, RedisServer redis, LiveTable table)
    {
        (Number, this.table) = (number, table);
        var start = new ProcessStartInfo("dotnet", [
            typeof(WorkerProcess).Assembly.Location, "worker", "--redis", redis.Address, "--run", settings.Run,
            "--port", RedisServer.FreePort().ToString(CultureInfo.InvariantCulture),
            "--epochs", settings.Epochs.ToString(CultureInfo.InvariantCulture),
            "--samples", settings.Samples.ToString(CultureInfo.InvariantCulture),
            .. settings.IsSynthetic ? new[] { "--synthetic" } : [],
        ])
        {
            RedirectStandardOutput = true,
        };
        start.Environment["MAPPINGNETS_REDIS_PASSWORD"] = redis.Password;
        // Three processes share this machine's cores.
        start.Environment["OMP_NUM_THREADS"] = "1";
        process = Process.Start(start)!;
        reading = Read();
    }

    public int Number { get; }

    public WorkerResult? Result { get; private set; }

    /// <summary>The steps that it has taken, in its order.</summary>
    public List<int> Steps { get; } = [];

    /// <summary>Waits until it has taken a share of the steps.</summary>
    /// <returns>The step.</returns>
    public Task<int> Reached(double share) => Until((step, steps) => step >= share * steps);

    /// <summary>Waits until it has taken so many steps more.</summary>
    /// <returns>The step.</returns>
    public Task<int> Takes(int steps)
    {
        var from = Steps.Count;
        return Until((_, _) => Steps.Count >= from + steps);
    }

    private Task<int> Until(Func<int, int, bool> isSo)
    {
        var reached = new TaskCompletionSource<int>(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (awaited)
            awaited.Add((isSo, reached));
        return Task.WhenAny(reached.Task, reading.ContinueWith<int>(
            _ => throw new InvalidOperationException($"Worker {Number} ended with {process.ExitCode}."), TaskScheduler.Default)).Unwrap();
    }

    public Task Ended() => reading;

    public void Kill() => process.Kill();

    public void Dispose()
    {
        if (!process.HasExited)
            process.Kill();
        process.Dispose();
    }

    private async Task Read()
    {
        while (await process.StandardOutput.ReadLineAsync() is { } line)
        {
            if (line.Split(' ') is ["result", var steps, var sent, var accuracy, var digest])
                Result = new(
                    int.Parse(steps, CultureInfo.InvariantCulture), long.Parse(sent, CultureInfo.InvariantCulture),
                    double.Parse(accuracy, CultureInfo.InvariantCulture), digest);
            else if (StepLine().Match(line) is { Success: true } step)
                Hear(int.Parse(step.Groups[1].Value, CultureInfo.InvariantCulture), int.Parse(step.Groups[2].Value, CultureInfo.InvariantCulture), line);
            else
                table.Note($"Worker {Number}: {line}");
        }

        await process.WaitForExitAsync();
    }

    private void Hear(int step, int steps, string line)
    {
        table.Show(Number, line);
        Steps.Add(step);
        lock (awaited)
            foreach (var (_, reached) in awaited.Where(wanted => wanted.IsSo(step, steps)))
                reached.TrySetResult(step);
    }

    [GeneratedRegex(@"^step (\d+) of (\d+),")]
    private static partial Regex StepLine();
}

/// <summary>What a worker ended with.</summary>
/// <param name="Steps">How many steps the run had.</param>
/// <param name="Sent">Bytes of gradients that it sent.</param>
/// <param name="Accuracy">Its accuracy on the test images.</param>
/// <param name="Digest">A digest of its trained parameters.</param>
internal sealed record WorkerResult(int Steps, long Sent, double Accuracy, string Digest);
