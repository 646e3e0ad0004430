using System.Buffers.Binary;
using System.IO.Compression;

namespace MappingNets.Tests;

/// <summary>IDX files as their specification lays them out, written byte by byte.</summary>
public static class IdxBytes
{
    public static byte[] Of(int[] shape, byte[] values, byte type = 8)
    {
        var header = new byte[4 + 4 * shape.Length];
        header[2] = type;
        header[3] = (byte)shape.Length;
        for (var dimension = 0; dimension < shape.Length; dimension++)
            BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4 + 4 * dimension), shape[dimension]);
        return [.. header, .. values];
    }

    public static byte[] Zipped(byte[] plain)
    {
        using var buffer = new MemoryStream();
        using (var zip = new GZipStream(buffer, CompressionLevel.Fastest))
            zip.Write(plain);
        return buffer.ToArray();
    }
}
