using System.Diagnostics;

namespace MappingNets.Experiments.Stress;

/// <summary>One case in this process: done once in calm, then again and again under pressure, each time to the same bits.</summary>
internal static class StressRun
{
    /// <summary>Runs a case until its time is over; at least one run is under pressure.</summary>
    /// <param name="case">The case.</param>
    /// <param name="time">How long.</param>
    /// <param name="folder">A folder for the files of the runs.</param>
    public static CaseResult Measure(StressCase @case, TimeSpan time, string folder)
    {
        var watch = Stopwatch.StartNew();
        var (calm, steps) = @case.Run(folder, null);
        var result = new CaseResult(@case.Name, 0, 0, 0, 0, 0, null);
        using var pressure = @case.WithResumeFile ? null : new GarbagePressure();
        var collectionsBefore = GC.CollectionCount(0);
        do
        {
            var resumeFile = @case.WithResumeFile ? Path.Combine(folder, "run.safetensors") : null;
            try
            {
                var (digest, _) = @case.Run(folder, resumeFile);
                var differs = digest != calm;
                result = result with
                {
                    Steps = result.Steps + steps,
                    WrongResults = result.WrongResults + (differs ? 1 : 0),
                    FirstFault = result.FirstFault ?? (differs ? "other bits than in calm" : null),
                };
            }
            catch (Exception fault)
            {
                // Whatever a freed number leads to, at whatever place: it is the measurement.
                result = result with { Failures = result.Failures + 1, FirstFault = result.FirstFault ?? Line(fault) };
            }
            finally
            {
                if (resumeFile is not null)
                    File.Delete(resumeFile);
            }

            result = result with { Runs = result.Runs + 1 };
        }
        while (watch.Elapsed < time);
        return result with { Collections = pressure?.Collections ?? GC.CollectionCount(0) - collectionsBefore };
    }

    private static string Line(Exception fault) => $"{fault.GetType().Name}: {fault.Message.Split('\n')[0]}";
}
