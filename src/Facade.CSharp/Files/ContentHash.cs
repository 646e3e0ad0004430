using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace MappingNets;

/// <summary>
/// SHA-256 over all that a file says: every metadata pair but the hash itself and every tensor with its name, type, shape and bytes, each
/// part with its length before it, in the ordinal order of the names. docs/files.md has the definition byte by byte.
/// </summary>
internal sealed class ContentHash : IDisposable
{
    /// <summary>The key of the metadata that holds it, in lower-case hexadecimal.</summary>
    public const string MetadataKey = "content_sha256";

    private readonly IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);

    private ContentHash(IEnumerable<KeyValuePair<string, string>> metadata)
    {
        foreach (var (key, value) in metadata.Where(pair => pair.Key != MetadataKey).OrderBy(pair => pair.Key, StringComparer.Ordinal))
        {
            hash.AppendData("m"u8);
            Append(key);
            Append(value);
        }
    }

    /// <summary>The hash of metadata and tensors, in lower-case hexadecimal.</summary>
    /// <param name="metadata">The metadata, with or without the hash.</param>
    /// <param name="tensors">Each tensor's name, its type as the format calls it, its shape and the number of its bytes, in any order.</param>
    /// <param name="bytes">Gives the bytes of a tensor, by its name, to a consumer, in order.</param>
    public static string Of(
        IEnumerable<KeyValuePair<string, string>> metadata,
        IEnumerable<(string Name, string Type, IReadOnlyList<long> Shape, long Bytes)> tensors,
        Action<string, Action<ReadOnlySpan<byte>>> bytes)
    {
        using var content = new ContentHash(metadata);
        foreach (var tensor in tensors.OrderBy(tensor => tensor.Name, StringComparer.Ordinal))
        {
            content.hash.AppendData("t"u8);
            content.Append(tensor.Name);
            content.Append(tensor.Type);
            content.Append(tensor.Shape.Count);
            foreach (var size in tensor.Shape)
                content.Append(size);
            content.Append(tensor.Bytes);
            bytes(tensor.Name, part => content.hash.AppendData(part));
        }

        return Convert.ToHexStringLower(content.hash.GetHashAndReset());
    }

    public void Dispose() => hash.Dispose();

    private void Append(string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        Append(bytes.LongLength);
        hash.AppendData(bytes);
    }

    private void Append(long number)
    {
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, number);
        hash.AppendData(bytes);
    }
}
