using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.optim;

namespace MappingNets;

/// <summary>
/// How learning rates move from the first step to the last: ready-made ones, and any scheduler of TorchSharp's. Each group of the
/// optimiser's parameters moves from its own full rate.
/// </summary>
/// <example>
/// <code>
/// new TrainingOptions { Schedule = LearningRateSchedule.WarmUp(500, LearningRateSchedule.Cosine) }
/// new TrainingOptions { Schedule = LearningRateSchedule.Of("a tenth after each 30 epochs", optimizer => torch.optim.lr_scheduler.StepLR(optimizer, 30), perEpoch: true) }
/// </code>
/// </example>
public sealed class LearningRateSchedule
{
    private readonly Func<Optimizer, long, RateCourse> start;

    private LearningRateSchedule(string name, bool dependsOnLength, Func<Optimizer, long, RateCourse> start) =>
        (Name, DependsOnLength, this.start) = (name, dependsOnLength, start);

    /// <summary>What reports and resume files call it.</summary>
    public string Name { get; }

    /// <summary>Whether its rates depend on the number of steps, so that a finished run cannot be extended.</summary>
    public bool DependsOnLength { get; }

    /// <summary>From the full rate down to 0 along half a cosine.</summary>
    public static LearningRateSchedule Cosine { get; } = new(
        "Cosine", true, (optimizer, steps) => new RateCourse.ByFactor(optimizer, step => 0.5 * (1 + Math.Cos(Math.PI * step / steps))));

    /// <summary>The full rate throughout. A finished run can be extended.</summary>
    public static LearningRateSchedule Constant { get; } = new("Constant", false, (optimizer, _) => new RateCourse.ByFactor(optimizer, _ => 1));

