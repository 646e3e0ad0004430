namespace MappingNets.Experiments.Stress;

/// <summary>What is done under pressure.</summary>
/// <param name="Name">What the table calls it.</param>
/// <param name="Run">Does it from its start, given a folder for files and the resume file or null: a digest of the bits it ends with, and its steps.</param>
/// <param name="WithResumeFile">Whether it trains with a resume file, each save of which sets off a collection, and without pressure.</param>
internal sealed record StressCase(string Name, Func<string, string?, (string Digest, long Steps)> Run, bool WithResumeFile = false)
{
    private static readonly string[] Kinds = ["batch-norm", "slvt", "direct", "tanh", "second-order", "lora"];

    /// <summary>
    /// Six kinds of model, batch norm with a resume file for some thousands of steps, as a user's program runs it, and operations that take
    /// numbers and nothing else, where a number that is freed too early shows soonest.
    /// </summary>
    public static IReadOnlyList<StressCase> All { get; } =
    [
        new("numbers", (_, _) => NumberLoop.Run()),
        .. Kinds.Select(name => new StressCase(name, Training(ModelKind.Of(name)))),
        new(
            "resume-file",
            Training(ModelKind.Of("batch-norm") with { Options = ModelKind.Of("batch-norm").Options with { Epochs = 250 } }),
            WithResumeFile: true),
    ];

    private static Func<string, string?, (string Digest, long Steps)> Training(ModelKind kind) => (folder, resumeFile) =>
    {
        var (model, steps) = kind.Train(resumeFile);
        using (model)
            return (WeightDigest.Of(model, folder), steps);
    };
}
