using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

/// <summary>A layer may put out its weights themselves, and in a streamed network the next layer's weights take their place.</summary>
public sealed class StreamedViewTests
{
    /// <summary>Learnt vectors that follow in place of the sample, whatever it is: a view of the weight.</summary>
    private sealed class Queries(long count, long features) : Layer(null)
    {
        public override string Kind => "Queries";
        public override string NamePrefix => "queries";
        public override IReadOnlyList<long> InferOutput(IReadOnlyList<long> input) => [count, features];
        public override IReadOnlyList<ParameterSpecification> Parameters(IReadOnlyList<long> input) => [new("weight", [1, count, features], features)];
        public override Tensor Forward(Tensor input, IReadOnlyList<Tensor> parameters) => parameters[0].expand(input.shape[0], -1, -1);
        public override nn.Module<Tensor, Tensor> ToModule(IReadOnlyList<long> input, IReadOnlyList<Tensor> parameters) =>
            throw new NotSupportedException();
    }

    // The normalisation reads its input in one order, however that lies in memory, so that the bits are comparable.
    private static MappingNetwork Mapping() =>
        MappingNetwork.For(TargetNetwork.Input(4).Add(new Queries(4, 16)).LayerNorm().Flatten().Linear(3).Build("queried"))
            .SingleLatent(48).WithSeed(5).StartingWithin(0.5);

    [Fact]
    public void A_prediction_through_a_layer_that_puts_out_its_weights_has_the_bits_of_the_network_that_holds_all()
    {
        using var data = Small.Classes(24);
        using var held = Mapping().Build();
        using var streamed = Mapping().Streamed().Build();

        Assert.True(streamed.IsStreamed);
        Assert.Equal(FineTuned.Bits(() => held.Predict(data.Inputs)), FineTuned.Bits(() => streamed.Predict(data.Inputs)));
    }

    [Fact]
    public void A_layer_that_puts_out_its_weights_trains_with_the_bits_of_the_network_that_holds_all()
    {
        using var data = Small.Classes(24);
        int[] Trained(MappingNetwork mapping)
        {
            using var model = mapping.Build();
            var start = Small.Bits(model.Latent);
            new Trainer(model, new() { Epochs = 1, BatchSize = 24, Seed = 2 }).Fit(data);
            Assert.NotEqual(start, Small.Bits(model.Latent));
            return [.. Small.Bits(model.Latent), .. FineTuned.Bits(() => model.Predict(data.Inputs))];
        }

        Assert.Equal(Trained(Mapping()), Trained(Mapping().Streamed()));
    }
}
