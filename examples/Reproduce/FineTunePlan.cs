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

    /// <summary>Full, last-layer and LoRA baselines, groups of each size, and a mapping on top; those that a target is too small for are left out.</summary>
    /// <param name="target">The network.</param>
    public static IReadOnlyList<FineTunePlan> All(TargetNetwork target)
    {
        var lastLayer = target.Parameters[^1].Name.Split('.')[0];
        var plans = new List<FineTunePlan>
        {
            new("full", "full", (pretrained, seed) => DirectModel.From(target, pretrained, seed: seed)),
            new("last layer", "last-layer", (pretrained, seed) => DirectModel.From(target, pretrained, layers: [lastLayer], seed: seed), 0.03),
        };
        foreach (var count in Latents)
            plans.Add(new("LoRA", $"lora-{count}", (pretrained, seed) =>
                LowRankAdaptation.For(target, pretrained).WithBudget(count).WithSeed(seed).Build()));
        foreach (var (size, strength) in Sizes)
            foreach (var grouping in size == 1 ? [WeightGrouping.Contiguous] : Enum.GetValues<WeightGrouping>())
                foreach (var count in Latents.Where(count => (long)count * size <= target.ParameterCount))
                {
                    var kind = size == 1 ? "" : $" {grouping.ToString().ToLowerInvariant()}";
                    plans.Add(new($"groups L={size}{kind}", $"groups-{count}x{size}{kind.Replace(' ', '-')}", (pretrained, seed) =>
                        MappingNetwork.For(target).WithSeed(seed).FineTune(pretrained, count, size, strength, grouping).Build()));
                }

        foreach (var count in Latents)
            plans.Add(new("mapping on top", $"mapping-{count}", (pretrained, seed) =>
                MappingNetwork.For(target).SingleLatent(count).WithSeed(seed).OnTopOf(pretrained).Build()));
        return plans;
    }
}
