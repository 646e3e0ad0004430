namespace MappingNets.Experiments.Reproduce;

/// <summary>One way to adapt a pretrained network: a row of the table.</summary>
/// <param name="Row">Its name on the command line, such as "cnn1-groups-16-2048".</param>
/// <param name="Label">What tables call it, such as "CNN1 groups L=16".</param>
/// <param name="Create">Builds the model from the pretrained weights and a seed.</param>
/// <param name="LearningRate">Adam's rate; the model's own where null.</param>
/// <param name="Strength">How far a latent of 1 moves a weight, where there are groups.</param>
internal sealed record FineTunePlan(
    string Row, string Label, Func<PretrainedWeights, ulong, Model> Create, double? LearningRate = null, double? Strength = null)
{
    /// <summary>The numbers of parameters that rows are held to.</summary>
    public static IReadOnlyList<int> Latents { get; } = [512, 1024, 2048];

    /// <summary>
    /// Full, last-layer and LoRA baselines, groups of each size, a new head beside the latents, hashed groups, and a mapping on top.
    /// </summary>
    /// <param name="quick">Whether only the largest of each kind is wanted.</param>
    public static IReadOnlyList<FineTunePlan> All(bool quick)
    {
        var target = FineTuneSetting.Target;
        var lastLayer = target.Parameters[^1].Name.Split('.')[0];
        var counts = quick ? [Latents[^1]] : Latents;
        var plans = new List<FineTunePlan>
        {
            New("full", "full", (pretrained, seed) => FineTuning.Of(target, pretrained).WholeWeights().WithSeed(seed).Build()),
            New("last-layer", "last layer", (pretrained, seed) =>
                FineTuning.Of(target, pretrained).WholeWeights(lastLayer).WithSeed(seed).Build(), FineTuneSetting.LearningRate),
        };
        foreach (var count in counts)
            plans.Add(New($"lora-{count}", "LoRA", (pretrained, seed) =>
                FineTuning.Of(target, pretrained).LowRankWithin(count).WithSeed(seed).Build(), FineTuneSetting.LearningRate));
        foreach (var (size, strength) in FineTuneSetting.Groups)
            foreach (var count in counts)
                plans.Add(Groups(count, size, strength, WeightGrouping.Contiguous));
        var alone = FineTuneSetting.Groups[0].Strength;
        plans.Add(New("groups-1-2048-head", "groups L=1, new head", (pretrained, seed) => FineTuning.Of(target, pretrained)
            .Groups(Latents[^1], 1, alone).WithNewHead(HeadTraining.Direct, lastLayer).WithSeed(seed).Build(), strength: alone));
        foreach (var (size, strength) in FineTuneSetting.Groups.Skip(1))
            plans.Add(Groups(Latents[^1], size, strength, WeightGrouping.Hashed));
        foreach (var count in counts)
            plans.Add(New($"mapping-{count}", "mapping on top", (pretrained, seed) =>
                FineTuning.Of(target, pretrained).Mapping(mapping => mapping.SingleLatent(count)).WithSeed(seed).Build()));
        return plans;

        FineTunePlan New(
            string row, string label, Func<PretrainedWeights, ulong, Model> create, double? rate = null, double? strength = null) =>
            new($"{target.Name}-{row}", $"{FineTuneSetting.Label} {label}", create, rate, strength);

        FineTunePlan Groups(int count, int size, double strength, WeightGrouping grouping)
        {
            var hashed = grouping == WeightGrouping.Hashed;
            return New(
                $"groups-{size}-{count}{(hashed ? "-hashed" : "")}",
                $"groups L={size}{(hashed ? " hashed" : "")}",
                (pretrained, seed) => FineTuning.Of(target, pretrained).Groups(count, size, strength, grouping).WithSeed(seed).Build(),
                strength: strength);
        }
    }
}
