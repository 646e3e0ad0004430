using MappingNets.Core;

namespace MappingNets;

/// <summary>One way of fine-tuning that was asked for, and the layers that it was given; null for those that no other way takes.</summary>
internal abstract record FineTuningForm(IReadOnlyList<string>? Layers)
{
    private const long UsualParameters = 8_192;

    /// <summary>Its name in messages.</summary>
    public abstract string Name { get; }

    /// <summary>When it gets its tensors: ways with layers of their own first, then those that look for certain tensors, then those that take the rest.</summary>
    public virtual int Turn => Layers is null ? 2 : 0;

    /// <summary>Whether it moves a new head as well, where nobody said how that is trained.</summary>
    public virtual bool MovesNewHead => false;

    /// <summary>Whether the first gradients can share out its parameters.</summary>
    public virtual bool IsSplit => false;

    /// <summary>Whether it can change a tensor at all.</summary>
    public virtual bool Takes(FineTuningBase start, ParameterSpecification parameter) => true;

    /// <summary>Why it can end up with nothing to change, as a sentence.</summary>
    public virtual string NothingToChange =>
        $"{Name} has nothing to change: each weight of the chosen layers is changed in another way already, or belongs to a new head that is trained directly.";

    /// <summary>The parts of the configuration for the tensors that it got; none where they simply have values of their own.</summary>
    /// <param name="start">The weights that it changes, and their network.</param>
    /// <param name="tensors">What it changes, in the target's order; at least one.</param>
    /// <param name="everything">Whether these are all tensors that have no values of their own.</param>
    /// <param name="seed">The seed that was said.</param>
    /// <param name="probe">What its parameters are shared out by; null where that was not said.</param>
    public abstract IReadOnlyList<FineTuningPart> Describe(FineTuningBase start, IReadOnlyList<string> tensors, bool everything, ulong seed, GradientProbe? probe);

    /// <summary>How many parameters one mapping of some numbers has: as many as were asked for, or 8,192, or as many as the numbers are.</summary>
    /// <param name="parameters">What was asked for.</param>
    /// <param name="numbers">How many numbers it moves.</param>
    /// <param name="count">How many there are of what, as a clause for the message.</param>
    /// <exception cref="ArgumentOutOfRangeException">More were asked for than there are numbers.</exception>
    private protected static int ParametersOf(int? parameters, long numbers, string count) => parameters > numbers
        ? throw new ArgumentOutOfRangeException(nameof(parameters), parameters, $"{count}; more parameters would move nothing else.")
        : parameters ?? (int)Math.Min(UsualParameters, numbers);
}

/// <summary>theta = theta_pretrained + alpha * o[group(i)].</summary>
internal sealed record GroupsForm(int Latents, long GroupSize, double Strength, WeightGrouping Grouping, IReadOnlyList<string>? Layers)
    : FineTuningForm(Layers)
{
    public override string Name => "Groups";

    public override IReadOnlyList<FineTuningPart> Describe(
        FineTuningBase start, IReadOnlyList<string> tensors, bool everything, ulong seed, GradientProbe? probe)
    {
        var target = start.Target;
        var weights = target.Parameters.Where(parameter => tensors.Contains(parameter.Name)).Sum(parameter => parameter.Count);
        if (Latents > weights / GroupSize)
            throw new ArgumentOutOfRangeException(
                "latents", Latents,
                $"{Latents} latents that move {GroupSize} weights each need {(decimal)Latents * GroupSize} weights; the chosen layers "
                + $"of '{target.Name}' have {weights}.");
        return [FineTuningPart.OfGroups(everything ? [LayerPatterns.All] : tensors, Latents, GroupSize, Strength, Grouping)];
    }
}

/// <summary>theta = theta_pretrained + g(z).</summary>
internal sealed record MappingForm(Func<MappingNetwork, MappingNetwork> Steps, double Strength, IReadOnlyList<string>? Layers) : FineTuningForm(Layers)
{
    public override string Name => "Mapping";

