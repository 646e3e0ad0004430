using System.Text.Json;
using System.Text.Json.Serialization;
using Orleans;

namespace MappingNets;

/// <summary>What all workers of a run must agree on.</summary>
/// <param name="Samples">As in <see cref="StepShape"/>.</param>
/// <param name="BatchSize">As in <see cref="StepShape"/>.</param>
/// <param name="Parts">As in <see cref="StepShape"/>.</param>
/// <param name="Epochs">As in <see cref="StepShape"/>.</param>
/// <param name="Gradients">How many bytes a gradient has.</param>
/// <param name="Workers">How many workers the first step waits for.</param>
/// <param name="Deadline">How long the others wait for a worker.</param>
/// <param name="Combination">How the parts' gradients become one.</param>
/// <param name="ClipPartNorm">The largest norm of a part's gradient; null cuts nothing.</param>
/// <param name="Settings">All settings of the training by name, as text.</param>
/// <param name="Probe">Some weights near the model's start, which tell seeds and pretrained weights apart.</param>
/// <param name="Parameters">How many tensors a gradient has.</param>
/// <param name="Statistics">How many bytes the floating buffers have that training moves.</param>
/// <param name="LengthBound">Why the run cannot go on with another number of epochs; null where it can.</param>
/// <param name="Metrics">How many metrics there are.</param>
[GenerateSerializer, Immutable]
internal sealed record RunTerms(
    [property: Id(0)] int Samples,
    [property: Id(1)] int BatchSize,
    [property: Id(2)] int Parts,
    [property: Id(3)] int Epochs,
    [property: Id(4)] long Gradients,
    [property: Id(5)] int Workers,
    [property: Id(6)] TimeSpan Deadline,
    [property: Id(7)] GradientCombination Combination,
    [property: Id(8)] double? ClipPartNorm,
    [property: Id(9)] Dictionary<string, string> Settings,
    [property: Id(10)] float[] Probe,
    [property: Id(12)] int Parameters,
    [property: Id(13)] long Statistics,
    [property: Id(11)] string? LengthBound = null,
    [property: Id(14)] int Metrics = 0)
{
    /// <summary>How the run cuts its data.</summary>
    [JsonIgnore]
    public StepShape Shape => new(Samples, BatchSize, Parts, Epochs);

    /// <summary>What two workers do not agree on, as a sentence; null where they do.</summary>
    // Workers of earlier builds send frozen buffers too. What such a build kept is without buffers of parts, and RefusalToGoOnFrom lets it go on.
    public string? DifferenceFrom(RunTerms other) => Difference(other, _ => true) ?? (Statistics == other.Statistics ? null
        : $"the buffers that training moves take {other.Statistics} bytes there and {Statistics} here, as with another build of the library");

    /// <summary>Why a run with a kept state cannot go on with these terms, as a sentence; null where it can, such as with more epochs.</summary>
    /// <param name="there">What its workers agreed on.</param>
    /// <param name="step">How many steps are done.</param>
    public string? RefusalToGoOnFrom(RunTerms there, long step) =>
        Difference(there, name => name != RunIdentity.Epochs || LengthBound is not null) is { } difference
            ? LengthBound is { } bound && Difference(there, name => name != RunIdentity.Epochs) is null ? $"{difference}, and {bound}" : difference
            : Shape.Steps < step
                ? $"it has {step / Shape.StepsPerEpoch} finished epochs, and the {RunIdentity.Epochs} is {Epochs} here"
                : null;

    private string? Difference(RunTerms other, Func<string, bool> counts) => Agreement.Difference(Settings, Probe, other.Settings, other.Probe, counts);
}

/// <summary>The answer to a worker that joins.</summary>
/// <param name="Refusal">Why it may not, as a sentence; null where it may.</param>
/// <param name="IsToWait">Whether it must ask again, because no state is kept yet from which it could catch up.</param>
/// <param name="State">The state to start from, a resume file's bytes; empty where it starts at the beginning.</param>
[GenerateSerializer, Immutable]
internal sealed record JoinReply([property: Id(0)] string? Refusal, [property: Id(1)] bool IsToWait, [property: Id(2)] byte[] State);

/// <summary>What outlives all silos: the state after an epoch. Plain types, which every storage writes alike.</summary>
[GenerateSerializer]
internal sealed class KeptRun
{
    /// <summary>What the run's workers agreed on, as JSON; empty before there is a state.</summary>
    [Id(0)]
    public string Terms { get; set; } = "";

    /// <summary>How many steps are done.</summary>
    [Id(1)]
    public long Step { get; set; }

    /// <summary>A resume file's bytes.</summary>
    [Id(2)]
    public byte[] State { get; set; } = [];

    /// <summary>The state of a run.</summary>
    // The probe of a function of the user's own may hold numbers that are not finite.
    public static KeptRun Of(RunTerms terms, long step, byte[] state) =>
        new() { Terms = JsonSerializer.Serialize(terms, FileJson.Measured), Step = step, State = state };

    /// <summary>What the run's workers agreed on; null before there is a state.</summary>
    public RunTerms? ReadTerms() => Terms.Length == 0 ? null : JsonSerializer.Deserialize<RunTerms>(Terms, FileJson.Measured);
}
