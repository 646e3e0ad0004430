using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

public sealed class SegmentationTests : IDisposable
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

    [Fact]
    public void A_network_learns_pixels_and_ignored_ones_count_neither_for_nor_against_it()
    {
        using var scope = NewDisposeScope();
        var images = (rand(12, 1, 4, 4) - 0.5).sign();
        // Bright pixels are class 1; the first row is without a class, and the last image is so throughout.
        var labels = images.squeeze(1).gt(0).to(ScalarType.Int64);
        labels[.., 0] = Dataset.IgnoredLabel;
        labels[11] = Dataset.IgnoredLabel;
        using var data = Dataset.FromTensors(images, labels, ["dark", "bright"]);
        var target = TargetNetwork.Input(1, 4, 4).Conv2d(2, 1).Build();
        using var model = MappingNetwork.For(target).SingleLatent(4).Build();

        var report = new Trainer(model, new() { Epochs = 30, BatchSize = 1 }).Fit(data);
        var result = Evaluation.Of(model, data);

        Assert.Equal(1, report.History[^1].TrainingAccuracy);
        Assert.Equal(1, result.Accuracy);
        using var flat = TargetNetwork.Input(1, 4, 4).Flatten().Linear(2).Build() is var one ? MappingNetwork.For(one).SingleLatent(2).Build() : null;
        Assert.Contains("needs one label", Assert.Throws<ArgumentException>(() => Evaluation.Of(flat!, data)).Message);
        using var smaller = Dataset.FromTensors(images, labels[.., 1..], ["dark", "bright"]);
        Assert.Contains("one for each place, (4, 4)", Assert.Throws<ArgumentException>(() => Evaluation.Of(model, smaller)).Message);
        Assert.Contains("Label 0 is -1", Assert.Throws<ArgumentException>(
            () => Dataset.FromTensors(zeros(1, 1), tensor(new[] { -1L }), ["one"])).Message);
    }
}
