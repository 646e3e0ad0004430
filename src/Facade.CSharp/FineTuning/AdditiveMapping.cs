using MappingNets.Core;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>
/// Describes a mapping whose generated weights are added to given ones: theta = theta_pretrained + g(z), g(0) = 0. Every step
/// returns a new description.
/// </summary>
public sealed class AdditiveMapping
{
    private readonly FineTuningChoices choices;
    private readonly MappingSpecification specification;

    internal AdditiveMapping(FineTuningChoices choices, MappingSpecification specification)
    {
        if (specification.Modulations.Any(modulation => modulation.IsLinearModulation || modulation.IsCustomModulation))
            throw new ArgumentException(
                "On top of given weights a mapping takes no linear or custom modulation: its adapter could not hold the function.", nameof(specification));
        (this.choices, this.specification) = (choices, specification);
    }

    /// <summary>As for <see cref="FineTuning.WithNewHead"/>.</summary>
    /// <param name="training">Whether each of its weights is trained itself or the mapping moves it too.</param>
    /// <param name="patterns">Names of layers or tensors; none for the last layer where its shape differs.</param>
    /// <exception cref="ArgumentException">A pattern chooses nothing.</exception>
    public AdditiveMapping WithNewHead(HeadTraining training, params string[] patterns) =>
        new(choices.WithNewHead(training, patterns), specification);

    /// <summary>Builds the model, which starts as the pretrained network (and a new head).</summary>
    /// <param name="device">Where to train; the CPU where none is given.</param>
    /// <returns>The model; the caller disposes it.</returns>
    /// <exception cref="ArgumentException">The pretrained weights do not fit the target.</exception>
    public FineTunedModel Build(Device? device = null)
    {
        var (basis, trained) = choices.Prepare(device ?? CPU);
        return FineTuningChoices.Build(basis, () => FineTuningConfiguration.OfMapping(specification, trained, basis.Head), device ?? CPU);
    }
}
