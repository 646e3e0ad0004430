using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

public sealed class ImageDatasetTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    private Dataset Load(byte[] images, byte[] labels, double mean = 0.5, double deviation = 0.25) =>
        ImageDataset.FromIdx(folder.Write("images", images), folder.Write("labels", labels), ["none", "some"], mean, deviation);

    [Fact]
    public void Pixels_are_normalised_and_labels_are_class_numbers()
    {
        using var data = Load(IdxBytes.Of([2, 1, 3], [0, 51, 255, 1, 2, 3]), IdxBytes.Of([2], [1, 0]));

        Assert.Equal([2L, 1, 1, 3], data.Inputs.shape);
        Assert.Equal([1L, 1, 3], data.InputShape);
        Assert.Equal(ScalarType.Float32, data.Inputs.dtype);
        Assert.Equal([-2f, -1.2f, 2f], data.Inputs.data<float>().Take(3).Select(x => MathF.Round(x, 5)));
        Assert.Equal([1L, 0], data.Labels.data<long>());
        Assert.Equal(["none", "some"], data.ClassNames);
    }

    public static TheoryData<byte[], byte[], string> Faulty => new()
    {
        { IdxBytes.Of([2, 1, 1], [0, 0]), IdxBytes.Of([3], [0, 1, 0]), "labels' holds 3 labels" },
        { IdxBytes.Of([2, 1, 1], [0, 0]), IdxBytes.Of([2], [0, 2]), "labels' has the label 2 at 1; with 2 classes it must be below 2" },
        { IdxBytes.Of([2], [0, 1]), IdxBytes.Of([2], [0, 1]), "images' has the shape (2); images are (number, height, width)" },
        { IdxBytes.Of([2, 1, 1], [0, 0]), IdxBytes.Of([2, 1], [0, 1]), "labels' has the shape (2, 1); labels are (number)" },
        { IdxBytes.Of([0, 1, 1], []), IdxBytes.Of([0], []), "holds no image" },
    };

    [Theory]
    [MemberData(nameof(Faulty))]
    public void Files_that_do_not_fit_are_refused_by_name(byte[] images, byte[] labels, string fault) =>
        Assert.Contains(fault, Assert.Throws<DatasetFormatException>(() => Load(images, labels)).Message);

    [Fact]
    public void A_scale_that_cannot_normalise_is_refused()
    {
        Assert.Throws<ArgumentOutOfRangeException>("standardDeviation", () => Load([], [], deviation: 0));
        Assert.Throws<ArgumentOutOfRangeException>("standardDeviation", () => Load([], [], deviation: double.NaN));
        Assert.Throws<ArgumentOutOfRangeException>("mean", () => Load([], [], mean: double.NaN));
    }
}
