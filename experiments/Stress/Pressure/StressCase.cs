namespace MappingNets.Experiments.Stress;

/// <summary>A kind of model that trains under pressure.</summary>
/// <param name="Name">What the table calls it.</param>
/// <param name="Kind">The kind.</param>
/// <param name="WithResumeFile">Whether it trains with a resume file, each save of which sets off a collection, and without pressure.</param>
internal sealed record StressCase(string Name, ModelKind Kind, bool WithResumeFile = false)
{
    private static readonly string[] Kinds = ["batch-norm", "slvt", "direct", "tanh", "second-order", "lora"];

    /// <summary>Six kinds of model, and batch norm with a resume file for some thousands of steps, as a user's program runs it.</summary>
    public static IReadOnlyList<StressCase> All { get; } =
    [
        .. Kinds.Select(name => new StressCase(name, ModelKind.Of(name))),
        new("resume-file", ModelKind.Of("batch-norm") with { Options = ModelKind.Of("batch-norm").Options with { Epochs = 250 } }, WithResumeFile: true),
    ];
}
