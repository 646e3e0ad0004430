using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

public sealed class CifarAndImageFolderTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    // Labels, then 1,024 bytes each of red, green and blue.
    private static byte[] Record(byte red, byte green, byte blue, params byte[] labels) =>
        [.. labels, .. Enumerable.Repeat(red, 1024), .. Enumerable.Repeat(green, 1024), .. Enumerable.Repeat(blue, 1024)];

    [Fact]
    public void Cifar10_is_read_from_all_its_files_in_order()
    {
        using var scope = NewDisposeScope();
        for (byte number = 1; number <= 5; number++)
            folder.Write($"data_batch_{number}.bin", [.. Record(255, 0, 51, number), .. Record(0, 0, 0, 0)]);
        folder.Write("test_batch.bin", Record(0, 255, 0, 9));

        var (training, test) = Cifar.Load10(folder.Path);
        using var all = training.ToMemory();
        using var one = test.ToMemory();

        Assert.Equal([10L, 3, 32, 32], all.Inputs.shape);
        Assert.Equal([1L, 0, 2, 0, 3, 0, 4, 0, 5, 0], all.Labels.data<long>());
        Assert.Equal("truck", test.ClassNames[(int)one.Labels.item<long>()]);
        var pixel = all.Inputs[2, .., 31, 31].data<float>().ToArray();
        Assert.Equal((1 - 0.4914) / 0.2470, pixel[0], 1e-5);
        Assert.Equal(-0.4822 / 0.2435, pixel[1], 1e-5);
        Assert.Equal((0.2 - 0.4465) / 0.2616, pixel[2], 1e-5);
    }

    [Fact]
    public void Cifar100_has_a_coarse_label_first_and_100_fine_classes()
    {
        using var scope = NewDisposeScope();
        folder.Write("train.bin", Record(0, 0, 0, 4, 99));
        folder.Write("test.bin", Record(0, 0, 0, 4, 0));

        var (training, test) = Cifar.Load100(folder.Path);
        using var all = training.ToMemory();

        Assert.Equal(99, all.Labels.item<long>());
        Assert.Equal((100, "apple", "worm"), (test.ClassNames.Distinct().Count(), test.ClassNames[0], test.ClassNames[99]));
        Assert.Equal(test.ClassNames.Order(StringComparer.Ordinal), test.ClassNames);
    }

    [Fact]
    public void Faulty_cifar_files_are_refused_by_name()
    {
        Assert.Contains("'train.bin'", Assert.Throws<FileNotFoundException>(() => Cifar.Load100(folder.Path)).Message);
        folder.Write("test.bin", Record(0, 0, 0, 4, 0));
        folder.Write("train.bin", Record(0, 0, 0, 4, 100));
        Assert.Contains("the label 100 in record 0", Assert.Throws<DatasetFormatException>(() => Cifar.Load100(folder.Path)).Message);
        folder.Write("train.bin", Record(0, 0, 0, 4, 9)[1..]);
        Assert.Contains("has 3073 bytes", Assert.Throws<DatasetFormatException>(() => Cifar.Load100(folder.Path)).Message);
    }

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
