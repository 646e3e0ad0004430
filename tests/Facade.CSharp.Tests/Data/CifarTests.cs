using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

public sealed class CifarTests : IDisposable
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

    [UnixFact]
    public void Files_behind_links_are_read()
    {
        var real = folder.Write("real.bin", Record(0, 255, 0, 9));
        foreach (var name in Enumerable.Range(1, 5).Select(number => $"data_batch_{number}.bin").Append("test_batch.bin"))
            File.CreateSymbolicLink(folder.File(name), real);

        var (training, test) = Cifar.Load10(folder.Path);
        using (training)
        using (test)
            Assert.Equal((5, 1), (training.Count, test.Count));
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
}
