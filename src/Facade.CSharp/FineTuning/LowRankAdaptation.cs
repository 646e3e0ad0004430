using static TorchSharp.torch;

namespace MappingNets;

/// <summary>
/// Describes LoRA, the baseline that users of adapters know: W + s B A for the weights of the chosen layers, each seen as a matrix
/// (outputs by everything else). Every step returns a new description.
/// </summary>
public sealed class LowRankAdaptation
{
    private readonly FineTuningChoices choices;
    private readonly int? rank;
    private readonly long? budget;
    private readonly double strength;

    private LowRankAdaptation(FineTuningChoices choices, int? rank, long? budget, double strength) =>
        (this.choices, this.rank, this.budget, this.strength) = (choices, rank, budget, strength);

    /// <summary>Starts a description: rank 1 for every matrix and convolution, s = 1, seed 0.</summary>
    /// <param name="target">The network.</param>
    /// <param name="pretrained">Where its weights start.</param>
    public static LowRankAdaptation For(TargetNetwork target, PretrainedWeights pretrained) =>
        new(FineTuningChoices.For(target, pretrained), 1, null, 1);

    /// <summary>The same rank everywhere, cut to a matrix's smaller side.</summary>
    /// <param name="rank">At least 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">The rank is below 1.</exception>
    public LowRankAdaptation WithRank(int rank)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(rank, 1);
        return new(choices, rank, null, strength);
    }

    /// <summary>
    /// Ranks that spend a number of trained numbers, a new head apart: in rounds from the last layer to the first, each matrix gets
    /// one more wherever it still fits. A matrix that never fits is left out.
    /// </summary>
    /// <param name="numbers">How many numbers may be trained; enough for rank 1 of the smallest matrix.</param>
    /// <exception cref="ArgumentOutOfRangeException">The budget is below 1; <see cref="Build"/> refuses one that buys nothing.</exception>
    public LowRankAdaptation WithBudget(long numbers)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(numbers, 1);
        return new(choices, null, numbers, strength);
    }

    /// <summary>s, what B A is multiplied by.</summary>
    /// <param name="strength">A positive finite number.</param>
    /// <exception cref="ArgumentOutOfRangeException">It is not.</exception>
    public LowRankAdaptation WithStrength(double strength) =>
        new(choices, rank, budget, MappingChecks.Positive(strength, nameof(strength)));

    /// <summary>As for <see cref="FineTuning.Layers"/>.</summary>
    /// <param name="patterns">Names of layers or tensors.</param>
    /// <exception cref="ArgumentException">A pattern chooses nothing.</exception>
    public LowRankAdaptation Layers(params string[] patterns) => With(choices.WithLayers(patterns));

    /// <summary>As for <see cref="FineTuning.WithNewHead"/>.</summary>
    /// <param name="training">Whether each of its weights is trained itself or through its rank.</param>
    /// <param name="patterns">Names of layers or tensors; none for the last layer where its shape differs.</param>
    /// <exception cref="ArgumentException">A pattern chooses nothing.</exception>
    public LowRankAdaptation WithNewHead(HeadTraining training, params string[] patterns) => With(choices.WithNewHead(training, patterns));

    /// <summary>The seed of A and of a new head.</summary>
    /// <param name="seed">Any number.</param>
    public LowRankAdaptation WithSeed(ulong seed) => With(choices with { Seed = seed });

    /// <summary>Builds the model, which starts as the pretrained network (and a new head).</summary>
    /// <param name="device">Where to train; the CPU where none is given.</param>
    /// <returns>The model; the caller disposes it.</returns>
    /// <exception cref="ArgumentException">
    /// The pretrained weights do not fit the target; the chosen layers have no matrix; the budget buys no rank.
    /// </exception>
    public FineTunedModel Build(Device? device = null)
    {
        var (basis, trained) = choices.Prepare(device ?? CPU);
        return FineTuningChoices.Build(
            basis,
            () => FineTuningConfiguration.OfLowRank(Ranks(choices.Chosen(trained)), strength, choices.Seed, trained, basis.Head),
            device ?? CPU);
    }

    private IReadOnlyList<(string Name, int Rank)> Ranks(IReadOnlyList<string> chosen)
    {
        var matrices = choices.Target.Parameters
            .Where(parameter => parameter.Shape.Count > 1 && chosen.Contains(parameter.Name))
            .Select(parameter => (parameter.Name, Outputs: parameter.Shape[0], Inputs: parameter.Count / parameter.Shape[0]))
            .ToArray();
        if (matrices.Length == 0)
            throw new ArgumentException("The chosen layers have no matrix that a rank could be given to.", "layers");
        if (rank is { } same)
            return [.. matrices.Select(matrix => (matrix.Name, (int)Math.Min(same, Math.Min(matrix.Outputs, matrix.Inputs))))];

        var left = budget!.Value;
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
                nameof(budget), budget,
                $"Rank 1 of the smallest chosen matrix takes {matrices.Min(matrix => matrix.Outputs + matrix.Inputs)} numbers.");
        return [.. matrices.Zip(ranks, (matrix, each) => (matrix.Name, each)).Where(piece => piece.each > 0)];
    }

    private LowRankAdaptation With(FineTuningChoices changed) => new(changed, rank, budget, strength);
}
