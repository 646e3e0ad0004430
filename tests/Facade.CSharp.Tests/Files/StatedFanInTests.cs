using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests.Files;

/// <summary>Adapters state the fan-ins and centers that do not follow from names and shapes, and are held to them.</summary>
public sealed class StatedFanInTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    private string Adapter => folder.File("adapter.safetensors");

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData(3, 1, "fan-in 2; in this network it is 3")]
    [InlineData(2, 0, "center 1; in this network it is 0")]
    [InlineData(5, 1, "fan-in 2; in this network it is 5")]
    public void A_mapped_adapter_is_refused_by_a_network_that_would_make_other_weights_of_it(long fanIn, double center, string difference)
    {
        using (var model = MappingNetwork.For(Network(2, 1)).SingleLatent(6).Build())
            model.SaveAdapter(Adapter);

        using (MappedModel.LoadAdapter(Adapter, Network(2, 1)))
        {
        }

        var refusal = Assert.Throws<CheckpointFormatException>(() => MappedModel.LoadAdapter(Adapter, Network(fanIn, center)));
        Assert.Contains($"'gains1.by' has the {difference}", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_fine_tuned_adapter_is_held_to_them_where_a_mapping_generates_its_change()
    {
        using var start = DirectModel.For(Network(2, 1), 1);
        using var weights = PretrainedWeights.Of(start);
        using (var model = FineTuning.Of(Network(2, 1), weights).Mapping(mapping => mapping.SingleLatent(6)).Build())
            model.SaveAdapter(Adapter);

        Assert.Throws<CheckpointFormatException>(() => FineTunedModel.LoadAdapter(Adapter, Network(3, 1), weights));

        // Nothing in these changes depends on fan-ins.
        using (var model = FineTuning.Of(Network(2, 1), weights).Groups(6).Build())
            model.SaveAdapter(Adapter);
        using var loaded = FineTunedModel.LoadAdapter(Adapter, Network(3, 1), weights);
    }

    private static TargetNetwork Network(long fanIn, double center) => TargetNetwork.Input(5).Add(new Gains(fanIn, center)).Linear(3).Build("gains");

    private sealed class Gains(long fanIn, double center) : Layer(null)
    {
        public override string Kind => "Gains";
        public override string NamePrefix => "gains";
        public override IReadOnlyList<long> InferOutput(IReadOnlyList<long> input) => input;
        public override IReadOnlyList<ParameterSpecification> Parameters(IReadOnlyList<long> input) => [new("by", [input[^1]], fanIn) { Center = center }];
        public override Tensor Forward(Tensor input, IReadOnlyList<Tensor> parameters) => input * parameters[0];
        public override nn.Module<Tensor, Tensor> ToModule(IReadOnlyList<long> input, IReadOnlyList<Tensor> parameters) => throw new NotSupportedException();
    }
}
