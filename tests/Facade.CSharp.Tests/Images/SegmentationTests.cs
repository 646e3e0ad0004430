using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

public sealed class SegmentationTests : IDisposable
{
    private static readonly string[] Names = ["sky", "road", "car"];

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    private Dataset Open(int height, int width, IReadOnlyList<int>? ids = null, string? imageEnd = null, string maskEnd = ".png") =>
        SegmentationFolder.Open(folder.File("images"), folder.File("masks"), Names, height, width, ids, imageEnd, maskEnd);

    [Fact]
    public void Pictures_and_masks_of_one_path_are_read_together_with_255_ignored()
    {
        using var scope = NewDisposeScope();
        folder.Write(Pictures.Colour(3, 2, 255, 0, 51), "images", "b", "two.png");
        folder.Write(Pictures.Grey(3, 0, 1, 2, 255, 2, 1), "masks", "b", "two.png");
        folder.Write(Pictures.Colour(3, 2, 0, 0, 0, jpeg: true), "images", "a.jpg");
        folder.Write(Pictures.Grey(3, 1, 1, 1, 0, 0, 0), "masks", "a.png");

        using var data = Open(2, 3);
        using var all = data.ToMemory();

        Assert.Equal(Names, data.ClassNames);
        Assert.Equal([1L, 1, 1, 0, 0, 0, 0, 1, 2, Dataset.IgnoredLabel, 2, 1], all.Labels.data<long>());
        Assert.Equal([1f, -1, -0.6f], all.Inputs[1, .., 0, 0].data<float>().Select(value => MathF.Round(value, 5)));
    }

    [Fact]
    public void Ids_and_ends_of_names_choose_classes_and_files_and_masks_are_scaled_by_the_nearest_pixel()
    {
        using var scope = NewDisposeScope();
        folder.Write(Pictures.Colour(4, 2, 9, 9, 9), "images", "x_photo.png");
        folder.Write(Pictures.Colour(4, 2, 9, 9, 9), "images", "x_depth.png");
        folder.Write(Pictures.Grey(4, 7, 7, 33, 33, 7, 7, 33, 33), "masks", "x_ids.png");

        using var data = Open(1, 2, ids: [3, 33, 9], imageEnd: "_photo.png", maskEnd: "_ids.png");
        using var all = data.ToMemory();

        Assert.Equal([Dataset.IgnoredLabel, 1L], all.Labels.data<long>());
    }

    [Fact]
    public void Faulty_folders_and_masks_are_refused_by_name()
    {
        Assert.Throws<DirectoryNotFoundException>(() => Open(2, 3));
        Directory.CreateDirectory(folder.File("images"));
        Directory.CreateDirectory(folder.File("masks"));
        Assert.Contains("holds no .png or .jpg", Assert.Throws<DatasetFormatException>(() => Open(2, 3)).Message);
        folder.Write(Pictures.Colour(3, 2, 0, 0, 0), "images", "one.png");
        Assert.Contains("has no mask", Assert.Throws<DatasetFormatException>(() => Open(2, 3)).Message);
        folder.Write(Pictures.Grey(3, 0, 1, 2, 3, 0, 0), "masks", "one.png");
        using var data = Open(2, 3);
        Assert.Contains("a pixel of the value 3; with 3 classes", Assert.Throws<DatasetFormatException>(() => data.ToMemory()).Message);
        Assert.Contains("one from 0 to 255 for each of 3", Assert.Throws<ArgumentException>("ids", () => Open(2, 3, ids: [1, 1, 2])).Message);
        Assert.Throws<ArgumentException>("ids", () => Open(2, 3, ids: [1, 2]));
    }

    [Fact]
    public void A_network_learns_pixels_and_ignored_ones_count_neither_for_nor_against_it()
    {
        using var scope = NewDisposeScope();
        var images = (Small.Uniform(12, 1, 4, 4) - 0.5).sign();
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
