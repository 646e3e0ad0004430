namespace MappingNets;

/// <summary>How workers train one model together. All workers of a run must have the same.</summary>
public sealed record ClusterTrainingOptions
{
    /// <summary>
    /// How many workers the first step waits for, at least 1 and at most <see cref="TrainingOptions.GradientAccumulation"/>, the number of parts
    /// that a step has. Later ones may join at any time.
    /// </summary>
    public int Workers { get; init; } = 1;

    /// <summary>
    /// How long the others wait for a worker before its parts are dealt out to them; positive and at most a day. It counts from when the first
    /// worker is ready, so it must exceed by how much one worker is slower than another in a step, or in an evaluation after an epoch. A call to the run
    /// counts as lost after twice that time or half of <see cref="Patience"/>, whichever is less (an hour at most); the way of the longest message and its
    /// answer must not take so long.
    /// </summary>
    public TimeSpan Deadline { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long a worker asks a cluster that does not answer before it gives up; positive and at most a day.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>How the gradients of a step's parts become one.</summary>
    public GradientCombination Combination { get; init; } = GradientCombination.Mean;

    /// <summary>
    /// The largest Euclidean norm of the mean gradient of one part, to which longer ones are cut before they are combined, so that a worker
    /// that sends wrong numbers moves a step by a bounded amount; positive, null cuts nothing.
    /// </summary>
    public double? ClipPartNorm { get; init; }

    /// <summary>Refuses what is out of range, or does not fit the training.</summary>
    internal void Check(TrainingOptions training)
    {
        if (Workers < 1 || Workers > training.GradientAccumulation)
            throw new ArgumentOutOfRangeException(
                nameof(Workers), Workers,
                $"A step has {training.GradientAccumulation} parts ({nameof(TrainingOptions)}.{nameof(TrainingOptions.GradientAccumulation)}), one for "
                + "each worker at least; so there must be from 1 to that many workers.");
        RequirePositive(nameof(Deadline), Deadline);
        RequirePositive(nameof(Patience), Patience);
        if (!Enum.IsDefined(Combination))
            throw new ArgumentOutOfRangeException(nameof(Combination), Combination, "There is no such combination.");
        if (ClipPartNorm is { } norm && !(norm > 0 && double.IsFinite(norm)))
            throw new ArgumentOutOfRangeException(nameof(ClipPartNorm), norm, "The bound must be positive and finite, or null.");
    }

    internal static void RequirePositive(string name, TimeSpan value)
    {
        if (value <= TimeSpan.Zero || value > TimeSpan.FromDays(1))
            throw new ArgumentOutOfRangeException(name, value, "The time must be positive and at most a day.");
    }
}
