using static TorchSharp.torch;

namespace MappingNets;

/// <summary>
/// Describes a fine-tuning of given weights through few numbers: theta = theta_pretrained + alpha * o[group(i)]. Each latent o_k
/// moves the L weights of its group; all others stay. Every step returns a new description.
/// </summary>
/// <example>
/// <code>
/// using var pretrained = PretrainedWeights.FromFile("resnet.safetensors");
/// using var model = MappingNetwork.For(target).FineTune(pretrained, 2048).Layers("layer4", "fc").Build();
/// </code>
/// </example>
public sealed class FineTuning
{
    private readonly FineTuningChoices choices;
    private readonly int latents;
    private readonly long groupSize;
    private readonly double strength;
    private readonly WeightGrouping grouping;

    internal FineTuning(FineTuningChoices choices, int latents, long groupSize, double? strength, WeightGrouping grouping)
    {
        if (latents < 1)
            throw new ArgumentOutOfRangeException(nameof(latents), latents, "There must be at least 1 latent.");
        if (groupSize < 1)
            throw new ArgumentOutOfRangeException(nameof(groupSize), groupSize, "Each latent must move at least 1 weight.");
        // Found on held-out images: one weight may move far, the many of a group move together and less.
        var alpha = strength is { } given ? MappingChecks.Positive(given, nameof(strength)) : 20 / Math.Pow(groupSize, 0.9);
        if (!Enum.IsDefined(grouping))
            throw new ArgumentOutOfRangeException(nameof(grouping), grouping, "There is no such grouping.");
        (this.choices, this.latents, this.groupSize, this.strength, this.grouping) = (choices, latents, groupSize, alpha, grouping);
    }

    /// <summary>Changes only some layers; until then all.</summary>
    /// <param name="patterns">
    /// Names of layers or tensors, with * for any characters: "fc*", "layer4" (a whole block), "conv1.bias"; "all" for every one.
    /// </param>
    /// <exception cref="ArgumentException">A pattern chooses nothing.</exception>
    public FineTuning Layers(params string[] patterns) => With(choices.WithLayers(patterns));

    /// <summary>
    /// Starts layers anew instead of taking them from the pretrained weights. Without this step the last layer is started anew
    /// where its shape differs, as it does when the number of classes changes.
    /// </summary>
    /// <param name="training">Whether each of its weights is trained itself or the latents move it too.</param>
    /// <param name="patterns">Names as for <see cref="Layers"/>; none for the last layer where its shape differs.</param>
    /// <exception cref="ArgumentException">A pattern chooses nothing.</exception>
    public FineTuning WithNewHead(HeadTraining training, params string[] patterns) => With(choices.WithNewHead(training, patterns));

    /// <summary>The seed of hashed groups and of a new head.</summary>
    /// <param name="seed">Any number.</param>
    public FineTuning WithSeed(ulong seed) => With(choices with { Seed = seed });

    /// <summary>Builds the model, which starts as the pretrained network (and a new head).</summary>
    /// <param name="device">Where to train; the CPU where none is given.</param>
    /// <returns>The model; the caller disposes it.</returns>
    /// <exception cref="ArgumentException">
    /// The pretrained weights do not fit the target; the chosen layers have fewer weights than the latents are to move.
    /// </exception>
    public FineTunedModel Build(Device? device = null)
    {
        var (basis, trained) = choices.Prepare(device ?? CPU);
        return FineTuningChoices.Build(basis, () =>
        {
            var chosen = choices.Chosen(trained);
            var weights = choices.Target.Parameters.Where(parameter => chosen.Contains(parameter.Name)).Sum(parameter => parameter.Count);
            if (latents > weights / groupSize)
                throw new ArgumentOutOfRangeException(
                    nameof(latents), latents,
                    $"{latents} latents that move {groupSize} weights each need {(decimal)latents * groupSize} weights; the chosen layers "
                    + $"of '{choices.Target.Name}' have {weights}.");
            var everything = chosen.Count + trained.Count == choices.Target.Parameters.Count;
            return FineTuningConfiguration.OfGroups(
                everything ? [LayerPatterns.All] : chosen, latents, groupSize, strength, grouping, choices.Seed, trained, basis.Head);
        }, device ?? CPU);
    }

    private FineTuning With(FineTuningChoices changed) => new(changed, latents, groupSize, strength, grouping);
}
