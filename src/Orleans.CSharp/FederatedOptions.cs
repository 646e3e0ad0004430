namespace MappingNets;

/// <summary>How workers with data of their own train one model (federated averaging, McMahan et al. 2017). All workers must have the same.</summary>
public sealed record FederatedOptions
{
    /// <summary>
    /// How many workers there are, at least 1, and 2 with <see cref="HidesChanges"/>. The run starts when all have come; one that fails is left out
    /// from then on.
    /// </summary>
    public int Workers { get; init; } = 2;

    /// <summary>How often the workers average, at least 1; a round that ends without an average counts (<see cref="HidesChanges"/>).</summary>
    public int Rounds { get; init; } = 10;

    /// <summary>How many steps each takes by itself in a round, at least 1.</summary>
    public int LocalSteps { get; init; } = 20;

    /// <summary>
    /// The largest change of a trained parameter in a round, positive. Changes travel as whole numbers of 32 bits, whose unit is this divided
    /// by 2^30; a worker that would exceed it stops with an exception. With its share of the noise a change may be 1.99 times as large. The deviation
    /// of a share is at most <see cref="NoiseMultiplier"/> times <see cref="ClipNorm"/>, where all others have dropped out: a range of
    /// <see cref="ClipNorm"/> and 4 times that is always enough.
    /// </summary>
    public double Range { get; init; } = 16;

    /// <summary>
    /// Whether each worker hides its change by masks that cancel in the sum (Bonawitz et al. 2017, without their recovery of masks). Who runs the silos
    /// then sees sums only, if it follows the protocol. A change is sent once, when all have theirs: a worker that fails before is left out of the round, and
    /// after one that fails later the round ends without an average, because the sums of the same changes with and without a worker would tell its change.
    /// The next round has other changes, but near ones: sums of neighbouring rounds, one without a worker, still tell something of it, and only
    /// <see cref="NoiseMultiplier"/> bounds how much.
    /// Each worker knows the sum of the others, which of two is the other's change, and several who tell each other know that of the rest; so does one who
    /// joins under several names. One worker alone has none to hide among: a run of one is refused, and the last one left of a run ends with an exception
    /// and sends no change.
    /// </summary>
    public bool HidesChanges { get; init; }

    /// <summary>
    /// s, the noise multiplier: normal noise with the deviation s times <see cref="ClipNorm"/> is added to the sum of the changes, in equal shares
    /// by the workers; positive, null adds none. Where workers have dropped out, the others add more, so that each of them still faces as much
    /// noise of the rest. All workers then weigh the same, and none tells how many samples it has. <see cref="Epsilon"/> says what it gives.
    /// </summary>
    public double? NoiseMultiplier { get; init; }

    /// <summary>The largest Euclidean norm of a worker's change in a round, to which longer ones are cut; positive, null cuts nothing. Noise needs it.</summary>
    public double? ClipNorm { get; init; }

    /// <summary>How long the others wait for a worker in a round before they go on without it; positive and at most a day.</summary>
    public TimeSpan Deadline { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>
    /// How long a worker asks a cluster that does not answer before it gives up; positive and at most a day. A call counts as lost after half of it, or
    /// twice <see cref="Deadline"/> where that is less.
    /// </summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>
    /// The e of the (e, delta) differential privacy that a run gives each worker's whole data set against any one of the other workers, who sees
    /// every round's result and knows its own share of the noise. The neighbours that it does not tell apart differ in one worker's data, all of
    /// which is replaced by any other; how many workers there are is public. By zero-concentrated differential privacy (Bun and Steinke 2016):
    /// replaced data move the sum of the changes by up to 2 C, where C is <see cref="ClipNorm"/>; of the noise's variance s^2 C^2, n workers leave
    /// each of them the part (n - 1) / n; so T rounds have rho = 2 T n / (s^2 (n - 1)), and e = rho + 2 sqrt(rho ln(1 / delta)).
    /// </summary>
    /// <remarks>
    /// It holds where every worker follows the protocol, also in rounds that workers have dropped out of. k workers who tell each other all leave
    /// (n - k) / n of the noise's variance in a round of n, so that with all workers there rho is (n - 1) / (n - k) times as large. Against who is no
    /// worker and sees the results alone, rho is (n - 1) / n of it. It says nothing of who reads what the silos receive: without
    /// <see cref="HidesChanges"/> that is each worker's change under its own share of the noise alone, 1 / n of the variance, in each try at a round.
    /// Not counted are what a worker tells by dropping out or by how long its steps take, and the rounding of changes and noise to whole numbers.
    /// </remarks>
    /// <param name="delta">Between 0 and 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">Delta or an option is out of range.</exception>
    /// <exception cref="ArgumentException">Changes are not bounded: <see cref="ClipNorm"/> is null.</exception>
    /// <exception cref="InvalidOperationException">There is no noise, or no other worker.</exception>
    public double Epsilon(double delta)
    {
        if (!(delta > 0 && delta < 1))
            throw new ArgumentOutOfRangeException(nameof(delta), delta, "Delta must be between 0 and 1.");
        if (NoiseMultiplier is not { } multiplier)
            throw new InvalidOperationException($"Without noise there is no privacy of this kind; set {nameof(NoiseMultiplier)}.");
        Check();
        if (Workers < 2)
            throw new InvalidOperationException(
                $"This is the privacy of a worker against another one, and the run has one alone; set {nameof(Workers)} to 2 at least.");
        var rho = 2.0 * Rounds * Workers / (multiplier * multiplier * (Workers - 1));
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
        if (HidesChanges && Workers < 2)
            throw new ArgumentOutOfRangeException(
                nameof(Workers), Workers, $"With {nameof(HidesChanges)} there must be 2 at least: one worker's change has no others to hide among.");
    }

    private static void RequirePositive(string name, double? value)
    {
        if (value is { } number && !(number > 0 && double.IsFinite(number)))
            throw new ArgumentOutOfRangeException(name, number, "It must be positive and finite.");
    }
}
