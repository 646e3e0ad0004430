using static TorchSharp.torch;

namespace MappingNets;

/// <summary>The numbers that training changes, as they were when loss and gradients were last finite, to fall back on.</summary>
internal sealed class LastGoodState : IDisposable
{
    /// <summary>
    /// A copy at every step is free for a latent, but for the weights of a large target it would cost memory and time that
    /// direct training elsewhere does not pay. Above this many trained parameters none is kept: a gradient that is not finite is
    /// still never applied. Buffers do not count, and one with more numbers than this is not kept: it is a table or a mask, no statistic.
    /// </summary>
    private const long LargestCopied = 1 << 20;

    private readonly IReadOnlyList<Tensor> changing;
    private readonly Tensor[] values;

    /// <summary>Takes the numbers as they are now.</summary>
    /// <param name="parameters">What the optimiser changes, whose number decides whether anything is kept.</param>
    /// <param name="buffers">What passes of training change.</param>
    public LastGoodState(IReadOnlyList<Tensor> parameters, IReadOnlyList<Tensor> buffers)
    {
        using var noGradient = no_grad();
        changing = [.. parameters, .. buffers.Where(buffer => buffer.numel() <= LargestCopied)];
        IsKept = parameters.Sum(parameter => parameter.numel()) <= LargestCopied;
        values = IsKept ? [.. changing.Select(tensor => tensor.clone().DetachFromDisposeScope())] : [];
    }

    /// <summary>Whether there are few enough trained parameters to copy them at every step.</summary>
    public bool IsKept { get; }

    /// <summary>The kept numbers, the parameters' first; empty where too many are trained.</summary>
    public IReadOnlyList<Tensor> Values => values;

    /// <summary>Takes the numbers as they are now.</summary>
    public void Keep()
    {
        using var noGradient = no_grad();
        foreach (var (value, tensor) in values.Zip(changing))
            value.copy_(tensor);
    }

    /// <summary>Puts the kept numbers back.</summary>
    public void Restore()
    {
        using var noGradient = no_grad();
        foreach (var (value, tensor) in values.Zip(changing))
            tensor.copy_(value);
    }

    public void Dispose()
    {
        foreach (var value in values)
            value.Dispose();
    }
}
