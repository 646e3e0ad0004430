using MappingNets.Experiments.Reporting;
using MappingNets.Experiments.SyntheticData;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

public sealed class CamVidTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    /// <summary>Scenes in which each pixel has a class of its own, and the class's number as its colour.</summary>
    private static Dataset Scenes(int count, int height, int width)
    {
        using var scope = NewDisposeScope();
        var numbers = arange(count * height * width, dtype: int64).reshape(count, height, width);
        return Dataset.FromTensors(
            numbers.to(float32).unsqueeze(1).expand(count, 3, height, width).clone(), numbers, [.. Enumerable.Range(0, count * height * width).Select(number => $"{number}")]);
    }

    [Fact]
    public void A_split_has_the_classes_of_the_file_and_ignores_255()
    {
        using var scope = NewDisposeScope();
        folder.Write("sky\nroad\n\ncar\n"u8.ToArray(), "classes.txt");
        folder.Write(Pictures.Colour(3, 2, 255, 0, 51), "images", "val", "b.png");
        folder.Write(Pictures.Grey(3, 0, 1, 2, 255, 1, 0), "masks", "val", "b.png");

        using var data = CamVid.Open(folder.Path, "val", height: 2, width: 3);
        using var all = data.ToMemory();

        Assert.Equal(["sky", "road", "car"], data.ClassNames);
        Assert.Equal([0L, 1, 2, Dataset.IgnoredLabel, 1, 0], all.Labels.data<long>());
        Assert.Throws<DirectoryNotFoundException>(() => CamVid.Open(folder.Path, "train"));
        folder.Write("\n"u8.ToArray(), "classes.txt");
        Assert.Contains("names no class", Assert.Throws<DatasetFormatException>(() => CamVid.Open(folder.Path, "val")).Message);
        File.Delete(folder.File("classes.txt"));
        Assert.Contains("lacks 'classes.txt'", Assert.Throws<FileNotFoundException>(() => CamVid.Open(folder.Path, "val")).Message);
    }

    [Theory]
    [InlineData(6, 8, 4, 5)]
    [InlineData(5, 7, 3, 6)]
    [InlineData(4, 4, 4, 4)]
    public void Four_corners_judge_each_pixel_once_and_keep_it_on_its_label(int height, int width, int cornerHeight, int cornerWidth)
    {
        using var scope = NewDisposeScope();
        using var scenes = Scenes(2, height, width);

        using var corners = CamVid.Corners(scenes, cornerHeight, cornerWidth).ToMemory();

        Assert.Equal(8, corners.Count);
        var judged = corners.Labels.ne(Dataset.IgnoredLabel);
        Assert.Equal(Enumerable.Range(0, 2 * height * width).Select(number => (long)number), corners.Labels.masked_select(judged).data<long>().ToArray().Order());
        Assert.Equal(
            corners.Labels.masked_select(judged).to(float32).data<float>().ToArray(), corners.Inputs[.., 1].masked_select(judged).data<float>().ToArray());
    }

    [Fact]
    public void Middles_are_cut_evenly_and_what_does_not_fit_is_refused()
    {
        using var scope = NewDisposeScope();
        using var scenes = Scenes(3, 6, 8);

        using var middles = CamVid.Middles(scenes, 4, 2, every: 2).ToMemory();

        Assert.Equal([11L, 12, 19, 20, 27, 28, 35, 36], middles.Labels[0].data<long>());
        Assert.Equal((2, 11 + (2 * 48)), (middles.Count, (int)middles.Inputs[1, 0, 0, 0].item<float>()));
        Assert.Contains("do not cover pictures of 6 x 8", Assert.Throws<ArgumentException>(() => CamVid.Corners(scenes, 2, 8)).Message);
        Assert.Contains("7 x 8 pixels cannot be cut out of", Assert.Throws<ArgumentException>(() => CamVid.Middles(scenes, 7, 8)).Message);
    }

    [Fact]
    public void What_is_published_of_Cityscapes_stands_beside_no_other_scenes()
    {
        Assert.NotEmpty(PublishedTables.Of("segmentation", "direct", "cityscapes"));
        Assert.Empty(PublishedTables.Of("segmentation", "direct", "camvid"));
        Assert.Empty(PublishedTables.Of("segmentation", "direct", "camvid-half"));
    }
}
