using SkiaSharp;

namespace MappingNets.Tests;

/// <summary>Small image files for tests.</summary>
public static class Pictures
{
    /// <summary>An image of one colour.</summary>
    public static byte[] Colour(int width, int height, byte red, byte green, byte blue, bool jpeg = false)
    {
        using var bitmap = new SKBitmap(width, height, SKColorType.Rgba8888, SKAlphaType.Opaque);
        bitmap.Erase(new SKColor(red, green, blue));
        using var data = bitmap.Encode(jpeg ? SKEncodedImageFormat.Jpeg : SKEncodedImageFormat.Png, 100);
        return data.ToArray();
    }

    /// <summary>An 8-bit grey PNG with given bytes, row by row.</summary>
    public static byte[] Grey(int width, params byte[] values)
    {
        using var bitmap = new SKBitmap(width, values.Length / width, SKColorType.Gray8, SKAlphaType.Opaque);
        for (var row = 0; row < bitmap.Height; row++)
            values.AsSpan(row * width, width).CopyTo(bitmap.GetPixelSpan()[(row * bitmap.RowBytes)..]);
        using var data = bitmap.Encode(SKEncodedImageFormat.Png, 100);
        return data.ToArray();
    }

    /// <summary>Writes a file below a folder, with the folders on the way.</summary>
    public static void Write(this TemporaryFolder folder, byte[] bytes, params string[] path)
    {
        var file = folder.File(Path.Combine(path));
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.WriteAllBytes(file, bytes);
    }
}
