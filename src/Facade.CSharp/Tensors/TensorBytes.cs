using System.Security.Cryptography;
using System.Text;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>A tensor's memory in pieces that fit into a span.</summary>
internal static class TensorBytes
{
    private const long ElementsPerPart = 1 << 20;

    /// <summary>Views that together are the whole memory of a contiguous CPU tensor, in order; none for an empty one.</summary>
    public static IEnumerable<Tensor> Parts(Tensor tensor)
    {
        var count = tensor.numel();
        if (count == 0)
            yield break;
        using var flat = tensor.view(-1);
        for (var start = 0L; start < count; start += ElementsPerPart)
        {
            using var part = flat.narrow(0, start, Math.Min(ElementsPerPart, count - start));
            yield return part;
        }
    }

    /// <summary>Adds the bits of a tensor on any device to a hash.</summary>
    public static void Append(IncrementalHash hash, Tensor values)
    {
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        foreach (var part in Parts(values.detach().cpu().contiguous()))
            hash.AppendData(part.bytes);
    }

    /// <summary>Adds a name, a line feed and the bits of a tensor on any device to a hash, as the hashes that adapters carry are made.</summary>
    public static void Append(IncrementalHash hash, string name, Tensor values)
    {
        hash.AppendData(Encoding.UTF8.GetBytes(name + "\n"));
        Append(hash, values);
    }

    /// <summary>
    /// The hash that adapters carry: SHA-256 over each tensor's name and bits, in the order given, in lower-case hexadecimal.
    /// </summary>
    public static string HashOfBits(IEnumerable<(string Name, Tensor Values)> tensors)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var (name, values) in tensors)
            Append(hash, name, values);
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    /// <summary>Whether two tensors of one type and shape, on any device, have the same bits.</summary>
    public static bool AreSame(Tensor first, Tensor second)
    {
        using var scope = NewDisposeScope();
        return Parts(first.detach().cpu().contiguous()).Zip(Parts(second.detach().cpu().contiguous()))
            .All(pair => pair.First.bytes.SequenceEqual(pair.Second.bytes));
    }

    /// <summary>SHA-256 over the names, types, shapes and bits of tensors on any device, hexadecimal.</summary>
    public static string Hash(IEnumerable<(string Name, Tensor Values)> tensors)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var (name, values) in tensors)
        {
            hash.AppendData(Encoding.UTF8.GetBytes($"{name} {values.dtype}{ShapeText.Of(values.shape)}\0"));
            Append(hash, values);
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
