using System.Buffers.Binary;

namespace MappingNets;

/// <summary>How the first chunk of a PNG file describes its pixels, before any of them is decoded.</summary>
/// <param name="Width">Its width in pixels.</param>
/// <param name="Height">Its height in pixels.</param>
/// <param name="BitDepth">The bits of a sample: 1, 2, 4, 8 or 16.</param>
/// <param name="ColourType">0 grey, 2 colour, 3 palette, 4 grey with alpha, 6 colour with alpha.</param>
internal readonly record struct PngHeader(uint Width, uint Height, byte BitDepth, byte ColourType)
{
    /// <summary>How many bytes deflate can make of one at most (zlib's technical notes).</summary>
    private const int MostDeflated = 1032;

    private static ReadOnlySpan<byte> Signature => [0x89, (byte)'P', (byte)'N', (byte)'G', 0x0D, 0x0A, 0x1A, 0x0A];

    /// <summary>The header of a file whose first bytes are in memory; null where it is no PNG file or ends inside its header.</summary>
    public static PngHeader? Of(ReadOnlySpan<byte> start)
    {
        if (start.Length < 26
            || !start[..8].SequenceEqual(Signature) || !start[12..16].SequenceEqual("IHDR"u8))
            return null;
        return new(BinaryPrimitives.ReadUInt32BigEndian(start[16..]), BinaryPrimitives.ReadUInt32BigEndian(start[20..]), start[24], start[25]);
    }

    /// <summary>Whether a file of some length can hold so many pixels at all.</summary>
    public bool FitsInto(long length)
    {
        var samples = ColourType switch
        {
            2 => 3u,
            4 => 2u,
            6 => 4u,
            _ => 1u,
        };
        var row = (((UInt128)Width * samples * BitDepth) + 7) / 8;
        return (row + 1) * Height <= (UInt128)length * MostDeflated;
    }

    /// <summary>Its name in messages, such as "16-bit grey".</summary>
    public override string ToString() => BitDepth + ColourType switch
    {
        0 => "-bit grey",
        2 => "-bit colour",
        3 => "-bit palette",
        4 => "-bit grey with alpha",
        6 => "-bit colour with alpha",
        _ => "-bit unknown",
    };
}
