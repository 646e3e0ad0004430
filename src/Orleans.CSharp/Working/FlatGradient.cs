using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>The gradients of all trained parameters as <see cref="FlatTensors"/>, and back.</summary>
internal sealed class FlatGradient(IReadOnlyList<Parameter> parameters)
{
    /// <summary>More parameters than these are not digested at each step.</summary>
    private const long MostDigested = 1L << 20;

    private readonly bool isDigested = parameters.Sum(parameter => parameter.numel()) <= MostDigested;

    /// <summary>The gradients that the parameters have.</summary>
    public (byte[] Gradient, bool[] Present) Read()
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        var present = new bool[parameters.Count];
        var flat = new byte[FlatTensors.BytesOf(parameters)];
        foreach (var (index, place) in FlatTensors.Places(parameters))
            if (parameters[index].grad is { } gradient)
            {
                present[index] = true;
                FlatTensors.Copy(gradient, flat.AsSpan(place));
            }

        return (flat, present);
    }

    /// <summary>Gives the parameters these gradients.</summary>
    public void Write(byte[] flat, bool[] present)
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        foreach (var (index, place) in FlatTensors.Places(parameters))
        {
            var parameter = parameters[index];
            if (!present[index])
            {
                parameter.grad = null;
                continue;
            }

            var values = FlatTensors.From(flat.AsSpan(place), parameter.shape);
            if (parameter.grad is { } there)
                there.copy_(values);
            else
                parameter.grad = values.to(parameter.device).DetachFromDisposeScope();
        }
    }

    /// <summary>A digest of the parameters; 0 where they are too many.</summary>
    public ulong Digest() => isDigested ? Math.Max(1, BitConverter.ToUInt64(FlatTensors.Digest(parameters))) : 0;
}
