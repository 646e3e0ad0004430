using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

/// <summary>Weights in memory and files of trained tensors belong to the frozen parameters that they were trained beside, though they hold none.</summary>
public sealed class FrozenWeightsTests : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly FrozenNet module = new(1);
    private readonly FrozenNet other = new(2);
    private readonly ModuleTarget target;
    private readonly ModuleTarget elsewhere;

    public FrozenWeightsTests() => (target, elsewhere) = (module.Lend(), other.Lend());

    public void Dispose()
    {
        target.Dispose();
        elsewhere.Dispose();
        module.Dispose();
        other.Dispose();
        folder.Dispose();
    }

    private PretrainedWeights WeightsOf(string source)
    {
        if (source == "module")
            return PretrainedWeights.Of(target);
        using var model = DirectModel.For(source == "model of low rank" ? target.LowRank("head", 1) : target, 5);
        return PretrainedWeights.Of(model);
    }

    private static void Build(TargetNetwork network, PretrainedWeights weights) => FineTuning.Of(network, weights).Groups(5).Build().Dispose();

    [Theory]
    [InlineData("module")]
    [InlineData("model")]
    [InlineData("model of low rank")]
    public void Weights_are_refused_beside_other_values_by_name_and_with_the_remedy(string source)
    {
        using var weights = WeightsOf(source);
        using var alike = new FrozenNet(1);
        using var there = alike.Lend();
        Build(target, weights);
        Build(there, weights);

        var refusal = Assert.Throws<ArgumentException>("pretrained", () => Build(elsewhere, weights));

        Assert.Contains(
            $"'encoder.weight' is frozen in the module of 'net', and had other values beside the weights of the {source.Split(' ')[0]} of 'net'", refusal.Message);
        Assert.Contains("load them into the module before TargetNetwork.From", refusal.Message);
        Assert.Throws<ArgumentException>("pretrained", () => new AdapterHost(elsewhere, weights));
    }

    [Fact]
    public void Renamed_weights_keep_what_they_were_trained_beside_unless_it_gives_null_for_it()
    {
        using var weights = PretrainedWeights.Of(target);
        using var wrapped = weights.Renamed(name => "module." + name);
        using var plain = wrapped.Renamed(name => name["module.".Length..]);
        using var free = weights.Renamed(name => name.StartsWith("encoder", StringComparison.Ordinal) ? null : name);

        Assert.Throws<ArgumentException>("pretrained", () => Build(elsewhere, plain));
        Build(target, plain);
        Build(elsewhere, free);
        Assert.Equal(weights.Names, free.Names);
    }

    [Fact]
    public void A_parameter_that_only_one_of_the_two_modules_froze_is_compared_as_a_weight_or_not_at_all()
    {
        using var weights = PretrainedWeights.Of(target);
        using var further = new FrozenNet(1);
        further.get_parameter("head.bias")!.requires_grad = false;
        using var more = further.Lend();
        Build(more, weights);
        using var rest = FrozenNet.Rest();
        using var none = TargetNetwork.From(rest, zeros(2, 6), "rest");
        Build(none, weights);
    }

    [Fact]
    public void A_file_of_trained_tensors_is_refused_beside_other_values()
    {
        var path = folder.File("trained.safetensors");
        using (var trained = GeneratedModelTests.Subspace(6, target, start: 0.5f))
            trained.SaveTrained(path);
        using (var file = SafetensorsFile.Read(path))
            Assert.Equal("[\"frozen_sha256\",\"frozen_type\"]", file.Metadata["optional_fields"]);
        using var here = GeneratedModelTests.Subspace(6, target);
        using var there = GeneratedModelTests.Subspace(6, elsewhere);

        here.LoadTrained(path);
        var refusal = Assert.Throws<CheckpointFormatException>(() => there.LoadTrained(path));

        Assert.Contains("other values of the frozen parameters [encoder.weight, encoder.bias]", refusal.Message);
        Assert.All(Small.State(there), number => Assert.Equal(0, number));
        Signed.Change(path, metadata => metadata.Remove("frozen_sha256"));
        there.LoadTrained(path);
    }
}
