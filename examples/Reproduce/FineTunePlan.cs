namespace MappingNets.Examples.Reproduce;

/// <summary>One way to adapt a pretrained network.</summary>
/// <param name="Name">What tables call it, such as "groups L=16".</param>
/// <param name="FileName">The start of its checkpoint's name.</param>
/// <param name="Create">Builds the model from the pretrained weights and a seed.</param>
/// <param name="LearningRate">Adam's rate; the model's own where null.</param>
internal sealed record FineTunePlan(
    string Name, string FileName, Func<PretrainedWeights, ulong, Model> Create, double? LearningRate = null)
{
    /// <summary>The group sizes and how far a latent of 1 moves a weight. These and the rates were chosen on held-out images, seed 1.</summary>
    private static readonly (int Size, double Strength)[] Sizes = [(1, 20), (16, 5), (250, 0.1)];

    private static readonly int[] Latents = [512, 1024, 2048];

    /// <summary>
    /// Full, last-layer and LoRA baselines, groups of each size and a new head beside the latents; with extras also hashed groups and
    /// a mapping on top.
    /// </summary>
    /// <param name="target">The network.</param>
    /// <param name="extras">Whether the extras are wanted.</param>
    /// <param name="quick">Whether only the largest of each kind is wanted.</param>
    public static IReadOnlyList<FineTunePlan> All(TargetNetwork target, bool extras, bool quick)
    {
        var lastLayer = target.Parameters[^1].Name.Split('.')[0];
        var counts = quick ? Latents[^1..] : Latents;
        var plans = new List<FineTunePlan>
        {
            new("full", "full", (pretrained, seed) => DirectModel.From(target, pretrained, seed: seed)),
            new("last layer", "last-layer", (pretrained, seed) => DirectModel.From(target, pretrained, layers: [lastLayer], seed: seed), 0.03),
        };
        foreach (var count in counts)
            plans.Add(new("LoRA", $"lora-{count}", (pretrained, seed) =>
                LowRankAdaptation.For(target, pretrained).WithBudget(count).WithSeed(seed).Build()));
        foreach (var (size, strength) in Sizes)
            foreach (var count in counts)
                plans.Add(Groups(count, size, strength, WeightGrouping.Contiguous));
        plans.Add(new("groups L=1, new head", "groups-head", (pretrained, seed) => MappingNetwork.For(target).WithSeed(seed)
            .FineTune(pretrained, Latents[^1], 1, Sizes[0].Strength).WithNewHead(HeadTraining.Direct, lastLayer).Build()));
        if (!extras)
            return plans;
        foreach (var (size, strength) in Sizes[1..])
            plans.Add(Groups(Latents[^1], size, strength, WeightGrouping.Hashed));
        foreach (var count in counts)
            plans.Add(new("mapping on top", $"mapping-{count}", (pretrained, seed) =>
                MappingNetwork.For(target).SingleLatent(count).WithSeed(seed).OnTopOf(pretrained).Build()));
        return plans;

        FineTunePlan Groups(int count, int size, double strength, WeightGrouping grouping) => new(
            $"groups L={size}{(grouping == WeightGrouping.Hashed ? " hashed" : "")}",
            $"groups-{count}x{size}{(grouping == WeightGrouping.Hashed ? "-hashed" : "")}",
            (pretrained, seed) => MappingNetwork.For(target).WithSeed(seed).FineTune(pretrained, count, size, strength, grouping).Build());
    }
}
