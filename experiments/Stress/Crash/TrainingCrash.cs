using System.Diagnostics;
using MappingNets.Experiments.Reporting;

namespace MappingNets.Experiments.Stress;

/// <summary>Training with a resume file, ended at random moments and started again until it is done.</summary>
internal static class TrainingCrash
{
    /// <summary>The verb of the process that trains.</summary>
    public const string Verb = "crash-train";

    private const string ResumeName = "run.safetensors";
    private const string AdapterName = "adapter.safetensors";

    /// <summary>The kinds of model that are trained.</summary>
    public static IReadOnlyList<string> Kinds { get; } = ["batch-norm", "lwt", "second-order", "direct", "lora"];

    /// <summary>Runs until there were so many kills.</summary>
    public static CrashResult Run(string kind, int kills, Random random, string folder)
    {
        var result = CrashResult.Of($"training {kind}");
        var calm = Directory.CreateDirectory(Path.Combine(folder, "calm")).FullName;
        var watch = Stopwatch.StartNew();
        string expected;
        TimeSpan whole;
        using (var victim = new Victim(Verb, kind, calm))
        {
            watch.Restart();
            expected = victim.KillAfter(TimeSpan.FromMinutes(10)).Output;
            whole = watch.Elapsed;
        }

        for (var number = 0; result.Kills < kills; number++)
        {
            var place = Directory.CreateDirectory(Path.Combine(folder, $"{number}")).FullName;
            while (true)
            {
                using var victim = new Victim(Verb, kind, place);
                // Most runs are ended several times; the last one of them comes to its end.
                var (isKilled, exitCode, output) = victim.KillAfter(result.Kills < kills ? whole * (0.7 * random.NextDouble()) : TimeSpan.FromMinutes(10));
                if (isKilled)
                {
                    result = result.Killed();
                    continue;
                }

                result = result.Checked(exitCode != 0 ? output : output == expected ? null : "a resumed run ended with other bits");
                break;
            }

            result = result.Checked(Leftovers.In(place, ResumeName, AdapterName, "weights.safetensors"));
            Directory.Delete(place, recursive: true);
        }

        return result;
    }

    /// <summary>Trains in this process, and prints the digest of what it saved.</summary>
    /// <returns>The exit code.</returns>
    public static int Train(IReadOnlyList<string> arguments)
    {
        var (kind, folder) = (ModelKind.Of(arguments[0]), arguments[1]);
        kind = kind with { Options = kind.Options with { Epochs = 60 } };
        Victim.Begin();
        var (model, _) = kind.Train(Path.Combine(folder, ResumeName));
        using (model)
        {
            var path = Path.Combine(folder, AdapterName);
            RunFiles.Save(model, path);
            using var loaded = kind.Load(path);
            Console.WriteLine(WeightDigest.Of(loaded, folder));
        }

        return 0;
    }
}
