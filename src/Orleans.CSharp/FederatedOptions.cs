namespace MappingNets;

/// <summary>How workers with data of their own train one model (federated averaging, McMahan et al. 2017). All workers must have the same.</summary>
public sealed record FederatedOptions
{
    /// <summary>How many workers there are, at least 1. The run starts when all have come; one that fails is left out from then on.</summary>
    public int Workers { get; init; } = 2;

    /// <summary>How often the workers average, at least 1.</summary>
    public int Rounds { get; init; } = 10;

    /// <summary>How many steps each takes by itself in a round, at least 1.</summary>
    public int LocalSteps { get; init; } = 20;

    /// <summary>
    /// The largest change of a trained parameter in a round, positive. Changes travel as whole numbers of 32 bits, whose unit is this divided
    /// by 2^30; a worker that would exceed it stops with an exception.
    /// </summary>
    public double Range { get; init; } = 16;

    /// <summary>
    /// Whether each worker hides its change by masks that cancel in the sum (Bonawitz et al. 2017, without their recovery of masks: where a
    /// worker fails, the round is repeated with new ones). Who runs the silos then sees sums only, if it follows the protocol; two workers who
    /// tell each other all can know the sum of the others.
    /// </summary>
    public bool HidesChanges { get; init; }

    /// <summary>
    /// s, the noise multiplier: normal noise with the deviation s times <see cref="ClipNorm"/> is added to the sum of the changes, in equal shares
    /// by the workers; positive, null adds none. All workers then weigh the same. <see cref="Epsilon"/> says what it gives.
    /// </summary>
    public double? NoiseMultiplier { get; init; }

    /// <summary>The largest Euclidean norm of a worker's change in a round, to which longer ones are cut; positive, null cuts nothing. Noise needs it.</summary>
    public double? ClipNorm { get; init; }

    /// <summary>How long the others wait for a worker in a round before they go on without it; positive.</summary>
    public TimeSpan Deadline { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>How long a worker asks a cluster that does not answer before it gives up; positive.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>
    /// The e of the (e, delta) differential privacy of a worker's whole data set against who sees every round's result, by zero-concentrated
    /// differential privacy (Bun and Steinke 2016): rho = T / (2 s^2) for T rounds of the Gaussian mechanism, e = rho + 2 sqrt(rho ln(1 / delta)).
    /// It holds where every worker adds its share of the noise and none drops out; a dropped one's share is missing.
    /// </summary>
    /// <param name="delta">Between 0 and 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">Delta is out of range.</exception>
    /// <exception cref="InvalidOperationException">There is no noise.</exception>
    public double Epsilon(double delta)
    {
        if (!(delta > 0 && delta < 1))
            throw new ArgumentOutOfRangeException(nameof(delta), delta, "Delta must be between 0 and 1.");
        if (NoiseMultiplier is not { } multiplier)
            throw new InvalidOperationException($"Without noise there is no privacy of this kind; set {nameof(NoiseMultiplier)}.");
        var rho = Rounds / (2 * multiplier * multiplier);
        return rho + (2 * Math.Sqrt(rho * Math.Log(1 / delta)));
    }

    /// <summary>Refuses what is out of range, or does not go together.</summary>
    internal void Check()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(Workers, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(Rounds, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(LocalSteps, 1);
        RequirePositive(nameof(Range), Range);
        RequirePositive(nameof(NoiseMultiplier), NoiseMultiplier);
        RequirePositive(nameof(ClipNorm), ClipNorm);
        ClusterTrainingOptions.RequirePositive(nameof(Deadline), Deadline);
        ClusterTrainingOptions.RequirePositive(nameof(Patience), Patience);
        if (NoiseMultiplier is not null && ClipNorm is null)
            throw new ArgumentException("Noise hides a change only where changes are bounded; set it.", nameof(ClipNorm));
    }

    private static void RequirePositive(string name, double? value)
    {
        if (value is { } number && !(number > 0 && double.IsFinite(number)))
            throw new ArgumentOutOfRangeException(name, number, "It must be positive and finite.");
    }
}
