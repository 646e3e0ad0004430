using System.IO.Compression;
using System.Text;
using System.Text.Json;
using TorchSharp;
using TorchSharp.PyBridge;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

/// <summary>State dictionaries of PyTorch, as another implementation writes them and by hand, and files that hold anything else.</summary>
public sealed partial class StateDictTests
{
    [Fact]
    public void WhatPyBridgeWritesIsRead()
    {
        using var folder = new TemporaryFolder();
        using var scope = NewDisposeScope();
        using var module = nn.Sequential(("conv", nn.Conv2d(2, 3, 3)), ("bn", nn.BatchNorm2d(3)), ("fc", nn.Linear(5, 4)));
        module.save_py(folder.File("model.pth"));
        using var weights = PretrainedWeights.FromPyTorch(folder.File("model.pth"));
        Assert.Equal(module.state_dict().Keys.Order(), weights.Names.Order());
        foreach (var (name, expected) in module.state_dict().Where(pair => pair.Value.is_floating_point()))
        {
            Assert.Equal(expected.shape, weights.Find(name)!.shape);
            Assert.Equal(Small.Bits(expected), Small.Bits(weights.Find(name)!));
        }
    }

    [Fact]
    public void AFolderInThePlaceOfAFileIsAnIOExceptionThatNamesIt()
    {
        using var folder = new TemporaryFolder();
        Assert.Contains(
            $"'{folder.Path}' cannot be read: it is a folder", Assert.Throws<IOException>(() => PretrainedWeights.FromPyTorch(folder.Path)).Message);
        Assert.Throws<FileNotFoundException>(() => PretrainedWeights.FromPyTorch(folder.File("missing.pth")));
    }

    // tests/golden/pytorch.py: PyTorch 1.13.1 itself.
    [Theory]
    [InlineData("state.pth", null)]
    [InlineData("checkpoint.pt", "model")]
    public void WhatPyTorchWritesIsRead(string file, string? key)
    {
        var recorded = JsonSerializer.Deserialize<Dictionary<string, double[]>>(File.ReadAllText(Golden("state.json")))!;
        using var weights = PretrainedWeights.FromPyTorch(Golden(file), key);
        Assert.Equal(recorded.Keys.Order(), weights.Names.Order());
        foreach (var (name, values) in recorded)
            Assert.Equal(values.Select(value => (float)value), Small.Values(weights.Find(name)!.to(ScalarType.Float32)));
    }

    [Fact]
    public void EveryKindOfTensorThatPyTorchWritesIsRead()
    {
        using var weights = PretrainedWeights.FromPyTorch(Golden("kinds.pth"));
        foreach (var name in new[] { "half", "brain", "double" })
            Assert.Equal([0, 1, 2, 3], Small.Values(weights.Find(name)!.to(ScalarType.Float32)));
        Assert.Equal([3L, 2], weights.Find("turned")!.shape);
        Assert.Equal([0, 3, 1, 4, 2, 5], Small.Values(weights.Find("turned")!));
        Assert.Equal([1, 1], Small.Values(weights.Find("own")!));
        Assert.Equal(7, weights.Find("count")!.ToInt64());
    }

    [Theory]
    [InlineData("whole-model.pth", "'torch.nn.modules.container.Sequential'")]
    [InlineData("old-format.pth", "since 1.6")]
    [InlineData("script.pt", "TorchScript")]
    public void WhatElsePyTorchWritesIsRefusedByName(string file, string reason) =>
        Assert.Contains(reason, Assert.Throws<CheckpointFormatException>(() => PretrainedWeights.FromPyTorch(Golden(file))).Message);

    [Fact]
    public void AFineTuningStartsFromAStateDict()
    {
        using var folder = new TemporaryFolder();
        using var scope = NewDisposeScope();
        using var trained = DirectModel.For(Small.Classifier(), seed: 4);
        using (var module = trained.Materialize())
            module.save_py(folder.File("model.pt"));
        using var weights = PretrainedWeights.FromPyTorch(folder.File("model.pt"));
        using var model = FineTuning.Of(Small.Classifier(), weights).Groups(10).Build();
        var input = randn(3, 4);
        Assert.Equal(Small.Bits(trained.Predict(input)), Small.Bits(model.Predict(input)));
    }

