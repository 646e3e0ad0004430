using System.Globalization;
using Orleans;

namespace MappingNets;

/// <summary>What all workers of a federated run must agree on.</summary>
/// <param name="Workers">How many workers the run starts with.</param>
/// <param name="Deadline">How long the others wait for one.</param>
/// <param name="Bytes">How many bytes a change has.</param>
/// <param name="Settings">All settings by name, as text.</param>
/// <param name="Probe">Some weights near the model's start: changes mean nothing to a model that makes other weights of them.</param>
/// <param name="HidesChanges">Whether changes are hidden.</param>
[GenerateSerializer, Immutable]
internal sealed record FederatedTerms(
    [property: Id(0)] int Workers,
    [property: Id(1)] TimeSpan Deadline,
    [property: Id(2)] long Bytes,
    [property: Id(3)] Dictionary<string, string> Settings,
    [property: Id(4)] float[] Probe,
    [property: Id(5)] bool HidesChanges = false)
{
    /// <summary>The terms of a worker whose model is at its start. How it trains on its data may differ.</summary>
    public static FederatedTerms Of(Model model, FederatedOptions options)
    {
        var settings = new Dictionary<string, string>(RunIdentity.OfModel(model))
        {
            [Agreement.StartName] = Agreement.Start(model),
            ["number of workers"] = Text(options.Workers),
            ["deadline"] = options.Deadline.ToString("c", CultureInfo.InvariantCulture),
            ["number of rounds"] = Text(options.Rounds),
            ["number of local steps"] = Text(options.LocalSteps),
            ["range of a change"] = Text(options.Range),
            ["hiding of changes"] = options.HidesChanges.ToString(),
            ["noise multiplier"] = Text(options.NoiseMultiplier),
            ["largest norm of a change"] = Text(options.ClipNorm),
        };
        // Workers of earlier builds weigh by samples under noise too, and add less of it after drop-outs: beside them the promised privacy would not hold.
        // They name no such setting, by which they refuse and are refused.
        if (options.NoiseMultiplier is not null)
            settings["sharing of the noise"] = "equal, as much of the others in every round";
        return new(options.Workers, options.Deadline, FlatTensors.BytesOf(model.Trainables), settings, Agreement.Probe(model), options.HidesChanges);
    }

    /// <summary>What two workers do not agree on, as a sentence; null where they do.</summary>
    public string? DifferenceFrom(FederatedTerms other) => Agreement.Difference(Settings, Probe, other.Settings, other.Probe);

    private static string Text(IFormattable? value) => value?.ToString(null, CultureInfo.InvariantCulture) ?? "none";
}
