using MappingNets.Core;

namespace MappingNets;

/// <summary>How much an auxiliary term of the mapping loss counts.</summary>
public readonly record struct LossCoefficient
{
    private LossCoefficient(double value, bool isTrainable)
    {
        Value = value;
        IsTrainable = isTrainable;
    }

    /// <summary>The coefficient, or where a trainable one starts; 0 means off.</summary>
    public double Value { get; }

    /// <summary>Whether training moves it, within a factor of 10 of its start.</summary>
    public bool IsTrainable { get; }

    /// <summary>The term is not computed.</summary>
    public static LossCoefficient Off => default;

    /// <summary>The coefficient stays at a value.</summary>
    /// <param name="value">A positive finite number.</param>
    /// <exception cref="ArgumentOutOfRangeException">The value is not a positive finite number.</exception>
    public static LossCoefficient Fixed(double value) => new(Check(value), false);

    /// <summary>The coefficient is trained by bounded homoscedastic-uncertainty weighting, which cannot collapse to zero.</summary>
    /// <param name="start">A positive finite number.</param>
    /// <exception cref="ArgumentOutOfRangeException">The start is not a positive finite number.</exception>
    public static LossCoefficient Trainable(double start) => new(Check(start), true);

    internal Coefficient ToCore() =>
        Value == 0 ? Coefficient.Off : IsTrainable ? Coefficient.NewTrainable(Value) : Coefficient.NewFixed(Value);

    private static double Check(double value) => value > 0 && double.IsFinite(value)
        ? value
        : throw new ArgumentOutOfRangeException(
            nameof(value), value, "A coefficient must be a positive finite number; LossCoefficient.Off turns a term off.");
}

/// <summary>Which terms the loss of a mapped model has beside the task's own. All are off unless turned on.</summary>
public sealed record LossOptions
{
    /// <summary>The task's loss alone.</summary>
    public static LossOptions TaskOnly { get; } = new();

    /// <summary>The paper's four terms, the three auxiliary ones trainable from the independent re-run's starts.</summary>
    public static LossOptions Complete { get; } = new()
    {
        Stability = LossCoefficient.Trainable(0.05),
        Smoothness = LossCoefficient.Trainable(5e-6),
        Alignment = LossCoefficient.Trainable(0.01),
    };

    /// <summary>Of E ||f(x; g(z + eps)) - f(x; g(z))||^2: small changes of the latent change the outputs little. Costs a second forward and backward pass.</summary>
    public LossCoefficient Stability { get; init; }

    /// <summary>Of ||grad_z g(z)||_F^2: the mapping is smooth in the latent.</summary>
    public LossCoefficient Smoothness { get; init; }

    /// <summary>Of 1 - cos(z, m): the latent points along the mean of the modulated weights.</summary>
    public LossCoefficient Alignment { get; init; }

    /// <summary>s, the standard deviation of eps in the stability term.</summary>
    public double NoiseDeviation { get; init; } = 0.01;

    internal LossCoefficients ToCore() => new(Stability.ToCore(), Smoothness.ToCore(), Alignment.ToCore());

    internal bool IsTaskOnly => Stability.Value == 0 && Smoothness.Value == 0 && Alignment.Value == 0;

    internal void Check()
    {
        if (!(NoiseDeviation > 0 && double.IsFinite(NoiseDeviation)))
            throw new ArgumentOutOfRangeException(
                nameof(NoiseDeviation), NoiseDeviation, "The noise's standard deviation must be a positive finite number.");
    }
}