    // A tensor of 2 x 2 that is the transposed second half of a storage of eight, and a second view of the same storage.
    [Fact]
    public void ViewsOfOneStorageAreRead()
    {
        using var folder = new TemporaryFolder();
        var pickle = new PickleText().Dictionary(
            ("turned", text => text.View("FloatStorage", "0", 8, 4, [2, 2], [1, 2])),
            ("row", text => text.View("FloatStorage", "0", 8, 1, [3], [1])));
        using var weights = PretrainedWeights.FromPyTorch(Archive(folder, pickle, [.. Enumerable.Range(0, 8).Select(value => (float)value)]));
        Assert.Equal([4, 6, 5, 7], Small.Values(weights.Find("turned")!));
        Assert.Equal([1, 2, 3], Small.Values(weights.Find("row")!));
    }

    // As expand gives them: with a stride of 0 they have more elements than their storage.
    [Fact]
    public void ExpandedTensorsAreRead()
    {
        using var folder = new TemporaryFolder();
        var pickle = new PickleText().Dictionary(
            ("rows", text => text.View("FloatStorage", "0", 3, 0, [4, 3], [0, 1])), ("columns", text => text.View("FloatStorage", "0", 3, 1, [2, 4], [1, 0])));
        using var weights = PretrainedWeights.FromPyTorch(Archive(folder, pickle, [1, 2, 3]));
        Assert.Equal([4L, 3], weights.Find("rows")!.shape);
        Assert.Equal([1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3], Small.Values(weights.Find("rows")!));
        Assert.Equal([2, 2, 2, 2, 3, 3, 3, 3], Small.Values(weights.Find("columns")!));
    }

    // As torch.empty(0, 5), whose strides lead beyond its storage.
    [Fact]
    public void TensorsWithoutElementsAreRead()
    {
        using var folder = new TemporaryFolder();
        var pickle = new PickleText().Dictionary(
            ("rows", text => text.View("FloatStorage", "0", 0, 0, [0, 5], [5, 1])), ("columns", text => text.View("FloatStorage", "0", 0, 0, [7, 0, 3], [3, 3, 1])));
        using var weights = PretrainedWeights.FromPyTorch(Archive(folder, pickle, []));
        Assert.Equal([0L, 5], weights.Find("rows")!.shape);
        Assert.Equal([7L, 0, 3], weights.Find("columns")!.shape);
    }

    [Fact]
    public void TheStateOfACheckpointIsNamed()
    {
        using var folder = new TemporaryFolder();
        var pickle = new PickleText().Dictionary(
            ("epoch", text => text.Number(7)),
            ("model", text => text.Dictionary(("w", inner => inner.View("FloatStorage", "0", 2, 0, [2], [1])))));
        var path = Archive(folder, pickle, [1, 2]);
        Assert.Contains("'epoch', 'model'", Assert.Throws<ArgumentException>(() => PretrainedWeights.FromPyTorch(path)).Message);
        Assert.Contains("'gone'", Assert.Throws<ArgumentException>(() => PretrainedWeights.FromPyTorch(path, "gone")).Message);
        using var weights = PretrainedWeights.FromPyTorch(path, "model");
        Assert.Equal(["w"], weights.Names);
    }

    [Theory]
    [InlineData("posix", "system")]
    [InlineData("builtins", "eval")]
    [InlineData("torch", "load")]
    [InlineData("torch.nn.modules.linear", "Linear")]
    public void AFileThatNamesAnythingButTensorsIsRefused(string module, string word)
    {
        using var folder = new TemporaryFolder();
        var path = Archive(folder, new PickleText().Call(module, word, "touch /tmp/never"), []);
        Assert.Contains($"'{module}.{word}'", Assert.Throws<CheckpointFormatException>(() => PretrainedWeights.FromPyTorch(path)).Message);
    }

