using System.Runtime.InteropServices;
using System.Security.Cryptography;
using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>Tensors as bytes, one after the other, single precision and little-endian, and back.</summary>
internal static class FlatTensors
{
    /// <summary>How many bytes they have.</summary>
    public static long BytesOf(IEnumerable<Tensor> tensors) => sizeof(float) * tensors.Sum(tensor => tensor.numel());

    /// <summary>The numbers of all.</summary>
    public static byte[] Read(IReadOnlyList<Tensor> tensors)
    {
        var flat = new byte[BytesOf(tensors)];
        foreach (var (index, place) in Places(tensors))
            Copy(tensors[index], flat.AsSpan(place));
        return flat;
    }

    /// <summary>Puts numbers into all.</summary>
    public static void Write(ReadOnlySpan<byte> flat, IReadOnlyList<Tensor> tensors)
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        foreach (var (index, place) in Places(tensors))
            tensors[index].copy_(From(flat[place], tensors[index].shape));
    }

    /// <summary>Where each of them begins, in bytes.</summary>
    public static IEnumerable<(int Index, Range Place)> Places(IReadOnlyList<Tensor> tensors)
    {
        var at = 0;
        for (var index = 0; index < tensors.Count; index++)
        {
            var end = checked(at + (int)(sizeof(float) * tensors[index].numel()));
            yield return (index, at..end);
            at = end;
        }
    }

    /// <summary>A tensor of such bytes, on the CPU, in the caller's dispose scope.</summary>
    public static Tensor From(ReadOnlySpan<byte> bytes, long[] shape) =>
        tensor(MemoryMarshal.Cast<byte, float>(bytes).ToArray(), shape, dtype: ScalarType.Float32, device: CPU);

    /// <summary>Copies one tensor's numbers.</summary>
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

    /// <summary>The SHA-256 of all, tensor by tensor, so that no more than one is copied.</summary>
    public static byte[] Digest(IReadOnlyList<Tensor> tensors)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var tensor in tensors)
            hash.AppendData(Read([tensor]));
        return hash.GetHashAndReset();
    }
}
