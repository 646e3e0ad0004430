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

    [Fact]
    public void Batches_have_each_picture_with_its_label_in_the_batchs_order()
    {
        for (var number = 0; number < 6; number++)
            folder.Write(Pictures.Colour(3, 3, (byte)(40 * number), 0, 0), $"class-{number % 2}", $"{number}.png");
        using var data = ImageFolder.Open(folder.Path, 3, 3, means: [0, 0, 0], deviations: [1, 1, 1]);
        var seen = new List<(int Red, long Label)>();
        foreach (var batch in data.Batches(4, seed: 5, epoch: 1))
            using (batch)
            using (NewDisposeScope())
                for (var place = 0; place < batch.Count; place++)
                {
                    Assert.Equal(0, batch.Inputs[place, 1..].abs().sum().item<float>());
                    seen.Add(((int)MathF.Round(255 * batch.Inputs[place, 0, 2, 2].item<float>()), batch.Targets[place].item<long>()));
                }

        Assert.Equal(Enumerable.Range(0, 6).Select(number => (40 * number, (long)(number % 2))), seen.Order());
        Assert.NotEqual(seen.Order(), seen);
    }

    [Fact]
    public void Pictures_are_kept_as_far_as_their_memory_goes_and_the_others_read_again()
    {
        foreach (var name in new[] { "a", "b" })
            folder.Write(Pictures.Colour(2, 2, 100, 0, 0), "only", $"{name}.png");
        // Each picture takes 12 bytes.
        using var data = ImageFolder.Open(folder.Path, 2, 2, means: [0, 0, 0], deviations: [1, 1, 1], keepBytes: 23);
        Assert.Equal([100, 100], Reds(data));
        foreach (var name in new[] { "a", "b" })
            folder.Write(Pictures.Colour(2, 2, 200, 0, 0), "only", $"{name}.png");
        Assert.Equal([100, 200], Reds(data));
        using var none = ImageFolder.Open(folder.Path, 2, 2, means: [0, 0, 0], deviations: [1, 1, 1]);
        Assert.Equal([200, 200], Reds(none));
        Assert.Throws<ArgumentOutOfRangeException>("keepBytes", () => ImageFolder.Open(folder.Path, 2, 2, keepBytes: -1));
    }

    private static int[] Reds(Dataset data)
    {
        using var all = data.ToMemory();
        return [.. all.Inputs[.., 0, 1, 1].data<float>().Select(value => (int)MathF.Round(255 * value))];
    }
}