    /// <summary>
    /// First up in a straight line, from 1 / steps of the rate at which another schedule starts, and then as that one says for the
    /// steps that are left.
    /// </summary>
    /// <param name="steps">How many steps the rate rises, at least 1 and fewer than the run has.</param>
    /// <param name="then">What follows.</param>
    /// <exception cref="ArgumentOutOfRangeException">There are no steps.</exception>
    public static LearningRateSchedule WarmUp(int steps, LearningRateSchedule then)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(steps, 1);
        ArgumentNullException.ThrowIfNull(then);
        return new(
            FormattableString.Invariant($"warm-up of {steps}, then {then.Name}"), then.DependsOnLength,
            (optimizer, all) => steps < all
                ? new RateCourse.WarmUp(optimizer, steps, then.start(optimizer, all - steps))
                : throw new ArgumentException(
                    $"The warm-up takes {steps} steps; the run has {all}. It must leave some.", nameof(TrainingOptions.Schedule)));
    }

    /// <summary>
    /// One cycle (Smith and Topin 2018): along half a cosine up to the full rate and along another far down, with the rates of
    /// <c>torch.optim.lr_scheduler.OneCycleLR</c>, bit for bit.
    /// </summary>
    /// <param name="rising">The share of the steps that rise, between 0 and 1.</param>
    /// <param name="startDivisor">The full rate divided by this is the first; at least 1.</param>
    /// <param name="endDivisor">The first rate divided by this is the last; at least 1.</param>
    /// <param name="cycleMomentum">
    /// Whether momentum, or Adam's first beta, moves the other way, from 0.95 to 0.85 and back; for optimisers that have one.
    /// </param>
    /// <exception cref="ArgumentOutOfRangeException">A number is out of range.</exception>
    public static LearningRateSchedule OneCycle(
        double rising = 0.3, double startDivisor = 25, double endDivisor = 1e4, bool cycleMomentum = true)
    {
        if (!(rising > 0 && rising < 1))
            throw new ArgumentOutOfRangeException(nameof(rising), rising, "The share must lie between 0 and 1.");
        foreach (var (divisor, argument) in new[] { (startDivisor, nameof(startDivisor)), (endDivisor, nameof(endDivisor)) })
            if (!(divisor >= 1 && double.IsFinite(divisor)))
                throw new ArgumentOutOfRangeException(argument, divisor, "The divisor must be a finite number of at least 1.");
        return new(
            FormattableString.Invariant($"one cycle ({rising} rising, from 1/{startDivisor}, to 1/{endDivisor}{(cycleMomentum ? "" : ", momentum fixed")})"),
            true,
            (optimizer, steps) => new RateCourse.OneCycle(optimizer, steps, rising, startDivisor, endDivisor, cycleMomentum));
    }

    /// <summary>
    /// The full rate, and less whenever an epoch's validation loss (or training loss, where nothing is held out) has not improved
    /// for some epochs, by <c>torch.optim.lr_scheduler.ReduceLROnPlateau</c>. A finished run can be extended.
    /// </summary>
    /// <param name="factor">What the rate is multiplied by, between 0 and 1.</param>
    /// <param name="patience">How many epochs without improvement pass before, at least 0.</param>
    /// <param name="threshold">The relative improvement that counts, from 0 to below 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">A number is out of range.</exception>
    public static LearningRateSchedule Plateau(double factor = 0.1, int patience = 5, double threshold = 1e-4)
    {
        if (!(factor > 0 && factor < 1))
            throw new ArgumentOutOfRangeException(nameof(factor), factor, "The factor must lie between 0 and 1.");
        ArgumentOutOfRangeException.ThrowIfNegative(patience);
        if (!(threshold >= 0 && threshold < 1))
            throw new ArgumentOutOfRangeException(nameof(threshold), threshold, "The threshold must be from 0 to below 1.");
        return Of(
            FormattableString.Invariant($"plateau (times {factor} after {patience}, threshold {threshold})"),
            optimizer => lr_scheduler.ReduceLROnPlateau(optimizer, factor: factor, patience: patience, threshold: threshold, eps: 0),
            perEpoch: true);
    }

    /// <summary>A scheduler of TorchSharp's that does not depend on the run's length, so that a finished run can be extended.</summary>
    /// <param name="name">What reports and resume files call it, not blank: a run goes on from its file only with the same name.</param>
    /// <param name="build">
    /// From the optimiser, whose groups have their full rates, to a new scheduler. It must move rates by its steps alone: a run that goes on
    /// repeats them.
    /// </param>
    /// <param name="perEpoch">
    /// Whether it steps after each epoch instead of each step; ReduceLROnPlateau needs that and gets the epoch's validation loss, or
    /// its training loss where nothing is held out.
    /// </param>
    /// <exception cref="ArgumentException">The name is blank.</exception>
    public static LearningRateSchedule Of(string name, Func<Optimizer, lr_scheduler.LRScheduler> build, bool perEpoch = false)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        ArgumentNullException.ThrowIfNull(build);
        return new(name, false, (optimizer, _) => new RateCourse.OfTorch(build(optimizer), name, perEpoch));
    }

    /// <summary>A scheduler of TorchSharp's that is built for the run's number of steps.</summary>
    /// <param name="name">What reports and resume files call it, not blank.</param>
    /// <param name="build">From the optimiser and the number of steps to a new scheduler, as above.</param>
    /// <param name="perEpoch">Whether it steps after each epoch instead of each step.</param>
    /// <exception cref="ArgumentException">The name is blank.</exception>
    public static LearningRateSchedule Of(string name, Func<Optimizer, int, lr_scheduler.LRScheduler> build, bool perEpoch = false)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        ArgumentNullException.ThrowIfNull(build);
        return new(name, true, (optimizer, steps) => new RateCourse.OfTorch(build(optimizer, checked((int)steps)), name, perEpoch));
    }

    /// <summary>The name.</summary>
    public override string ToString() => Name;

    /// <summary>The rates of a run, from before its first step.</summary>
    internal RateCourse Start(Optimizer optimizer, long steps) => start(optimizer, steps);
}
