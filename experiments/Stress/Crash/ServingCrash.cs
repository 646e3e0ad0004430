namespace MappingNets.Experiments.Stress;

/// <summary>A process that serves, swaps, saves and reloads adapters, ended at random moments: every adapter on the disk is whole.</summary>
internal static class ServingCrash
{
    /// <summary>The verb of the process that serves.</summary>
    public const string Verb = "crash-serve";

    /// <summary>What the table calls it.</summary>
    public const string Name = "serving";

    private static readonly string[] Adapters = ["groups", "mapping", "lora"];

    /// <summary>Runs until there were so many kills.</summary>
    public static CrashResult Run(int kills, Random random, string folder)
    {
        var result = CrashResult.Of(Name);
        while (result.Kills < kills)
        {
            using var victim = new Victim(Verb, folder);
            if (!victim.KillAfter(TimeSpan.FromMilliseconds(80 * random.NextDouble())).IsKilled)
                return result.Checked("the process that serves ended by itself");
            result = result.Killed();
            foreach (var (name, digest) in Adapters.Zip(victim.Words))
                result = result.Checked(() =>
                {
                    using var loaded = ModelKind.Of(name).Load(Path.Combine(folder, name));
                    return WeightDigest.Of(loaded, folder) == digest ? null : $"'{name}' has other weights";
                });
        }

        return result;
    }

    /// <summary>Serves for ever.</summary>
    /// <returns>Nothing: it is ended.</returns>
    public static int ServeForEver(IReadOnlyList<string> arguments)
    {
        var folder = arguments[0];
        using var data = ModelKind.PointData();
        using var host = new AdapterHost(ModelKind.Points(), ModelKind.Base);
        var digests = new List<string>();
        foreach (var name in Adapters)
        {
            var (model, _) = ModelKind.Of(name).Train();
            using (model)
            {
                host.Add(name, (FineTunedModel)model);
                digests.Add(WeightDigest.Of(model, folder));
            }

            host.SaveFolder(name, Path.Combine(folder, name));
        }

        Victim.Begin(digests);
        _ = Task.Run(() =>
        {
            while (true)
                host.Predict(data.Inputs).Dispose();
        });
        for (var swap = 0; ; swap++)
        {
            var (name, other) = (Adapters[swap % Adapters.Length], Adapters[(swap + 1) % Adapters.Length]);
            host.SetActive(other);
            host.SaveFolder(name, Path.Combine(folder, name));
            host.Delete(name);
            host.Add(name, Path.Combine(folder, name));
        }
    }
}
