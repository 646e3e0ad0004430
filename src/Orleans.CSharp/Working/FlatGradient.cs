using System.Runtime.InteropServices;
using System.Security.Cryptography;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>The gradients of all trained parameters as bytes, one after the other, and back.</summary>
internal sealed class FlatGradient(IReadOnlyList<Parameter> parameters)
{
    /// <summary>More parameters than these are not digested at each step.</summary>
    private const long MostDigested = 1L << 20;

    private readonly bool isDigested = parameters.Sum(parameter => parameter.numel()) <= MostDigested;

    /// <summary>How many bytes a gradient has.</summary>
    public static long BytesOf(IEnumerable<Parameter> parameters) => sizeof(float) * parameters.Sum(parameter => parameter.numel());

    /// <summary>The gradients that the parameters have.</summary>
    public (byte[] Gradient, bool[] Present) Read()
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        var present = new bool[parameters.Count];
        var flat = new byte[BytesOf(parameters)];
        var at = 0;
        for (var index = 0; index < parameters.Count; index++)
        {
            var length = checked((int)(sizeof(float) * parameters[index].numel()));
            if (parameters[index].grad is { } gradient)
            {
                present[index] = true;
                Copy(gradient, flat.AsSpan(at, length));
            }

            at += length;
        }

        return (flat, present);
    }

    /// <summary>Gives the parameters these gradients.</summary>
    public void Write(byte[] flat, bool[] present)
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        var at = 0;
        for (var index = 0; index < parameters.Count; index++)
        {
            var parameter = parameters[index];
            var length = checked((int)(sizeof(float) * parameter.numel()));
            if (!present[index])
            {
                parameter.grad = null;
            }
            else
            {
                var values = FromBytes(flat.AsSpan(at, length), parameter.shape);
                if (parameter.grad is { } there)
                    there.copy_(values);
                else
                    parameter.grad = values.to(parameter.device).DetachFromDisposeScope();
            }

            at += length;
        }
    }

    /// <summary>A digest of the parameters; 0 where they are too many.</summary>
    public ulong Digest()
    {
        if (!isDigested)
            return 0;
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var parameter in parameters)
        {
            var bytes = new byte[sizeof(float) * parameter.numel()];
            Copy(parameter, bytes);
            hash.AppendData(bytes);
        }

        return Math.Max(1, BitConverter.ToUInt64(hash.GetHashAndReset()));
    }

    /// <summary>A tensor from single-precision bytes, on the CPU, in the caller's dispose scope.</summary>
    public static Tensor FromBytes(ReadOnlySpan<byte> bytes, long[] shape) =>
        tensor(MemoryMarshal.Cast<byte, float>(bytes).ToArray(), shape, dtype: ScalarType.Float32);

    /// <summary>Copies a tensor's numbers, single precision.</summary>
    public static void Copy(Tensor values, Span<byte> to)
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        var at = 0;
        foreach (var part in TensorBytes.Parts(values.detach().to(ScalarType.Float32).cpu().contiguous()))
        {
            var bytes = part.bytes;
            bytes.CopyTo(to[at..]);
            at += bytes.Length;
        }
    }
}
