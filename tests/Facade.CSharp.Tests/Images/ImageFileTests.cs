using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

/// <summary>How pixels, hidden files and links become samples, and which images are refused before they are decoded.</summary>
public sealed class ImageFileTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    /// <summary>The bytes of the first pixel of the only image, as it comes out at a size.</summary>
    private double[] FirstPixel(int side, ReadLimits? limits = null)
    {
        using var scope = NewDisposeScope();
        using var data = ImageFolder.Open(folder.Path, side, side, means: [0, 0, 0], deviations: [1, 1, 1], limits: limits);
        using var all = data.ToMemory();
        return [.. all.Inputs[0, .., 0, 0].data<float>().Select(value => Math.Round(value * 255.0))];
    }

    [Theory]
    [InlineData(0, 2)]
    [InlineData(1, 2)]
    [InlineData(128, 2)]
    [InlineData(0, 4)]
    public void A_pixel_keeps_its_colour_however_transparent_it_is(byte alpha, int side)
    {
        folder.Write(PngBytes.Of(2, 2, 8, 6, [0, 200, 60, 30, alpha, 200, 60, 30, alpha, 0, 200, 60, 30, alpha, 200, 60, 30, alpha]), "a", "it.png");

        Assert.Equal([200, 60, 30], FirstPixel(side));
    }

    [Fact]
    public void A_transparent_palette_and_16_bits_become_their_colours()
    {
        folder.Write(PngBytes.Of(1, 1, 8, 3, [0, 1], palette: [9, 9, 9, 250, 128, 7], transparency: [255, 0]), "a", "it.png");
        Assert.Equal([250, 128, 7], FirstPixel(1));

        folder.Write(PngBytes.Of(1, 1, 16, 0, [0, 0x80, 0x00]), "a", "it.png");
        Assert.Equal([128, 128, 128], FirstPixel(1));
    }

    [Fact]
    public void An_image_that_claims_too_many_pixels_is_refused_before_it_is_decoded()
    {
        folder.Write(PngBytes.Of(60_000, 60_000, 8, 0, [0, 1]), "a", "it.png");
        Assert.Contains("announces 60000 x 60000 pixels; at most 50000000", Assert.Throws<DatasetFormatException>(() => FirstPixel(2)).Message);

        folder.Write(PngBytes.Of(2, 1, 8, 0, [0, 7, 7]), "a", "it.png");
        Assert.Contains("announces 2 x 1 pixels; at most 1 ", Assert.Throws<DatasetFormatException>(() => FirstPixel(1, new() { Pixels = 1 })).Message);
        Assert.Contains("at most 9 are read", Assert.Throws<DatasetFormatException>(() => FirstPixel(1, new() { Bytes = 9 })).Message);
        Assert.Equal([7, 7, 7], FirstPixel(1, new() { Pixels = 2 }));
        // A size within the limit that so few bytes cannot hold, and one that they could but do not fill.
        folder.Write(PngBytes.Of(7_000, 7_000, 16, 6, [0, 1]), "a", "it.png");
        Assert.Contains("announces 7000 x 7000 pixels, more than its ", Assert.Throws<DatasetFormatException>(() => FirstPixel(2)).Message);
        folder.Write(PngBytes.Of(200, 200, 8, 0, [0, 1]), "a", "it.png");
        Assert.Contains("it.png' is a damaged image", Assert.Throws<DatasetFormatException>(() => FirstPixel(2)).Message);
    }

    [Fact]
    public void Sixteen_bits_of_colour_palettes_of_few_bits_and_marked_transparency_become_their_colours()
    {
        folder.Write(PngBytes.Of(1, 1, 16, 2, [0, 200, 9, 60, 99, 30, 250]), "a", "it.png");
        Assert.Equal([200, 60, 30], FirstPixel(1));
        folder.Write(PngBytes.Of(1, 1, 16, 6, [0, 200, 0, 60, 0, 30, 0, 0, 7]), "a", "it.png");
        Assert.Equal([200, 60, 30], FirstPixel(1));
        folder.Write(PngBytes.Of(1, 1, 2, 3, [0, 0x80], palette: [0, 0, 0, 1, 1, 1, 250, 128, 7]), "a", "it.png");
        Assert.Equal([250, 128, 7], FirstPixel(1));
        // One colour marked as transparent, of images without alpha.
        folder.Write(PngBytes.Of(1, 1, 8, 2, [0, 200, 60, 30], transparency: [0, 200, 0, 60, 0, 30]), "a", "it.png");
        Assert.Equal([200, 60, 30], FirstPixel(1));
        folder.Write(PngBytes.Of(1, 1, 8, 0, [0, 77], transparency: [0, 77]), "a", "it.png");
        Assert.Equal([77, 77, 77], FirstPixel(1));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Grey_and_coloured_JPEG_files_are_read_baseline_and_progressive(bool isProgressive)
    {
        folder.Write(JpegBytes.Of([[77]], isProgressive), "a", "it.jpg");
        Assert.Equal([77, 77, 77], FirstPixel(8));
        // Y = 82, Cb = 110, Cr = 200: R = Y + 1.402 (Cr - 128), G = Y - 0.344 (Cb - 128) - 0.714 (Cr - 128), B = Y + 1.772 (Cb - 128).
        folder.Write(JpegBytes.Of([[82, 110, 200]], isProgressive), "a", "it.jpg");
        Assert.All(FirstPixel(8).Zip([183.0, 37, 50]), pair => Assert.InRange(pair.First, pair.Second - 1, pair.Second + 1));
    }

    [Fact]
    public void A_CMYK_JPEG_becomes_the_colours_that_its_inks_leave()
    {
        // As Adobe stores them, 255 is no ink: C = 20%, M = 60%, Y = 100%, K = 20%.
        folder.Write(JpegBytes.Of([[204, 102, 0, 204]], false, JpegBytes.Adobe(0)), "a", "it.jpg");

        Assert.All(FirstPixel(8).Zip([163.0, 82, 0]), pair => Assert.InRange(pair.First, pair.Second - 2, pair.Second + 2));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(6)]
    public void An_EXIF_orientation_is_not_applied(byte orientation)
    {
        folder.Write(JpegBytes.Of([[40], [200]], false, JpegBytes.Orientation(orientation)), "a", "it.jpg");
        using var data = ImageFolder.Open(folder.Path, 8, 16, means: [0, 0, 0], deviations: [1, 1, 1]);
        using var all = data.ToMemory();

        using var scope = NewDisposeScope();
        Assert.Equal(40 / 255f, all.Inputs[0, 0, 7, 0].item<float>(), 1e-4f);
        Assert.Equal(200 / 255f, all.Inputs[0, 0, 0, 15].item<float>(), 1e-4f);
    }

    [Theory]
    [InlineData(1, 0, "1-bit grey")]
    [InlineData(2, 0, "2-bit grey")]
    [InlineData(4, 0, "4-bit grey")]
    [InlineData(16, 0, "16-bit grey")]
    [InlineData(8, 4, "8-bit grey with alpha")]
    [InlineData(8, 3, "8-bit palette")]
    [InlineData(8, 2, "8-bit colour")]
    public void A_mask_of_any_other_kind_than_8_bit_grey_is_refused(byte depth, byte colourType, string kind)
    {
        folder.Write(Pictures.Colour(2, 2, 1, 2, 3), "images", "it.png");
        folder.Write(PngBytes.Of(1, 1, depth, colourType, [0, 0, 7, 0, 7, 0], palette: colourType == 3 ? new byte[24] : null), "masks", "it.png");
        using var data = SegmentationFolder.Open(folder.File("images"), folder.File("masks"), ["a", "b"], 1, 1, ids: [7, 112]);

        Assert.Contains($"is a {kind} PNG; a mask must be 8-bit grey", Assert.Throws<DatasetFormatException>(() => data.ToMemory()).Message);
    }

    [Fact]
    public void Other_formats_than_PNG_and_JPEG_and_masks_that_are_no_PNG_are_refused_whatever_their_names()
    {
        using var bitmap = new SkiaSharp.SKBitmap(1, 1, SkiaSharp.SKColorType.Gray8, SkiaSharp.SKAlphaType.Opaque);
        using var webp = bitmap.Encode(SkiaSharp.SKEncodedImageFormat.Webp, 100);
        folder.Write(webp.ToArray(), "a", "it.png");
        Assert.Contains("it.png' is a Webp file, whatever its name", Assert.Throws<DatasetFormatException>(() => FirstPixel(1)).Message);

        folder.Write(Pictures.Colour(1, 1, 1, 2, 3), "images", "it.png");
        folder.Write(JpegBytes.Of([[77]]), "masks", "it.png");
        using var data = SegmentationFolder.Open(folder.File("images"), folder.File("masks"), ["a", "b"], 1, 1, ids: [0, 77]);
        Assert.Contains("is no PNG file; a mask must be", Assert.Throws<DatasetFormatException>(() => data.ToMemory()).Message);
    }

    [Fact]
    public void Hidden_files_and_folders_are_left_out_and_links_lead_nowhere_twice()
    {
        folder.Write(Pictures.Colour(1, 1, 1, 1, 1), "a", "it.png");
        folder.Write([1, 2, 3], "a", "._it.png");
        folder.Write([1, 2, 3], "a", ".cache", "x.png");
        folder.Write([1, 2, 3], ".git", "x.png");
        folder.Write(Pictures.Colour(1, 1, 2, 2, 2), "elsewhere.png");
        Directory.CreateSymbolicLink(folder.File("a/circle"), folder.File("a"));
        File.CreateSymbolicLink(folder.File("a/link.png"), folder.File("elsewhere.png"));
        Directory.CreateSymbolicLink(folder.File("b"), folder.File("a"));

        using (var data = ImageFolder.Open(folder.Path, 1, 1))
            Assert.Equal((4, "a,b"), (data.Count, string.Join(',', data.ClassNames)));

        File.Delete(folder.File("elsewhere.png"));
        Assert.Contains("link.png' is a link to a file that is not there", Assert.Throws<DatasetFormatException>(() => ImageFolder.Open(folder.Path, 1, 1)).Message);
    }
}
