using System.Buffers;
using SkiaSharp;

namespace MappingNets;

/// <summary>Where a picture's bytes are: in a file, or in memory.</summary>
internal sealed class PictureSource : IDisposable
{
    private readonly Func<SKData> read;
    private readonly FileStream? file;
    private SKData? data;

    private PictureSource(string name, long length, Func<SKData> read, FileStream? file) =>
        (Name, Length, this.read, this.file) = (name, length, read, file);

    /// <summary>Its name in messages.</summary>
    public string Name { get; }

    /// <summary>Its bytes.</summary>
    public long Length { get; }

    private SKData Data => data ??= read();

    /// <summary>A file that exists. It is read once, when its header or its pixels are asked for.</summary>
    /// <param name="path">Its path.</param>
    public static PictureSource Of(string path)
    {
        var file = InputFile.Open(path);
        try
        {
            var length = file.Length;
            return new(path, length, () => ReadWhole(path, file, length), file);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>The bytes of a file.</summary>
    /// <param name="bytes">All of them.</param>
    public static PictureSource Of(ReadOnlyMemory<byte> bytes) => new("the picture's bytes", bytes.Length, () => SKData.CreateCopy(bytes.Span), null);

    /// <summary>How it describes itself if it is a PNG file.</summary>
    public PngHeader? Header() => PngHeader.Of(Data.AsSpan());

    /// <summary>Begins to decode it; null where SkiaSharp does not know the format.</summary>
    public SKCodec? Codec() => SKCodec.Create(Data);

    /// <summary>Frees the bytes, and closes the file.</summary>
    public void Dispose()
    {
        data?.Dispose();
        file?.Dispose();
    }

    private static SKData ReadWhole(string path, FileStream file, long length)
    {
        if (length > Array.MaxLength)
            throw new DatasetFormatException(path, $"has {length} bytes; at most {Array.MaxLength} are read.");
        // Rented: thousands of arrays a second would be the collector's work.
        var bytes = ArrayPool<byte>.Shared.Rent((int)length);
        try
        {
            // A file that was cut meanwhile is a damaged picture.
            return SKData.CreateCopy(bytes.AsSpan(0, file.ReadAtLeast(bytes.AsSpan(0, (int)length), (int)length, throwOnEndOfStream: false)));
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(bytes);
        }
    }
}
