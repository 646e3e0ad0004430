using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using SkiaSharp;

namespace MappingNets.Experiments.Reporting;

/// <summary>
/// PNG files with a palette (colour type 3 of the PNG specification). Plots have few colours beside the shades at the edges of their
/// lines, so 40 colours show all there is to see in a quarter of the bytes. Skia writes full colour only.
/// </summary>
public static class PalettePng
{
    private const int Colours = 40;

    private static ReadOnlySpan<byte> Signature => [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A];

    /// <summary>The picture as a file's bytes. What is transparent becomes white.</summary>
    /// <param name="picture">Any encoded picture that Skia reads.</param>
    public static byte[] Of(byte[] picture)
    {
        using var bitmap = SKBitmap.Decode(picture) ?? throw new ArgumentException("The bytes are no picture.", nameof(picture));
        return Of(bitmap);
    }

    /// <summary>The picture as a file's bytes. What is transparent becomes white.</summary>
    /// <param name="bitmap">The picture; not owned.</param>
    public static byte[] Of(SKBitmap bitmap)
    {
        ArgumentNullException.ThrowIfNull(bitmap);
        var pixels = bitmap.Pixels.Select(OnWhite).ToArray();
        var palette = Palette(pixels);
        var nearest = new Dictionary<SKColor, byte>();
        using var rows = new MemoryStream();
        using (var packed = new ZLibStream(rows, CompressionLevel.SmallestSize, leaveOpen: true))
        {
            for (var start = 0; start < pixels.Length; start += bitmap.Width)
            {
                packed.WriteByte(0); // No filter: an index is no quantity that its neighbour could predict.
                foreach (var pixel in pixels.AsSpan(start, bitmap.Width))
                {
                    if (!nearest.TryGetValue(pixel, out var index))
                        nearest[pixel] = index = (byte)Enumerable.Range(0, palette.Length).MinBy(place => Distance(palette[place], pixel));
                    packed.WriteByte(index);
                }
            }
        }

        var header = new byte[13];
        BinaryPrimitives.WriteInt32BigEndian(header, bitmap.Width);
        BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4), bitmap.Height);
        (header[8], header[9]) = (8, 3); // Eight bits an index; a palette.
        using var file = new MemoryStream();
        file.Write(Signature);
        Chunk(file, "IHDR", header);
        Chunk(file, "PLTE", [.. palette.SelectMany(colour => new[] { colour.Red, colour.Green, colour.Blue })]);
        Chunk(file, "IDAT", rows.ToArray());
        Chunk(file, "IEND", []);
        return file.ToArray();
    }

    /// <summary>The commonest colours, none of which is near one that is in already; then the commonest of the rest.</summary>
    private static SKColor[] Palette(SKColor[] pixels)
    {
        var byFrequency = pixels.CountBy(pixel => pixel).OrderByDescending(count => count.Value).ThenBy(count => (uint)count.Key).Select(count => count.Key).ToArray();
        var palette = new List<SKColor>();
        foreach (var apart in new[] { 1_500, 400, 0 })
            foreach (var colour in byFrequency)
                if (palette.Count < Colours && palette.All(taken => Distance(taken, colour) > apart))
                    palette.Add(colour);
        return [.. palette];
    }

    private static SKColor OnWhite(SKColor colour)
    {
        byte Mixed(byte part) => (byte)(((part * colour.Alpha) + (255 * (255 - colour.Alpha)) + 127) / 255);
        return new(Mixed(colour.Red), Mixed(colour.Green), Mixed(colour.Blue));
    }

    private static int Distance(SKColor one, SKColor other)
    {
        var (red, green, blue) = (one.Red - other.Red, one.Green - other.Green, one.Blue - other.Blue);
        return (red * red) + (green * green) + (blue * blue);
    }

    private static void Chunk(Stream file, string type, byte[] data)
    {
        byte[] named = [.. Encoding.ASCII.GetBytes(type), .. data];
        Span<byte> number = stackalloc byte[4];
        BinaryPrimitives.WriteInt32BigEndian(number, data.Length);
        file.Write(number);
        file.Write(named);
        BinaryPrimitives.WriteUInt32BigEndian(number, Checksum(named));
        file.Write(number);
    }

    /// <summary>CRC-32 as the PNG specification defines it.</summary>
    private static uint Checksum(byte[] bytes)
    {
        var sum = uint.MaxValue;
        foreach (var part in bytes)
        {
            sum ^= part;
            for (var bit = 0; bit < 8; bit++)
                sum = (sum >> 1) ^ (0xEDB88320 & (0 - (sum & 1)));
        }

        return ~sum;
    }
}
