using System.Diagnostics;
using System.Globalization;
using System.IO.MemoryMappedFiles;

namespace MappingNets.Experiments.Fuzz;

/// <summary>What the cases of one subject came to.</summary>
internal sealed record SubjectResult(
    string Name, long Cases, long Equal, long Other, long Refused, long Faults, long LargestGrowthKilobytes, long SlowestMilliseconds, IReadOnlyList<string> FirstFaults);

/// <summary>Starts workers, goes on where one died or hung, and adds up.</summary>
internal sealed class Supervisor(string subject)
{
    private const int KeptFaults = 20;

    // A worker that makes no progress for so much of its processor time, or of anybody's, hangs.
    private static readonly TimeSpan HangsAfter = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan WaitsAtMost = TimeSpan.FromMinutes(10);

    private readonly long[] counts = new long[4];
    private readonly List<string> faults = [];
    private long growth;
    private long slowest;
    private long reached;

    /// <summary>Runs cases until so many are done or the time is over.</summary>
    public SubjectResult Run(long first, long count, DateTime deadline)
    {
        var place = Path.GetTempFileName();
        try
        {
            reached = first;
            while (reached < first + count && DateTime.UtcNow < deadline)
                if (RunWorker(reached, first + count, place, deadline) is { } died)
                {
                    counts[(int)Outcome.Fault]++;
                    Keep($"{died.Case}: {died.How}");
                    reached = died.Case + 1;
                }
        }
        finally
        {
            File.Delete(place);
        }

        return new(
            subject, counts.Sum(), counts[(int)Outcome.Equal], counts[(int)Outcome.Other], counts[(int)Outcome.Refused], counts[(int)Outcome.Fault],
            growth, slowest, faults);
    }

    private (long Case, string How)? RunWorker(long first, long end, string place, DateTime deadline)
    {
        File.WriteAllBytes(place, BitConverter.GetBytes(first));
        var start = new ProcessStartInfo(Environment.ProcessPath!) { RedirectStandardOutput = true, RedirectStandardError = true };
        if (Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet")
            start.ArgumentList.Add(Path.Combine(AppContext.BaseDirectory, "Fuzz.dll"));
        foreach (var argument in new[]
        {
            Worker.Option, subject, first.ToString(CultureInfo.InvariantCulture), end.ToString(CultureInfo.InvariantCulture), place,
            deadline.Ticks.ToString(CultureInfo.InvariantCulture),
        })
            start.ArgumentList.Add(argument);
        using var process = Process.Start(start)!;
        process.OutputDataReceived += (_, line) => Take(line.Data);
        process.BeginOutputReadLine();
        var complaints = process.StandardError.ReadToEndAsync();
        var hangs = Watch(process, place);
        process.WaitForExit();
        var at = Current(place);
        if (process.ExitCode == 0 && at < 0)
            return null;
        var why = hangs ? "hangs" : $"the process died with {process.ExitCode}: {complaints.Result.ReplaceLineEndings(" ")}";
        return (Math.Max(at, first), why[..Math.Min(why.Length, 600)]);
    }

    /// <summary>Ends a worker that hangs.</summary>
    private static bool Watch(Process process, string place)
    {
        var (number, since, used) = (long.MinValue, DateTime.UtcNow, TimeSpan.Zero);
        while (!process.WaitForExit(1000))
        {
            TimeSpan now;
            try
            {
                now = process.TotalProcessorTime;
            }
            catch (InvalidOperationException)
            {
                break;
            }

            if (Current(place) is var here && here != number)
                (number, since, used) = (here, DateTime.UtcNow, now);
            else if (now - used > HangsAfter || DateTime.UtcNow - since > WaitsAtMost)
            {
                process.Kill();
                return true;
            }
        }

        return false;
    }

    private static long Current(string place)
    {
        using var shared = MemoryMappedFile.CreateFromFile(place, FileMode.Open, null, 8);
        using var view = shared.CreateViewAccessor();
        return view.ReadInt64(0);
    }

    private void Take(string? line)
    {
        if (line is null)
            return;
        if (line.StartsWith("fault ", StringComparison.Ordinal))
        {
            Keep(line["fault ".Length..]);
            return;
        }

        if (!line.StartsWith("block ", StringComparison.Ordinal))
            return;
        var numbers = line.Split(' ').Skip(1).Select(text => long.Parse(text, CultureInfo.InvariantCulture)).ToArray();
        reached = numbers[0];
        for (var outcome = 0; outcome < counts.Length; outcome++)
            counts[outcome] += numbers[1 + outcome];
        growth = Math.Max(growth, numbers[5]);
        slowest = Math.Max(slowest, numbers[6]);
    }

    private void Keep(string fault)
    {
        if (faults.Count < KeptFaults)
            faults.Add(fault.Length > 900 ? fault[..900] : fault);
    }
}
