using System.IO.Compression;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

/// <summary>What reading a state dictionary may cost.</summary>
public sealed partial class StateDictTests
{
    // A tensor of 32 bytes, and the storage of 32 that it is copied from.
    [Fact]
    public void AFileBeyondTheLimitsIsRefusedAndOneWithinThemIsRead()
    {
        using var folder = new TemporaryFolder();
        var pickle = new PickleText().Dictionary(("w", text => text.View("FloatStorage", "0", 8, 0, [8], [1])));
        var path = Archive(folder, pickle, new float[8]);
        Assert.Contains("64 bytes", Refusal(() => PretrainedWeights.FromPyTorch(path, limits: new() { Bytes = 63 })));
        PretrainedWeights.FromPyTorch(path, limits: new() { Bytes = 64 }).Dispose();
    }

    [Fact]
    public void EveryViewOfOneStorageCountsAndHalfPrecisionAsWhatItBecomes()
    {
        using var folder = new TemporaryFolder();
        var pickle = new PickleText().Dictionary(
            [.. Enumerable.Range(0, 100).Select(index => ($"w{index}", (Action<PickleText>)(text => text.View("HalfStorage", "0", 16, 0, [16], [1]))))]);
        var path = Archive(folder, pickle, new float[8]);
        Assert.Contains($"{(100 * 16 * 4) + 32} bytes", Refusal(() => PretrainedWeights.FromPyTorch(path, limits: new() { Bytes = 5000 })));
    }

    // 400 bytes for which the file has eight.
    [Fact]
    public void AnExpandedTensorMayTakeAQuarterOfTheLimits()
    {
        using var folder = new TemporaryFolder();
        var pickle = new PickleText().Dictionary(("w", text => text.View("FloatStorage", "0", 2, 0, [50, 2], [0, 1])));
        var path = Archive(folder, pickle, [1, 2]);
        var complaint = Refusal(() => PretrainedWeights.FromPyTorch(path, limits: new() { Bytes = 1599 }));
        Assert.Contains("repeats the 2 elements of its storage in 400 bytes", complaint);
        Assert.Contains("ReadLimits.Bytes", complaint);
        PretrainedWeights.FromPyTorch(path, limits: new() { Bytes = 1600 }).Dispose();
    }

    [Fact]
    public void PackedZerosThatClaimMoreThanTheLimitsAreRefused()
    {
        using var folder = new TemporaryFolder();
        var pickle = new PickleText().Dictionary(("w", text => text.View("ByteStorage", "0", 1 << 20, 0, [1], [1])));
        var path = Archive(folder, pickle.Bytes(), new float[1 << 18], CompressionLevel.Optimal);
        Assert.InRange(new FileInfo(path).Length, 1, 5000);
        Assert.Contains("ReadLimits.Bytes", Refusal(() => PretrainedWeights.FromPyTorch(path, limits: new() { Bytes = 1 << 20 })));
    }

    // Three million empty dictionaries, a dictionary of a thousand entries that is copied five thousand times, and a tensor of 64 dimensions twenty thousand times.
    [Theory]
    [InlineData("dictionaries")]
    [InlineData("copies")]
    [InlineData("tensors")]
    public void APickleThatMakesMoreThanAnyStateDictIsRefused(string kind)
    {
        using var folder = new TemporaryFolder();
        var pickle = new PickleText();
        if (kind == "tensors")
        {
            // The view once, whose function and arguments are kept, and then again and again.
            long[] sizes = [.. Enumerable.Repeat(1L, 64)];
            byte[] view = new PickleText().View("FloatStorage", "0", 8, 0, sizes, sizes).Bytes()[2..^2];
            var name = "ctorch._utils\n_rebuild_tensor_v2\n".Length;
            pickle.Raw(view[..name]).Raw((byte)'q', 1).Raw(view[name..]).Raw((byte)'q', 2);
            for (var copy = 0; copy < 20_000; copy++)
                pickle.Raw((byte)'h', 1, (byte)'h', 2, (byte)'R');
        }
        else if (kind == "copies")
        {
            pickle.Dictionary([.. Enumerable.Range(0, 1000).Select(index => ($"{index}", (Action<PickleText>)(text => text.Number(0))))]).Raw((byte)'q', 1);
            pickle.Global("collections", "OrderedDict").Raw((byte)'q', 2);
            for (var copy = 0; copy < 5000; copy++)
                pickle.Raw((byte)'h', 2, (byte)'h', 1, 0x85, (byte)'R');
        }
        else
            pickle.Raw([.. Enumerable.Repeat((byte)'}', 3_000_000)]);

        Assert.Contains("2,000,000 steps", Refusal(() => PretrainedWeights.FromPyTorch(Archive(folder, pickle, []))));
    }

    [Fact]
    public void ATensorOfMoreDimensionsThanLibtorchHasIsRefused()
    {
        using var folder = new TemporaryFolder();
        long[] ones = [.. Enumerable.Repeat(1L, 65)];
        var pickle = new PickleText().Dictionary(("w", text => text.View("FloatStorage", "0", 8, 0, ones, ones)));
        Assert.Contains("65 dimensions", Refusal(() => PretrainedWeights.FromPyTorch(Archive(folder, pickle, new float[8]))));
    }

    [Fact]
    public void ADoubleThatSinglePrecisionCannotHoldIsRefused()
    {
        using var folder = new TemporaryFolder();
        var pickle = new PickleText().Dictionary(("w", text => text.View("DoubleStorage", "0", 1, 0, [1], [1])));
        var halves = BitConverter.GetBytes(1e300);
        var path = Archive(folder, pickle, [BitConverter.ToSingle(halves, 0), BitConverter.ToSingle(halves, 4)]);
        Assert.Contains("single precision", Refusal(() => PretrainedWeights.FromPyTorch(path)));
    }

    [Fact]
    public void OneStorageAtATimeIsInMemory()
    {
        using var scope = NewDisposeScope();
        using var archive = StateArchive.Open(Golden("state.pth"));
        // This thread's: other tests' tensors come and go, and finalisers run on a thread of their own.
        var before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        var read = new List<Tensor>();
        foreach (var (_, values) in archive.Tensors(null, ReadLimits.Default))
        {
            Assert.All(read, former => Assert.True(former.IsInvalid));
            // It and its storage.
            Assert.Equal(2, DisposeScopeManager.Statistics.ThreadTotalLiveCount - before);
            read.Add(values);
        }

        Assert.InRange(read.Count, 2, int.MaxValue);
        Assert.Equal(before, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
    }
}
