using MappingNets.Experiments.Reporting;

namespace MappingNets.Experiments.Stress;

/// <summary>A process that saves two states in turn to one place, ended at random moments: the place holds one of the two.</summary>
/// <param name="Kind">The kind of model.</param>
/// <param name="IsFolder">Whether it is saved as a folder.</param>
internal sealed record SavingCrash(string Kind, bool IsFolder)
{
    /// <summary>The verb of the process that saves.</summary>
    public const string Verb = "crash-save";

    private const string Name = "adapter";
    private static readonly string[] InFolder = ["adapter_model.safetensors", "adapter_config.json"];

    /// <summary>What is saved.</summary>
    public static IReadOnlyList<SavingCrash> All { get; } =
    [
        new("slvt", false), new("slvt", true), new("lora", false), new("lora", true), new("batch-norm", true), new("generated", false), new("direct", false),
    ];

    /// <summary>What the table calls it.</summary>
    public string Scenario => $"saving {(IsFolder ? "folder" : "file")} {Kind}";

    /// <summary>Runs until there were so many kills.</summary>
    public CrashResult Run(int kills, Random random, string folder)
    {
        var result = CrashResult.Of(Scenario);
        var place = Path.Combine(folder, Name);
        while (result.Kills < kills)
        {
            using (var victim = new Victim(Verb, Kind, IsFolder ? "folder" : "file", place))
            {
                // A reader meanwhile gets one of the two as well.
                for (var read = 0; read < 3; read++)
                    result = result.Checked(() => Read(folder, place, victim.Words));
                if (!victim.KillAfter(TimeSpan.FromMilliseconds(60 * random.NextDouble())).IsKilled)
                    return result.Checked("the process that saves ended by itself");
                result = result.Killed().Checked(() => Read(folder, place, victim.Words));
            }

            // The next save tidies up.
            result = result.Checked(() =>
            {
                using var model = ModelKind.Of(Kind).Build();
                Save(model, IsFolder, place);
                return IsFolder
                    ? Leftovers.In(place, InFolder) ?? Leftovers.In(folder, Name, "weights.safetensors")
                    : Leftovers.In(folder, Name, "weights.safetensors");
            });
        }

        return result;
    }

    /// <summary>Saves in turn, for ever.</summary>
    /// <returns>Nothing: it is ended.</returns>
    public static int SaveForEver(IReadOnlyList<string> arguments)
    {
        var (kind, isFolder, place) = (ModelKind.Of(arguments[0]), arguments[1] == "folder", arguments[2]);
        using var first = kind.Build();
        var (second, _) = kind.Train();
        var digests = Directory.CreateTempSubdirectory("mappingnets-crash-");
        Save(first, isFolder, place);
        Victim.Begin(WeightDigest.Of(first, digests.FullName), WeightDigest.Of(second, digests.FullName));
        digests.Delete(recursive: true);
        while (true)
        {
            Save(second, isFolder, place);
            Save(first, isFolder, place);
        }
    }

    private static void Save(Model model, bool isFolder, string place)
    {
        switch (model)
        {
            case MappedModel mapped when isFolder:
                mapped.SaveAdapterFolder(place);
                break;
            case FineTunedModel tuned when isFolder:
                tuned.SaveAdapterFolder(place);
                break;
            default:
                RunFiles.Save(model, place);
                break;
        }
    }

    private string? Read(string folder, string place, IReadOnlyList<string> digests)
    {
        using var loaded = ModelKind.Of(Kind).Load(place);
        return digests.Contains(WeightDigest.Of(loaded, folder)) ? null : "what was loaded is neither of the two states";
    }
}