    [Theory]
    [InlineData(8, 0, new long[] { 9 }, new long[] { 1 })]
    [InlineData(8, 5, new long[] { 2, 2 }, new long[] { 2, 1 })]
    [InlineData(8, 0, new long[] { 30_000, 30_000 }, new long[] { 0, 0 })]
    [InlineData(8, 0, new long[] { 1L << 40, 1L << 40 }, new long[] { 0, 0 })]
    [InlineData(8, 0, new long[] { 1L << 40, 9 }, new long[] { 0, 1 })]
    [InlineData(8, -1, new long[] { 2 }, new long[] { 1 })]
    [InlineData(8, long.MaxValue, new long[] { 2 }, new long[] { 1 })]
    [InlineData(8, 0, new long[] { 0, 1L << 40, 1L << 40 }, new long[] { 0, 0, 0 })]
    [InlineData(8, 0, new long[] { -1 }, new long[] { 1 })]
    [InlineData(8, 0, new long[] { 0, -1 }, new long[] { 1, 1 })]
    [InlineData(8, 0, new long[] { 0, 5 }, new long[] { 5, -1 })]
    [InlineData(8, 0, new long[] { 2, 2 }, new long[] { 1 })]
    [InlineData(1_000_000, 0, new long[] { 2 }, new long[] { 1 })]
    public void ATensorOutsideItsStorageIsRefused(long count, long offset, long[] shape, long[] strides)
    {
        using var folder = new TemporaryFolder();
        var pickle = new PickleText().Dictionary(("w", text => text.View("FloatStorage", "0", count, offset, shape, strides)));
        var path = Archive(folder, pickle, new float[8]);
        Assert.Throws<CheckpointFormatException>(() => PretrainedWeights.FromPyTorch(path));
    }

    [Fact]
    public void DamagedAndOtherFilesAreRefused()
    {
        using var folder = new TemporaryFolder();
        var pickle = new PickleText().Dictionary(("w", text => text.View("FloatStorage", "0", 8, 0, [8], [1])));
        var bytes = File.ReadAllBytes(Archive(folder, pickle, new float[8]));
        for (var length = 0; length < bytes.Length; length += 37)
            Assert.Throws<CheckpointFormatException>(() => PretrainedWeights.FromPyTorch(folder.Write("cut.pt", bytes[..length])));
        Assert.Throws<CheckpointFormatException>(() => PretrainedWeights.FromPyTorch(Archive(folder, pickle, [1, 2, 3, 4, 5, 6, 7, float.NaN])));
        Assert.Throws<FileNotFoundException>(() => PretrainedWeights.FromPyTorch(folder.File("gone.pt")));
    }

    [Fact]
    public void AnyFlippedByteOfThePickleIsReadOrRefused()
    {
        using var folder = new TemporaryFolder();
        var pickle = new PickleText().Dictionary(("w", text => text.View("FloatStorage", "0", 8, 0, [8], [1]))).Bytes();
        for (var place = 0; place < pickle.Length; place++)
        {
            var damaged = (byte[])pickle.Clone();
            damaged[place] ^= 0x15;
            try
            {
                PretrainedWeights.FromPyTorch(Archive(folder, damaged, new float[8])).Dispose();
            }
            catch (Exception fault) when (fault is CheckpointFormatException or ArgumentException)
            {
            }
        }
    }

    [Fact]
    public void NamesOfAFileAreCutInMessagesAndHaveNoControlCharacters()
    {
        using var folder = new TemporaryFolder();
        var name = "" + new string('x', 5000);
        var view = new PickleText().Dictionary((name, text => text.View("FloatStorage", "0", 8, 9, [1], [1])));
        var storage = new PickleText().Dictionary(("w", text => text.View("FloatStorage", name, 8, 0, [1], [1])));
        var other = new PickleText().Dictionary((name, text => text.Number(1)));
        foreach (var pickle in new[] { view, storage, other, new PickleText().Call("posix", name, "") })
        {
            var fault = Assert.ThrowsAny<Exception>(() => PretrainedWeights.FromPyTorch(Archive(folder, pickle, new float[8])));
            Assert.InRange(fault.Message.Length, 200, 600 + folder.Path.Length);
            Assert.DoesNotContain('', fault.Message);
        }
    }

    private static string Refusal(Action read) => Assert.Throws<CheckpointFormatException>(read).Message;

    private static string Golden(string file) => Path.Combine(RepositoryRoot.Path, "tests", "golden", "pytorch", file);

    private static string Archive(TemporaryFolder folder, PickleText pickle, float[] storage) => Archive(folder, pickle.Bytes(), storage);

    private static string Archive(
        TemporaryFolder folder, byte[] pickle, float[] storage, CompressionLevel compression = CompressionLevel.NoCompression)
    {
        var path = folder.File("state.pt");
        File.Delete(path);
        using var archive = ZipFile.Open(path, ZipArchiveMode.Create);
        Write("archive/data.pkl", pickle);
        Write("archive/byteorder", Encoding.ASCII.GetBytes("little"));
        Write("archive/data/0", [.. storage.SelectMany(BitConverter.GetBytes)]);
        return path;

        void Write(string name, byte[] bytes)
        {
            using var stream = archive.CreateEntry(name, compression).Open();
            stream.Write(bytes);
        }
    }
}
