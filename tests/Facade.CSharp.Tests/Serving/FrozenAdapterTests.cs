using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

/// <summary>A host whose network has frozen parameters: what was trained beside others, or beside none, is not its own.</summary>
public sealed class FrozenAdapterTests : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly FrozenNet module = new(1);
    private readonly ModuleTarget target;
    private readonly PretrainedWeights pretrained;
    private readonly AdapterHost host;

    public FrozenAdapterTests()
    {
        target = module.Lend();
        pretrained = PretrainedWeights.Of(target);
        host = new(target, pretrained);
    }

    public void Dispose()
    {
        host.Dispose();
        pretrained.Dispose();
        target.Dispose();
        module.Dispose();
        folder.Dispose();
    }

    private string Adapter => folder.File("adapter");

    private static MappedModel Mapped(TargetNetwork network) => MappingNetwork.For(network).SingleLatent(12).WithSeed(3).Build();

    [Fact]
    public void A_mapped_model_of_the_network_or_of_one_like_it_is_added()
    {
        using var alike = new FrozenNet(1);
        using var there = alike.Lend();
        using var here = Mapped(target);
        using var elsewhere = Mapped(there);

        host.Add("here", here);
        host.Add("elsewhere", elsewhere);

        using var input = Small.Uniform(5, 4);
        Assert.Equal(FineTuned.Bits(() => here.Predict(input)), FineTuned.Bits(() => host.Predict(input, "here")));
        Assert.Equal(FineTuned.Bits(() => here.Predict(input)), FineTuned.Bits(() => host.Predict(input, "elsewhere")));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_mapped_model_beside_other_frozen_parameters_or_none_is_refused(bool hasOthers)
    {
        using var module = hasOthers ? new FrozenNet(2) : FrozenNet.Rest();
        using var other = TargetNetwork.From(module, zeros(2, hasOthers ? 4 : 6), "other");
        using var model = Mapped(other);

        var refusal = Assert.Throws<ArgumentException>("model", () => host.Add("it", model));

        Assert.Contains("The model's network has other frozen parameters than 'net'", refusal.Message);
        Assert.Empty(host.Names);
    }

    [Fact]
    public void A_fine_tuned_model_of_a_network_without_frozen_parameters_is_refused()
    {
        using var module = FrozenNet.Rest();
        using var rest = TargetNetwork.From(module, zeros(2, 6), "rest");
        // The same weights and buffers, without the encoder before them.
        using var model = FineTuning.Of(rest, pretrained).Groups(10).Build();

        var refusal = Assert.Throws<CheckpointFormatException>(() => host.Add("it", model));

        Assert.Contains("trained on a network without frozen parameters; 'net' has [encoder.weight, encoder.bias]", refusal.Message);
        Assert.Empty(host.Names);
        // A file that names none may be of an earlier build.
        model.SaveAdapter(Adapter);
        host.Add("file", Adapter);
    }

    [Fact]
    public void An_added_model_is_written_when_its_own_target_is_gone()
    {
        using var alike = new FrozenNet(1);
        using (var own = alike.Lend())
        using (var model = Mapped(own))
            host.Add("it", model);

        host.Save("it", Adapter);
        host.SaveFolder("it", folder.File("folder"));

        foreach (var path in new[] { Adapter, folder.File("folder") })
        {
            using var loaded = MappedModel.LoadAdapter(path, target);
            Assert.Equal(FineTuned.Bits(() => Weights("it")), FineTuned.Bits(loaded.FlatWeights));
            using var other = new FrozenNet(2);
            using var elsewhere = other.Lend();
            Assert.Throws<CheckpointFormatException>(() => MappedModel.LoadAdapter(path, elsewhere));
        }
    }

    private Tensor Weights(string name)
    {
        host.SetActive(name);
        return host.FlatWeights();
    }
}
