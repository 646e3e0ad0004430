using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

public sealed class FashionMnistTests : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly string? named = Environment.GetEnvironmentVariable(FashionMnist.FolderVariable);

    public void Dispose()
    {
        Environment.SetEnvironmentVariable(FashionMnist.FolderVariable, named);
        Environment.SetEnvironmentVariable(Mnist.FolderVariable, null);
        folder.Dispose();
    }

    private void WriteFiles()
    {
        folder.Write("train-images-idx3-ubyte", IdxBytes.Of([3, 1, 1], [0, 0, 255]));
        folder.Write("train-labels-idx1-ubyte.gz", IdxBytes.Zipped(IdxBytes.Of([3], [9, 8, 7])));
        folder.Write("t10k-images-idx3-ubyte.gz", IdxBytes.Zipped(IdxBytes.Of([1, 1, 1], [0])));
        folder.Write("t10k-labels-idx1-ubyte", IdxBytes.Of([1], [5]));
    }

    private static void AssertTheFilesWritten((Dataset Training, Dataset Test) loaded)
    {
        using var training = loaded.Training;
        using var test = loaded.Test;
        Assert.Equal([9L, 8, 7], training.Labels.data<long>());
        Assert.Equal([5L], test.Labels.data<long>());
    }

    [Fact]
    public void The_folder_comes_from_the_argument_or_from_the_environment()
    {
        WriteFiles();

        AssertTheFilesWritten(FashionMnist.Load(folder.Path));
        Environment.SetEnvironmentVariable(FashionMnist.FolderVariable, folder.Path);
        AssertTheFilesWritten(FashionMnist.Load());
        AssertTheFilesWritten(Mnist.Load(folder.Path));
    }

    [Fact]
    public void A_missing_folder_is_answered_by_what_to_do()
    {
        var absent = folder.File("absent");
        Environment.SetEnvironmentVariable(FashionMnist.FolderVariable, absent);

        var refusal = Assert.Throws<DirectoryNotFoundException>(() => FashionMnist.Load());

        Assert.Contains($"MAPPINGNETS_FASHION_MNIST names the folder '{absent}', which does not exist", refusal.Message);
        Assert.Contains("sudo apt-get install dataset-fashion-mnist", refusal.Message);
        Assert.Contains("pass it to Load", refusal.Message);
        Assert.Contains(absent, Assert.Throws<DirectoryNotFoundException>(() => FashionMnist.Load(absent)).Message);
    }

    [Fact]
    public void Without_any_folder_the_answer_names_the_variable()
    {
        Environment.SetEnvironmentVariable(Mnist.FolderVariable, null);

        Assert.Contains(
            "MAPPINGNETS_MNIST is not set. Put train-images",
            Assert.Throws<DirectoryNotFoundException>(() => Mnist.Load()).Message);
    }

    [Fact]
    public void A_folder_that_lacks_a_file_is_refused_naming_it()
    {
        WriteFiles();
        File.Delete(folder.File("t10k-labels-idx1-ubyte"));

        Assert.Contains(
            "holds neither 't10k-labels-idx1-ubyte.gz' nor",
            Assert.Throws<FileNotFoundException>(() => FashionMnist.Load(folder.Path)).Message);
    }

    [RealFashionMnistFact]
    public void The_complete_data_set_is_balanced_and_normalised()
    {
        var (training, test) = FashionMnist.Load(FashionMnist.DebianFolder);
        using (training)
        using (test)
        using (NewDisposeScope())
        {
            Assert.Equal((60_000, 10_000), (training.Count, test.Count));
            Assert.Equal([1L, 28, 28], training.InputShape);
            Assert.Equal(Enumerable.Repeat(6_000L, 10), training.Labels.bincount(null).data<long>());
            Assert.Equal(Enumerable.Repeat(1_000L, 10), test.Labels.bincount(null).data<long>());
            Assert.Equal(0, training.Inputs.mean().item<float>(), 1e-3);
            Assert.Equal(1, training.Inputs.std().item<float>(), 1e-3);
        }
    }
}
