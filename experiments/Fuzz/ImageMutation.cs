using System.Buffers.Binary;
using System.IO.Compression;

namespace MappingNets.Experiments.Fuzz;

/// <summary>Changes inside what a checksum or a compression covers, which is made right again.</summary>
internal static class ImageMutation
{
    private const int SignatureBytes = 8;

    /// <summary>A PNG whose chunks are changed, with right checksums.</summary>
    public static byte[] Png(byte[] whole, IReadOnlyList<byte[]> others, Chance chance)
    {
        var chunks = Chunks(whole);
        if (chance.OneIn(3) || chunks.Count == 0)
            return ByteMutation.Of(whole, others, chance);
        var index = chance.OneIn(2) ? 0 : chance.Below(chunks.Count);
        var (type, data) = chunks[index];
        switch (chance.Below(6))
        {
            case 0:
                chunks.RemoveAt(index);
                break;
            case 1:
                chunks.Insert(chance.Below(chunks.Count), (type, data));
                break;
            case 2 when type.AsSpan().SequenceEqual("IDAT"u8):
                chunks[index] = (type, Deflated(ByteMutation.Of(Inflated(data), others, chance)));
                break;
            default:
                chunks[index] = (type, ByteMutation.Of(data, others, chance));
                break;
        }

        return [.. whole[..SignatureBytes], .. chunks.SelectMany(chunk => Chunk(chunk.Type, chunk.Data))];
    }

    /// <summary>Gzip data whose content is changed and packed again, or whose members are more than one.</summary>
    public static byte[] Gzip(byte[] whole, IReadOnlyList<byte[]> others, Chance chance)
    {
        if (chance.OneIn(3))
            return ByteMutation.Of(whole, others, chance);
        var plain = Unzipped(whole);
        if (chance.OneIn(4))
        {
            var cut = chance.Below(plain.Length);
            return [.. Zipped(plain[..cut]), .. Zipped(plain[cut..])];
        }

        return Zipped(ByteMutation.Of(plain, [plain], chance));
    }

    private static List<(byte[] Type, byte[] Data)> Chunks(byte[] whole)
    {
        var chunks = new List<(byte[], byte[])>();
        for (var place = SignatureBytes; place + 12 <= whole.Length;)
        {
            var length = BinaryPrimitives.ReadInt32BigEndian(whole.AsSpan(place));
            if (length < 0 || length > whole.Length - place - 12)
                break;
            chunks.Add((whole[(place + 4)..(place + 8)], whole[(place + 8)..(place + 8 + length)]));
            place += 12 + length;
        }

        return chunks;
    }

    private static byte[] Chunk(byte[] type, byte[] data)
    {
        var length = new byte[4];
        BinaryPrimitives.WriteInt32BigEndian(length, data.Length);
        byte[] body = [.. type, .. data];
        var checksum = new byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(checksum, Checksum(body));
        return [.. length, .. body, .. checksum];
    }

    private static uint Checksum(byte[] bytes)
    {
        var value = uint.MaxValue;
        foreach (var next in bytes)
        {
            value ^= next;
            for (var bit = 0; bit < 8; bit++)
                value = (value & 1) == 0 ? value >> 1 : (value >> 1) ^ 0xEDB88320;
        }

        return ~value;
    }

    private static byte[] Inflated(byte[] data)
    {
        using var plain = new MemoryStream();
        using (var zip = new ZLibStream(new MemoryStream(data), CompressionMode.Decompress))
            zip.CopyTo(plain);
        return plain.ToArray();
    }

    private static byte[] Deflated(byte[] plain)
    {
        using var packed = new MemoryStream();
        using (var zip = new ZLibStream(packed, CompressionLevel.Fastest, leaveOpen: true))
            zip.Write(plain);
        return packed.ToArray();
    }

    private static byte[] Unzipped(byte[] data)
    {
        using var plain = new MemoryStream();
        using (var zip = new GZipStream(new MemoryStream(data), CompressionMode.Decompress))
            zip.CopyTo(plain);
        return plain.ToArray();
    }

    private static byte[] Zipped(byte[] plain)
    {
        using var packed = new MemoryStream();
        using (var zip = new GZipStream(packed, CompressionLevel.Fastest, leaveOpen: true))
            zip.Write(plain);
        return packed.ToArray();
    }
}
