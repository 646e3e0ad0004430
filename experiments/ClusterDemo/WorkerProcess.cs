using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using MappingNets.Examples.Cluster;

namespace MappingNets.Experiments.ClusterDemo;

/// <summary>A worker in a process of its own, as the demonstration sees it.</summary>
internal sealed partial class WorkerProcess : IDisposable
{
    private readonly Process process;
    private readonly LiveTable table;
    private readonly List<(Func<int, int, bool> IsSo, TaskCompletionSource<int> Reached)> awaited = [];
    private readonly Task reading;
    private (int Step, int Steps)? last;

    /// <summary>Starts a worker.</summary>
    /// <param name="number">Its number, for people.</param>
    /// <param name="settings">What it is told; where its address is this machine's own, it takes a port that is free.</param>
    /// <param name="redis">The store.</param>
    /// <param name="table">Where it shows.</param>
    /// <param name="within">A command that runs a program elsewhere, such as in another network; none where empty.</param>
    public WorkerProcess(int number, Settings settings, RedisServer redis, LiveTable table, params IReadOnlyList<string> within)
    {
        (Number, this.table) = (number, table);
        string[] command = [.. within, "dotnet", typeof(WorkerProcess).Assembly.Location];
        var own = settings with { Redis = redis.Address, Port = within.Count == 0 ? RedisServer.FreePort(Settings.ClientsAbove) : settings.Port };
        var start = new ProcessStartInfo(command[0], [.. command[1..], .. ArgumentsOf(own)])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["MAPPINGNETS_REDIS_PASSWORD"] = redis.Password;
        process = Process.Start(start)!;
        process.ErrorDataReceived += (_, line) =>
        {
            if (Error.Length == 0 && line.Data is { Length: > 0 } text)
                Error = text;
        };
        process.BeginErrorReadLine();
        reading = Read();
    }

    /// <summary>The command line of a worker with some settings.</summary>
    public static string[] ArgumentsOf(Settings settings) =>
    [
        "worker", "--redis", settings.Redis, "--run", settings.Run, "--address", settings.Address,
        "--port", settings.Port.ToString(CultureInfo.InvariantCulture),
        "--epochs", settings.Epochs.ToString(CultureInfo.InvariantCulture),
        // No number stands for all of them.
        .. settings.Samples > 0 ? new[] { "--samples", settings.Samples.ToString(CultureInfo.InvariantCulture) } : [],
        .. settings.IsSynthetic ? new[] { "--synthetic" } : [],
        .. settings is { Certificate: { } certificate, Authority: { } authority } ? new[] { "--certificate", certificate, "--authority", authority } : [],
    ];

    public int Number { get; }

    /// <summary>What it ended with; null before, and where it fails.</summary>
    public WorkerResult? Result { get; private set; }

    /// <summary>The first line that it wrote of an error; empty where there is none.</summary>
    public string Error { get; private set; } = "";

    /// <summary>The steps that it has taken, in its order.</summary>
    public List<int> Steps { get; } = [];

    /// <summary>Waits until it has taken a share of the steps.</summary>
    /// <returns>The step.</returns>
    public Task<int> Reached(double share) => Until((step, steps) => step >= share * steps);

    private Task<int> Until(Func<int, int, bool> isSo)
    {
        var reached = new TaskCompletionSource<int>(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (awaited)
        {
            awaited.Add((isSo, reached));
            // Who asks late would wait for a line that does not come any more.
            if (last is (int step, int steps) && isSo(step, steps))
                reached.SetResult(step);
        }

        return Task.WhenAny(reached.Task, reading.ContinueWith<int>(
            _ => throw new InvalidOperationException($"Worker {Number} ended with {process.ExitCode}: {Error}"), TaskScheduler.Default)).Unwrap();
    }

    public Task Ended() => reading;

    public void Kill() => process.Kill();

    public void Dispose()
    {
        if (!process.HasExited)
            process.Kill();
        process.WaitForExit();
        process.Dispose();
    }

    private async Task Read()
    {
        while (await process.StandardOutput.ReadLineAsync() is { } line)
        {
            if (WorkerResult.Parse(line) is { } result)
                Result = result;
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
        {
            last = (step, steps);
            foreach (var (_, reached) in awaited.Where(wanted => wanted.IsSo(step, steps)))
                reached.TrySetResult(step);
        }
    }

    [GeneratedRegex(@"^step (\d+) of (\d+),")]
    private static partial Regex StepLine();
}
