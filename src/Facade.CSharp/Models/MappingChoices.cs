using MappingNets.Core;

namespace MappingNets;

/// <summary>Which family of orthogonal matrices the fixed weights come from.</summary>
public enum FixedWeightsKind
{
    /// <summary>One signed entry in each row, every column used equally often. Never stored, bit-exact everywhere, the fastest.</summary>
    SignedPermutation,

    /// <summary>Signs, a fast Walsh-Hadamard transform and signs. Never stored, bit-exact everywhere.</summary>
    Hadamard,

    /// <summary>The paper's own: a stored P x d matrix from a QR decomposition. Costs 4 P d bytes.</summary>
    Dense,
}

/// <summary>The function sigma that is applied to every generated weight.</summary>
public enum MappingActivation
{
    /// <summary>sigma(x) = x.</summary>
    Identity,

    /// <summary>sigma(x) = tanh x.</summary>
    Tanh,

    /// <summary>sigma(x) = sin x.</summary>
    Sine,
}

/// <summary>The fixed bias b of the mapping.</summary>
public enum MappingBias
{
    /// <summary>b uniform in [-1, 1) from the seed: with the fan-in scale the target starts as PyTorch starts it.</summary>
    Uniform,

    /// <summary>b = 0: the target starts from the latent alone, which then must not start at 0.</summary>
    Zero,
}

/// <summary>From the facade's words to the core's.</summary>
internal static class MappingChoices
{
    public static Core.FixedWeightsKind ToCore(this FixedWeightsKind kind) => kind switch
    {
        FixedWeightsKind.SignedPermutation => Core.FixedWeightsKind.SignedPermutation,
        FixedWeightsKind.Hadamard => Core.FixedWeightsKind.Hadamard,
        FixedWeightsKind.Dense => Core.FixedWeightsKind.Dense,
        _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "There is no such kind of fixed weights."),
    };

    public static Activation ToCore(this MappingActivation activation) => activation switch
    {
        MappingActivation.Identity => Activation.Identity,
        MappingActivation.Tanh => Activation.Tanh,
        MappingActivation.Sine => Activation.Sine,
        _ => throw new ArgumentOutOfRangeException(nameof(activation), activation, "There is no such activation."),
    };

    public static BiasRule ToCore(this MappingBias bias) => bias switch
    {
        MappingBias.Uniform => BiasRule.UniformBias,
        MappingBias.Zero => BiasRule.ZeroBias,
        _ => throw new ArgumentOutOfRangeException(nameof(bias), bias, "There is no such bias."),
    };
}