    public override IReadOnlyList<FineTuningPart> Describe(
        FineTuningBase start, IReadOnlyList<string> tensors, bool everything, ulong seed, GradientProbe? probe)
    {
        var part = everything ? start.Target : new TargetPart(start.Target, tensors);
        var description = Steps(MappingNetwork.OnTopOf(part, seed))
            ?? throw new ArgumentException("The steps give null; they must give the description.", "describe");
        if (description.Target != part)
            throw new ArgumentException("The steps give the description of another network; they must continue the one that they get.", "describe");
        if (description.IsStreamed)
            throw new ArgumentException("Streamed() inside the steps of Mapping would have no effect; say it after them, of the fine-tuning.", "describe");
        var specification = description.Specification;
        if (specification.Modulations.Any(modulation => modulation.IsLinearModulation || modulation.IsCustomModulation))
            throw new ArgumentException(
                "On top of given weights a mapping takes no linear or custom modulation: its adapter could not hold the function.", "describe");
        if (specification.Bias != MappingBias.Zero || !specification.Start.IsZeroStart)
            throw new ArgumentException(
                "On top of given weights a mapping has the bias 0 and starts at z = 0, so that training starts at these weights; "
                + "leave WithBias and StartingWithin out.",
                "describe");
        return [FineTuningPart.OfMapping(everything ? null : tensors, MappingModule.scaledBy(Strength, specification))];
    }
}

/// <summary>W + s B A, with one rank for every matrix or ranks that spend a budget.</summary>
internal sealed record LowRankForm(int? Rank, long Budget, double Strength, IReadOnlyList<string>? Layers) : FineTuningForm(Layers)
{
    public override string Name => "LowRank";

    public override string NothingToChange =>
        "The chosen layers have no matrix that a rank could be given to, or it is changed in another way already.";

    public override bool Takes(FineTuningBase start, ParameterSpecification parameter) => parameter.Shape.Count > 1;

    public override IReadOnlyList<FineTuningPart> Describe(
        FineTuningBase start, IReadOnlyList<string> tensors, bool everything, ulong seed, GradientProbe? probe)
    {
        var matrices = start.Target.Parameters.Where(parameter => tensors.Contains(parameter.Name))
            .Select(parameter => (parameter.Name, Outputs: parameter.Shape[0], Inputs: parameter.Count / parameter.Shape[0])).ToArray();
        return
        [
            FineTuningPart.OfLowRank(
                Rank is { } same
                    ? [.. matrices.Select(matrix => (matrix.Name, (int)Math.Min(same, Math.Min(matrix.Outputs, matrix.Inputs))))]
                    : Spend(matrices),
                Strength),
        ];
    }

    // In rounds from the last layer to the first each matrix gets one more rank, wherever it still fits.
    private List<(string Name, int Rank)> Spend((string Name, long Outputs, long Inputs)[] matrices)
    {
        var left = Budget;
        var ranks = new int[matrices.Length];
        for (var spent = true; spent;)
        {
            spent = false;
            for (var index = matrices.Length - 1; index >= 0; index--)
            {
                var (_, outputs, inputs) = matrices[index];
                if (outputs + inputs > left || ranks[index] >= Math.Min(outputs, inputs))
                    continue;
                ranks[index]++;
                left -= outputs + inputs;
                spent = true;
            }
        }

        if (ranks.All(each => each == 0))
            throw new ArgumentOutOfRangeException(
                "budget", Budget,
                $"Rank 1 of the smallest chosen matrix takes {matrices.Min(matrix => matrix.Outputs + matrix.Inputs)} parameters.");
        return [.. matrices.Zip(ranks, (matrix, each) => (matrix.Name, each)).Where(piece => piece.each > 0)];
    }
}

/// <summary>Every weight of the chosen tensors is trained itself.</summary>
internal sealed record WholeWeightsForm(IReadOnlyList<string>? Layers) : FineTuningForm(Layers)
{
    public override string Name => "WholeWeights";

    public override IReadOnlyList<FineTuningPart> Describe(
        FineTuningBase start, IReadOnlyList<string> tensors, bool everything, ulong seed, GradientProbe? probe) => [];
}
