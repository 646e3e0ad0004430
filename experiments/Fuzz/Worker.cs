using System.Globalization;
using System.IO.MemoryMappedFiles;
using TorchSharp;

namespace MappingNets.Experiments.Fuzz;

/// <summary>
/// The process that reads the files: libtorch, or a decoder, may end it at once. It writes each case's number into shared memory before
/// it starts it, and prints a line for each block of cases.
/// </summary>
internal static class Worker
{
    /// <summary>The option that starts one.</summary>
    public const string Option = "--worker";

    /// <summary>Cases between two lines and two looks at the memory.</summary>
    private const int Block = 256;

    /// <summary>The processor time that a case may take.</summary>
    public static TimeSpan MostTime { get; } = TimeSpan.FromSeconds(2);

    /// <summary>The bytes that a case may take beyond what the worker holds already.</summary>
    public const long MostBytes = 256L << 20;

    /// <summary>Runs cases from one number to below another, and stops early where there is no time left.</summary>
    public static int Run(string subject, long first, long end, string place, DateTime deadline)
    {
        torch.set_num_threads(1);
        using var shared = MemoryMappedFile.CreateFromFile(place, FileMode.Open, null, 8);
        using var view = shared.CreateViewAccessor();
        using var run = new CaseRun(Subjects.All.Single(one => one.Key == subject).Value());
        var memory = new PeakMemory();
        for (var start = first; start < end && DateTime.UtcNow < deadline; start += Block)
        {
            var counts = new long[4];
            var (peak, slowest) = (0L, TimeSpan.Zero);
            memory.Reset();
            var last = Math.Min(end, start + Block);
            for (var number = start; number < last; number++)
            {
                view.Write(0, number);
                var before = Environment.CpuUsage.TotalTime;
                var (outcome, fault) = run.Run(number);
                var took = Environment.CpuUsage.TotalTime - before;
                slowest = took > slowest ? took : slowest;
                if (outcome != Outcome.Fault && took > MostTime)
                    (outcome, fault) = (Outcome.Fault, string.Create(CultureInfo.InvariantCulture, $"took {took.TotalSeconds:0.0} s of processor time"));
                counts[(int)outcome]++;
                if (fault is not null)
                    Console.WriteLine($"fault {number} {fault.ReplaceLineEndings(" ")}");
            }

            peak = memory.Growth();
            if (peak > MostBytes)
            {
                counts[(int)Outcome.Fault]++;
                Console.WriteLine($"fault {start} a case from here to {last - 1} took {peak >> 20} MB");
            }

            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture, $"block {last} {counts[0]} {counts[1]} {counts[2]} {counts[3]} {peak >> 10} {slowest.TotalMilliseconds:0}"));
        }

        view.Write(0, -1L);
        return 0;
    }

    /// <summary>The process's largest memory since a moment, from Linux' own count; elsewhere what it holds now.</summary>
    private sealed class PeakMemory
    {
        private const string Clear = "/proc/self/clear_refs";
        private long start;

        public void Reset()
        {
            if (File.Exists(Clear))
                File.WriteAllText(Clear, "5");
            start = Resident("VmRSS:");
        }

        public long Growth() => Math.Max(0, Resident("VmHWM:") - start);

        private static long Resident(string line)
        {
            if (!File.Exists("/proc/self/status"))
                return Environment.WorkingSet;
            var found = File.ReadLines("/proc/self/status").First(one => one.StartsWith(line, StringComparison.Ordinal));
            return 1024 * long.Parse(found[line.Length..].Replace("kB", ""), NumberStyles.Integer | NumberStyles.AllowLeadingWhite, CultureInfo.InvariantCulture);
        }
    }
}
