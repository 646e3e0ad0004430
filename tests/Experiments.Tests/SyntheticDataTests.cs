using MappingNets.Experiments.SyntheticData;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

/// <summary>What the examples make where no real data is named goes through the loaders of the real formats.</summary>
public sealed class SyntheticDataTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Synthetic_hours_are_read_as_the_Beijing_data_gaps_and_all()
    {
        SyntheticAirQuality.Write(folder.Path, 800, seed: 4);

        using var air = AirQuality.Load(folder.Path);

        Assert.Equal(67, air.FeatureNames.Count);
        // 800 hours less the first window would be 776 targets, but some hours have no value of their own.
        Assert.InRange(air.Training.Count + air.Test.Count, 700, 775);
        Assert.Equal(12, Directory.GetFiles(folder.Path, "PRSA_Data_*.csv").Length);
        Assert.All(Directory.GetFiles(folder.Path, "PRSA_Data_*.csv"), path => Assert.Contains(",NA,", File.ReadAllText(path)));
    }

    [Fact]
    public void Synthetic_scenes_are_read_as_Cityscapes()
    {
        using var scope = NewDisposeScope();
        SyntheticStreetScenes.Write(folder.Path, 6, 2, 32, seed: 4);

        using var training = Cityscapes.Open(folder.Path, "train", 32, 64);
        using var all = training.ToMemory();
        using var validation = Cityscapes.Open(folder.Path, "val", 32, 64);

        Assert.Equal((6, 2), (training.Count, validation.Count));
        var classes = all.Labels.unique().output.data<long>().ToArray();
        // Ignored, road, sidewalk, building, sky and car are in every handful of scenes.
        Assert.Subset(new HashSet<long>(classes), new HashSet<long> { Dataset.IgnoredLabel, 0, 1, 2, 10, 13 });
        // A picture of one colour would teach nothing.
        Assert.All(Enumerable.Range(0, 6), scene => Assert.True(all.Inputs[scene].std().item<float>() > 0.1));
    }

    [Fact]
    public void Synthetic_features_are_read_from_npy_files_half_of_them_fake()
    {
        using var scope = NewDisposeScope();
        SyntheticDeepfakeFeatures.Write(folder.Path, 10, 4, seed: 4);

        using var data = FeatureVectors.FromNpy(folder.File("train_features.npy"), folder.File("train_labels.npy"), ["real", "fake"]);
        using var test = FeatureVectors.FromNpy(folder.File("test_features.npy"), folder.File("test_labels.npy"), ["real", "fake"]);

        Assert.Equal(Targets.Cnn2ForFeatures().InputShape, data.InputShape);
        Assert.Equal((10, 4, 5L), (data.Count, test.Count, data.Labels.sum().item<long>()));
    }

    [RealFashionMnistFact]
    public void Pictures_of_FashionMNIST_are_read_as_CIFAR_and_are_the_same_pictures()
    {
        using var scope = NewDisposeScope();
        FashionAsCifar.Write(folder.Path, 12, 3);

        var (training, test) = Cifar.Load10(folder.Path);
        using var asCifar = training.ToMemory();
        var (original, originalTest) = FashionMnist.Load();

        Assert.Equal((12, 3), (training.Count, test.Count));
        Assert.Equal(original.Labels[..12].data<long>(), asCifar.Labels.data<long>());
        var grey = (original.Inputs[11, 0] * FashionMnist.StandardDeviation) + FashionMnist.Mean;
        var blue = (asCifar.Inputs[11, 2, 2..30, 2..30] * 0.2616) + 0.4465;
        Assert.True(grey.allclose(blue, atol: 1e-4));
        original.Dispose();
        originalTest.Dispose();
    }

    [Fact]
    public void The_same_seed_makes_the_same_files()
    {
        foreach (var (name, seed) in new[] { ("one", 7UL), ("again", 7UL), ("other", 8UL) })
        {
            SyntheticAirQuality.Write(folder.File(name), 30, seed);
            SyntheticStreetScenes.Write(folder.File(name), 1, 1, 16, seed);
            SyntheticDeepfakeFeatures.Write(folder.File(name), 2, 2, seed);
        }

        foreach (var path in Directory.GetFiles(folder.File("one"), "*", SearchOption.AllDirectories).Where(path => !path.EndsWith("labels.npy", StringComparison.Ordinal)))
        {
            byte[] In(string name) => File.ReadAllBytes(Path.Combine(folder.File(name), Path.GetRelativePath(folder.File("one"), path)));
            Assert.Equal(File.ReadAllBytes(path), In("again"));
            if (!path.EndsWith("labelIds.png", StringComparison.Ordinal) && Path.GetFileName(path) != SyntheticMarker.FileName)
                Assert.NotEqual(File.ReadAllBytes(path), In("other"));
        }
    }
}
