using MappingNets.Experiments.SyntheticData;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

public sealed class CityscapesTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    private void Scene(string split, string city, string name, byte[] image, byte[]? labels)
    {
        folder.Write(image, "leftImg8bit", split, city, $"{name}_leftImg8bit.png");
        if (labels is not null)
            folder.Write(labels, "gtFine", split, city, $"{name}_gtFine_labelIds.png");
    }

    [Fact]
    public void Scenes_are_read_with_the_19_classes_and_everything_else_ignored()
    {
        using var scope = NewDisposeScope();
        Scene("train", "ulm", "ulm_0", Pictures.Colour(3, 2, 255, 0, 51), Pictures.Grey(3, 7, 8, 33, 0, 255, 19));
        Scene("train", "aachen", "aachen_0", Pictures.Colour(3, 2, 0, 0, 0), Pictures.Grey(3, 26, 26, 26, 29, 30, 31));

        using var data = Cityscapes.Open(folder.Path, "train", height: 2, width: 3);
        using var all = data.ToMemory();

        Assert.Equal(19, data.ClassNames.Count);
        Assert.Equal((2, "car"), (data.Count, data.ClassNames[13]));
        // Cities in alphabetical order.
        Assert.Equal([13L, 13, 13, -100, -100, 16, 0, 1, 18, -100, -100, 6], all.Labels.data<long>());
        Assert.Equal([1f, -1, -0.6f], all.Inputs[1, .., 0, 0].data<float>().Select(value => MathF.Round(value, 5)));
    }

    [Fact]
    public void Labels_are_scaled_by_the_nearest_pixel_so_no_class_is_made_up()
    {
        using var scope = NewDisposeScope();
        Scene("train", "ulm", "ulm_0", Pictures.Colour(4, 2, 9, 9, 9), Pictures.Grey(4, 7, 7, 33, 33, 7, 7, 33, 33));

        using var data = Cityscapes.Open(folder.Path, "train", height: 1, width: 2);
        using var all = data.ToMemory();

        Assert.Equal([0L, 18], all.Labels.data<long>());
    }

    [Fact]
    public void Faulty_folders_are_refused_by_name()
    {
        Assert.Throws<DirectoryNotFoundException>(() => Cityscapes.Open(folder.Path));
        Scene("train", "ulm", "ulm_0", Pictures.Colour(3, 2, 0, 0, 0), null);
        Assert.Contains("ulm_0_gtFine_labelIds.png", Assert.Throws<DatasetFormatException>(() => Cityscapes.Open(folder.Path)).Message);
        Scene("train", "ulm", "ulm_0", Pictures.Colour(3, 2, 0, 0, 0), Pictures.Colour(3, 2, 7, 7, 7));
        using var colours = Cityscapes.Open(folder.Path);
        Assert.Contains("must be 8-bit grey", Assert.Throws<DatasetFormatException>(() => colours.ToMemory()).Message);
        Directory.CreateDirectory(folder.File("leftImg8bit/val"));
        Assert.Contains("holds no file", Assert.Throws<DatasetFormatException>(() => Cityscapes.Open(folder.Path, "val")).Message);
    }
}
