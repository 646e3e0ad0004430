namespace MappingNets.Experiments.Demo;

/// <summary>One of the demo's runs.</summary>
/// <param name="Title">What its bar is called.</param>
/// <param name="FileName">The file of its trained state.</param>
/// <param name="Create">Builds the untrained model.</param>
/// <param name="Options">How it is trained. Epochs and rates were chosen on held-out training images.</param>
internal sealed record DemoPlan(string Title, string FileName, Func<Model> Create, TrainingOptions Options)
{
    /// <summary>The adapter that the demo reloads at its end.</summary>
    public const string AdapterToReload = "cnn2-lwt-2688.safetensors";

    public static IReadOnlyList<DemoPlan> All(ulong seed) =>
    [
        new(
            "direct", "cnn2-direct.safetensors",
            () => DirectModel.For(Targets.Cnn2(), seed),
            new() { Epochs = 8 }),
        new(
            "SLVT 2,048", "cnn2-slvt-2048.safetensors",
            () => MappingNetwork.For(Targets.Cnn2()).SingleLatent(2048).WithSeed(seed).Build(),
            new() { Epochs = 12 }),
        new(
            "LWT 2,688", AdapterToReload,
            () => MappingNetwork.For(Targets.Cnn2()).LayerWise(2688).WithSeed(seed).Build(),
            new() { Epochs = 12 }),
    ];
}
