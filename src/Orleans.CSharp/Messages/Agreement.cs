using static TorchSharp.torch;

namespace MappingNets;

/// <summary>What workers must have alike to train one model: settings by name, as text, and some weights near the model's start.</summary>
internal static class Agreement
{
    /// <summary>The name under which settings hold <see cref="Start"/>.</summary>
    public const string StartName = "SHA-256 of the trained parameters at their start";

    /// <summary>What tells the starts of two models apart.</summary>
    public static string Start(Model model) => Convert.ToHexStringLower(FlatTensors.Digest(model.Trainables));

    /// <summary>Some weights near the model's start, which tell seeds and pretrained weights apart.</summary>
    public static float[] Probe(Model model)
    {
        using var probe = RunIdentity.Probe(model);
        using var single = probe.to(ScalarType.Float32);
        return single.data<float>().ToArray();
    }

    /// <summary>What two workers do not agree on, as a sentence; null where they do.</summary>
    /// <param name="settings">The settings here.</param>
    /// <param name="probe">The weights here.</param>
    /// <param name="thereSettings">The settings there.</param>
    /// <param name="thereProbe">The weights there.</param>
    /// <param name="counts">Whether a setting must be the same; null where all must.</param>
    public static string? Difference(
        Dictionary<string, string> settings, float[] probe, Dictionary<string, string> thereSettings, float[] thereProbe, Func<string, bool>? counts = null)
    {
        var before = new Dictionary<string, string>(thereSettings);
        RunIdentity.Complete(before, settings);
        foreach (var name in settings.Keys.Union(before.Keys).Where(name => counts?.Invoke(name) != false))
            if (settings.GetValueOrDefault(name, "not named") is var here && before.GetValueOrDefault(name, "not named") is var there && here != there)
                return $"the {name} is {MessageText.Differing(there, here)}";
        if (probe.Length != thereProbe.Length || !probe.Zip(thereProbe).All(pair => IsSame(pair.First, pair.Second)))
            return "the weights that the models start from, or how they make them, are not the same (the seed, the fixed or the pretrained weights)";
        return null;
    }

    // Up to the rounding of other machines.
    private static bool IsSame(float one, float other) => one.Equals(other) || Math.Abs(one - other) <= 1e-6 + (1e-3 * Math.Abs(other));
}
