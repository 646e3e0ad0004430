using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

/// <summary>Weights under the names that wrappers of a network give them.</summary>
public sealed class RenamedWeightsTests : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly TargetNetwork target =
        TargetNetwork.Input(1, 6, 6).Conv2d(4, 3).BatchNorm2d().ReLU().GlobalAveragePool2d().Linear(3).Build("wrapped");
    private readonly DirectModel trained;
    private readonly string path;

    public RenamedWeightsTests()
    {
        using var scope = NewDisposeScope();
        trained = DirectModel.For(target, seed: 4);
        path = folder.File("checkpoint.safetensors");
        trained.Export(path);
        using var plain = SafetensorsFile.Read(path);
        (string, Tensor)[] tensors = [.. plain.LoadAll().Select(pair => ("module." + pair.Key, pair.Value))];
        path = folder.File("wrapped.safetensors");
        SafetensorsFile.Write(path, [.. tensors, ("epoch", tensor(7L))]);
    }

    public void Dispose()
    {
        trained.Dispose();
        folder.Dispose();
    }

    private static string? Plain(string name) => name.StartsWith("module.", StringComparison.Ordinal) ? name["module.".Length..] : null;

    [Fact]
    public void Names_behind_a_prefix_are_refused_with_the_prefix_and_the_way_to_take_it_off()
    {
        using var held = PretrainedWeights.FromFile(path);

        var refusal = Assert.Throws<ArgumentException>("pretrained", () => FineTuning.Of(target, held).Scales(10).Build());

        Assert.Contains("There is no 'conv1.weight'", refusal.Message);
        Assert.Contains("All names that it needs are there behind 'module.'", refusal.Message);
        Assert.Contains("PretrainedWeights.Renamed(name => name.StartsWith(\"module.\") ? name[7..] : name)", refusal.Message);
        Assert.DoesNotContain("WithNewHead", refusal.Message);
        // Where one is missing behind the prefix too, taking it off would not help.
        using var fewer = held.Renamed(name => name == "module.bn1.running_var" ? null : name);
        Assert.Contains(
            "WithNewHead", Assert.Throws<ArgumentException>("pretrained", () => FineTuning.Of(target, fewer).Scales(10).Build()).Message);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Renamed_weights_have_the_same_bits_in_memory_and_on_disk(bool onDisk)
    {
        using var read = onDisk ? PretrainedWeights.OnDisk(path) : PretrainedWeights.FromFile(path);
        using var renamed = read.Renamed(Plain);
        var way = FineTuning.Of(target, renamed).Scales(10);

        using var model = (onDisk ? way.Streamed() : way).Build();

        Assert.Equal(FineTuned.Bits(trained.FlatWeights), FineTuned.Bits(model.FlatWeights));
        Assert.DoesNotContain("epoch", renamed.Names);
        Assert.Equal(read.Names.Count - 1, renamed.Names.Count);
        using var inputs = Small.Uniform(2, 1, 6, 6);
        Assert.Equal(FineTuned.Bits(() => trained.Predict(inputs)), FineTuned.Bits(() => model.Predict(inputs)));
    }

    [Fact]
    public void Nothing_is_copied_and_each_object_is_disposed_by_itself()
    {
        var first = PretrainedWeights.FromFile(path);
        var second = first.Renamed(Plain);
        var third = second.Renamed(name => "model." + name);
        using (no_grad())
            first.Find("module.conv1.bias")!.fill_(3);

        first.Dispose();
        Assert.Throws<ObjectDisposedException>(() => first.Renamed(Plain));
        Assert.Equal([3, 3, 3, 3], Small.Values(second.Find("conv1.bias")!));
        third.Dispose();
        Assert.Equal([3, 3, 3, 3], Small.Values(second.Find("conv1.bias")!));
        second.Dispose();
        Assert.Throws<ObjectDisposedException>(() => second.Names);
    }

    [Fact]
    public void A_file_stays_open_until_the_last_that_reads_it_is_disposed()
    {
        var first = PretrainedWeights.OnDisk(path);
        var second = first.Renamed(Plain);
        first.Dispose();

        using (var model = FineTuning.Of(target, second).Scales(10).Streamed().Build())
        {
            second.Dispose();
            Assert.Equal(FineTuned.Bits(trained.FlatWeights), FineTuned.Bits(model.FlatWeights));
        }

        Assert.Throws<ObjectDisposedException>(() => second.Names);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Two_tensors_of_one_name_are_refused(bool onDisk)
    {
        using var read = onDisk ? PretrainedWeights.OnDisk(path) : PretrainedWeights.FromFile(path);

        var refusal = Assert.Throws<ArgumentException>("name", () => read.Renamed(name => name.Replace("weight", "bias", StringComparison.Ordinal)));

        Assert.Contains("would both be called 'module.", refusal.Message);
        Assert.Contains("null to leave one out", refusal.Message);
        Assert.Throws<ArgumentNullException>("name", () => read.Renamed(null!));
    }
}
