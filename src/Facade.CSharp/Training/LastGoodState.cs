using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>The optimised numbers as they were when loss and gradients were last finite, to fall back on.</summary>
internal sealed class LastGoodState : IDisposable
{
    private readonly IReadOnlyList<Parameter> parameters;
    private readonly Tensor[] values;

    public LastGoodState(IReadOnlyList<Parameter> parameters)
    {
        using var noGradient = no_grad();
        this.parameters = parameters;
        values = [.. parameters.Select(parameter => parameter.clone().DetachFromDisposeScope())];
    }

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
