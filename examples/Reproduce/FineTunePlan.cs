namespace MappingNets.Examples.Reproduce;

/// <summary>One way to adapt a pretrained network: a row of the table.</summary>
/// <param name="Row">Its name on the command line, such as "cnn1-groups-16-2048".</param>
/// <param name="Label">What tables call it, such as "CNN1 groups L=16".</param>
/// <param name="Create">Builds the model from the pretrained weights and a seed.</param>
/// <param name="LearningRate">Adam's rate; the model's own where null.</param>
internal sealed record FineTunePlan(
    string Row, string Label, Func<PretrainedWeights, ulong, Model> Create, double? LearningRate = null)
{
    /// <summary>The group sizes and how far a latent of 1 moves a weight.</summary>
    private static readonly (int Size, double Strength)[] Sizes = [(1, 20), (16, 5), (250, 0.1)];

    private static readonly int[] Latents = [512, 1024, 2048];

    /// <summary>
    /// Full, last-layer and LoRA baselines, groups of each size and a new head beside the latents; with extras also hashed groups and
    /// a mapping on top.
    /// </summary>
    /// <param name="setting">The target.</param>
    /// <param name="quick">Whether only the largest of each kind is wanted.</param>
    public static IReadOnlyList<FineTunePlan> All(FineTuneSetting setting, bool quick)
    {
        var target = setting.Target;
        var lastLayer = target.Parameters[^1].Name.Split('.')[0];
        var counts = quick ? Latents[^1..] : Latents;
        var plans = new List<FineTunePlan>
        {
            New("full", "full", (pretrained, seed) => DirectModel.From(target, pretrained, seed: seed)),
            New("last-layer", "last layer", (pretrained, seed) => DirectModel.From(target, pretrained, layers: [lastLayer], seed: seed), 0.03),
        };
        foreach (var count in counts)
            plans.Add(New($"lora-{count}", "LoRA", (pretrained, seed) =>
                LowRankAdaptation.For(target, pretrained).WithBudget(count).WithSeed(seed).Build(), 0.03));
        foreach (var (size, strength) in Sizes)
            foreach (var count in counts)
                plans.Add(Groups(count, size, strength, WeightGrouping.Contiguous));
        plans.Add(New("groups-1-2048-head", "groups L=1, new head", (pretrained, seed) => MappingNetwork.For(target).WithSeed(seed)
            .FineTune(pretrained, Latents[^1], 1, Sizes[0].Strength).WithNewHead(HeadTraining.Direct, lastLayer).Build()));
        if (!setting.HasExtras)
            return plans;
        foreach (var (size, strength) in Sizes[1..])
            plans.Add(Groups(Latents[^1], size, strength, WeightGrouping.Hashed));
        foreach (var count in counts)
            plans.Add(New($"mapping-{count}", "mapping on top", (pretrained, seed) =>
                MappingNetwork.For(target).SingleLatent(count).WithSeed(seed).OnTopOf(pretrained).Build()));
        return plans;

        FineTunePlan New(string row, string label, Func<PretrainedWeights, ulong, Model> create, double? rate = null) =>
            new($"{target.Name}-{row}", $"{setting.Label} {label}", create, rate);

        FineTunePlan Groups(int count, int size, double strength, WeightGrouping grouping)
        {
            var hashed = grouping == WeightGrouping.Hashed;
            return New(
                $"groups-{size}-{count}{(hashed ? "-hashed" : "")}",
                $"groups L={size}{(hashed ? " hashed" : "")}",
                (pretrained, seed) => MappingNetwork.For(target).WithSeed(seed).FineTune(pretrained, count, size, strength, grouping).Build());
        }
    }
}
