using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

public sealed class PictureTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void A_picture_has_the_numbers_that_its_folder_gives_it_from_its_file_and_from_its_bytes()
    {
        using var scope = NewDisposeScope();
        var bytes = Pictures.Colour(9, 7, 250, 40, 90);
        folder.Write(bytes, "a", "it.png");
        using var data = ImageFolder.Open(folder.Path, 4, 5, means: [0.1, 0.2, 0.3], deviations: [0.5, 0.6, 0.7]);
        var expected = data.ToMemory().Inputs;

        var read = Picture.Read(Path.Combine(folder.Path, "a", "it.png"), 4, 5, means: [0.1, 0.2, 0.3], deviations: [0.5, 0.6, 0.7]);
        var uploaded = Picture.Read(bytes, 4, 5, means: [0.1, 0.2, 0.3], deviations: [0.5, 0.6, 0.7]);

        Assert.Equal([1L, 3, 4, 5], read.shape);
        Assert.True(expected.equal(read).all().item<bool>());
        Assert.True(expected.equal(uploaded).all().item<bool>());
        Assert.Equal([1L, 1, 2, 2], Picture.Read(bytes, 2, 2, channels: 1).shape);
    }

    [Fact]
    public void What_is_no_picture_or_too_large_is_refused_by_name()
    {
        Assert.Contains("none.png", Assert.Throws<FileNotFoundException>(() => Picture.Read(folder.File("none.png"), 2, 2)).Message);
        Assert.Contains("bytes' is no image", Assert.Throws<DatasetFormatException>(() => Picture.Read(new byte[] { 1, 2, 3 }, 2, 2)).Message);
        var bytes = Pictures.Colour(9, 7, 250, 40, 90);
        var damaged = (byte[])bytes.Clone();
        damaged[^30] ^= 0x55;
        Assert.Contains("9 x 7 pixels; at most 62", Assert.Throws<DatasetFormatException>(() => Picture.Read(bytes, 2, 2, limits: new() { Pixels = 62 })).Message);
        Assert.Contains("damaged", Assert.Throws<DatasetFormatException>(() => Picture.Read(damaged, 2, 2)).Message);
        Assert.Throws<ArgumentOutOfRangeException>("height", () => Picture.Read(bytes, 0, 2));
        Assert.Throws<ArgumentOutOfRangeException>("channels", () => Picture.Read(bytes, 2, 2, channels: 2));
    }

    [Theory]
    [InlineData(50_000, 50_000, 3)]
    [InlineData(13_400, 13_400, 3)]
    [InlineData(1, 536_870_898, 1)]
    [InlineData(int.MaxValue, int.MaxValue, 3)]
    public void A_size_beyond_what_an_array_holds_is_refused_where_it_is_given(int height, int width, int channels)
    {
        var bytes = Pictures.Colour(1, 1, 250, 40, 90);
        folder.Write(bytes, "a", "it.png");
        folder.Write(Pictures.Grey(1, 0), "masks", "it.png");
        var images = folder.File("a");

        Refused(() => Picture.Read(bytes, height, width, channels));
        Refused(() => Picture.Read(Path.Combine(images, "it.png"), height, width, channels));
        Refused(() => ImageFolder.Open(folder.Path, height, width, channels));
        Refused(() => SegmentationFolder.Open(images, folder.File("masks"), ["only"], height, width, channels: channels));

        void Refused(Func<IDisposable> open)
        {
            var fault = Assert.Throws<ArgumentOutOfRangeException>("height", open);
            Assert.Contains($"{height} x {width}", fault.Message);
            Assert.Contains("height x width", fault.Message);
        }
    }

    [Fact]
    public void The_library_itself_does_not_need_the_decoder() =>
        Assert.DoesNotContain(typeof(Dataset).Assembly.GetReferencedAssemblies(), name => name.Name!.StartsWith("SkiaSharp", StringComparison.Ordinal));
}
