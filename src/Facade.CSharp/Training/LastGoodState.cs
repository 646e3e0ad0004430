using static TorchSharp.torch;

namespace MappingNets;

/// <summary>The numbers that training changes, as they were when loss and gradients were last finite, to fall back on.</summary>
internal sealed class LastGoodState : IDisposable
{
    /// <summary>
    /// A copy at every step is free for a latent, but for the weights of a large target it would cost memory and time that
    /// direct training elsewhere does not pay. Above this many numbers none is kept: a gradient that is not finite is still
    /// never applied.
    /// </summary>
    private const long LargestCopied = 1 << 20;

    private readonly IReadOnlyList<Tensor> parameters;
    private readonly Tensor[] values;

    public LastGoodState(IReadOnlyList<Tensor> parameters)
    {
        using var noGradient = no_grad();
        this.parameters = parameters;
        IsKept = parameters.Sum(parameter => parameter.numel()) <= LargestCopied;
        values = IsKept ? [.. parameters.Select(parameter => parameter.clone().DetachFromDisposeScope())] : [];
    }

    /// <summary>Whether there are few enough numbers to copy them at every step.</summary>
    public bool IsKept { get; }

    /// <summary>The kept numbers; empty where there are too many.</summary>
    public IReadOnlyList<Tensor> Values => values;

    /// <summary>Takes the numbers as they are now.</summary>
    public void Keep()
    {
        using var noGradient = no_grad();
        foreach (var (value, parameter) in values.Zip(parameters))
            value.copy_(parameter);
    }

    /// <summary>Puts the kept numbers back.</summary>
    public void Restore()
    {
        using var noGradient = no_grad();
        foreach (var (value, parameter) in values.Zip(parameters))
            parameter.copy_(value);
    }

    public void Dispose()
    {
        foreach (var value in values)
            value.Dispose();
    }
}
