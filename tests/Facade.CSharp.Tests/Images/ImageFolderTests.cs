using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

public sealed class ImageFolderTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Folders_are_classes_and_png_and_jpeg_are_scaled_and_normalised()
    {
        using var scope = NewDisposeScope();
        folder.Write(Pictures.Colour(8, 6, 255, 0, 51), "real", "a.png");
        folder.Write(Pictures.Colour(5, 5, 255, 255, 255, jpeg: true), "fake", "deep", "b.JPG");
        folder.Write([1, 2, 3], "fake", "notes.txt");

        using var data = ImageFolder.Open(folder.Path, 4, 3, means: [0, 0, 0], deviations: [1, 1, 0.5]);
        using var all = data.ToMemory();
        using var grey = ImageFolder.Open(folder.Path, 4, 3, channels: 1).ToMemory();

        Assert.Equal(["fake", "real"], data.ClassNames);
        Assert.Equal([2L, 3, 4, 3], all.Inputs.shape);
        Assert.Equal([0L, 1], all.Labels.data<long>());
        Assert.Equal([1f, 1, 2], all.Inputs[0, .., 3, 2].data<float>());
        Assert.Equal([1f, 0, 0.4f], all.Inputs[1, .., 3, 2].data<float>().Select(value => MathF.Round(value, 5)));
        // 0.299 of full red and 0.114 of a fifth of blue, from 0 .. 255 to -1 .. 1.
        Assert.Equal(82 / 127.5 - 1, grey.Inputs[1, 0, 0, 0].item<float>(), 1e-5);
    }

    [Fact]
    public void Faulty_image_folders_are_refused_by_name()
    {
        Assert.Throws<DirectoryNotFoundException>(() => ImageFolder.Open(folder.File("none"), 2, 2));
        Assert.Contains("holds no folder", Assert.Throws<DatasetFormatException>(() => ImageFolder.Open(folder.Path, 2, 2)).Message);
        folder.Write([1, 2, 3], "real", "notes.txt");
        Assert.Contains("real' is the folder of a class", Assert.Throws<DatasetFormatException>(() => ImageFolder.Open(folder.Path, 2, 2)).Message);
        folder.Write([1, 2, 3], "real", "bad.png");
        using (var bad = ImageFolder.Open(folder.Path, 2, 2))
            Assert.Contains("bad.png' is no image", Assert.Throws<DatasetFormatException>(() => bad.ToMemory()).Message);
        folder.Write(Pictures.Colour(64, 64, 1, 2, 3)[..80], "real", "bad.png");
        using (var cut = ImageFolder.Open(folder.Path, 2, 2))
            Assert.Contains("bad.png", Assert.Throws<DatasetFormatException>(() => cut.ToMemory()).Message);
        Assert.Throws<ArgumentException>("deviations", () => ImageFolder.Open(folder.Path, 2, 2, deviations: [1, 1, 0]));
        Assert.Throws<ArgumentOutOfRangeException>("channels", () => ImageFolder.Open(folder.Path, 2, 2, channels: 2));
    }
}
