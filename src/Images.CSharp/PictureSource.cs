using SkiaSharp;

namespace MappingNets;

/// <summary>Where a picture's bytes are: in a file, or in memory.</summary>
/// <param name="Name">What messages call it.</param>
/// <param name="Length">Its bytes.</param>
/// <param name="Header">How it describes itself if it is a PNG file.</param>
/// <param name="Codec">Begins to decode it; null where SkiaSharp does not know the format.</param>
internal sealed record PictureSource(string Name, long Length, Func<PngHeader?> Header, Func<SKCodec?> Codec)
{
    /// <summary>A file that exists.</summary>
    /// <param name="path">Its path.</param>
    public static PictureSource Of(string path) => new(path, new FileInfo(path).Length, () => PngHeader.Of(path), () => SKCodec.Create(path));

    /// <summary>The bytes of a file.</summary>
    /// <param name="bytes">All of them.</param>
    public static PictureSource Of(ReadOnlyMemory<byte> bytes) => new(
        "the picture's bytes", bytes.Length, () => PngHeader.Of(bytes.Span), () => SKCodec.Create(SKData.CreateCopy(bytes.Span)));
}
