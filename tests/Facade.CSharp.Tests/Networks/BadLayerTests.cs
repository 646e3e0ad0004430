using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

/// <summary>A layer that does not fit is refused by the step of the builder that adds it.</summary>
public sealed class BadLayerTests
{
    public static TheoryData<Func<TargetNetworkBuilder>, string> BadLayers => new()
    {
        { () => TargetNetwork.Input(3, 4, 4).Residual(body => body.Conv2d(1, 1).ReLU()), "the body puts out (1, 4, 4), the skip (3, 4, 4)" },
        { () => TargetNetwork.Input(3, 4, 4).Concatenate(body => body.MaxPool2d(2)), "only the first size may differ" },
        { () => TargetNetwork.Input(3, 4, 4).Residual(body => body.Conv2d(3, 7)), "the kernel of 7 is larger" },
        { () => TargetNetwork.Input(3, 4, 4).Reshape(5, 5), "holds 25 numbers, the input 48" },
        { () => TargetNetwork.Input(5).BatchNorm2d(), "it needs an image" },
        { () => TargetNetwork.Input(5).GlobalAveragePool2d(), "it needs an image" },
        { () => TargetNetwork.Input(3, 4, 4).Lstm(3), "it needs a sequence" },
        { () => TargetNetwork.Input(3, 4).Lstm(0), "hidden is 0" },
        { () => TargetNetwork.Input(5, 6).SelfAttention(4), "6 features cannot be shared equally by 4 heads" },
        { () => TargetNetwork.Input(3, 4, 4).ConvTranspose2d(1, 1, padding: 3), "leaves nothing" },
        { () => TargetNetwork.Input(2, 4, 4).BatchNorm2d(momentum: 0), "momentum is 0" },
        { () => TargetNetwork.Input(2, 4, 4).BatchNorm1d(), "it needs features (features) or a signal" },
        { () => TargetNetwork.Input(2, 4, 4).AvgPool2d(5), "the window of 5 is larger than the padded height of 4" },
        { () => TargetNetwork.Input(2, 4, 4).AvgPool2d(3, padding: 2), "padding is 2; it must lie between 0 and half the window, 1" },
        { () => TargetNetwork.Input(3, 4).Gru(0), "hidden is 0" },
        { () => TargetNetwork.Input(3).Gru(2), "it needs a sequence" },
        { () => TargetNetwork.Input(3).Dropout(1), "probability is 1; it must be at least 0 and below 1" },
        { () => TargetNetwork.Input(3).Embedding(0, 2), "tokens is 0" },
        { () => TargetNetwork.Input(3).Linear(2).Embedding(5, 2), "it must be the first" },
        { () => TargetNetwork.Input(3).Residual(body => body.Embedding(5, 2), skip => skip.Embedding(5, 2)), "put it before the skip" },
        {
            () => TargetNetwork.Input(2, 4, 4).Conv2d(2, 1).Residual(body => body.Conv2d(2, 1), name: ""),
            "the weight 'conv1.weight' is there already"
        },
        {
            () => TargetNetwork.Input(2, 4, 4).Residual(body => body.Conv2d(2, 1, name: "it"), skip => skip.Conv2d(2, 1, name: "it")),
            "the weight 'residual1.it.weight' is there already"
        },
        {
            () => TargetNetwork.Input(4).Residual(body => body.Linear(4, name: "a").Dropout(), name: "")
                .Residual(body => body.Linear(4, name: "b").Dropout(), name: ""),
            "the buffer 'dropout1.place' is there already"
        },
        { () => TargetNetwork.Input(4).Add(new Repeated("weight", "weight", "mean")), "the weight 'repeated1.weight' is there already" },
        { () => TargetNetwork.Input(4).Add(new Repeated("weight", "bias", "bias")), "the buffer 'repeated1.bias' is there already" },
        { () => TargetNetwork.Input(4).Sequence("head", part => part.Linear(8, name: "1").ReLU()), "the name '1', its place, is taken by an earlier layer" },
    };

    [Theory]
    [MemberData(nameof(BadLayers))]
    public void A_bad_layer_is_refused_where_it_is_added(Func<TargetNetworkBuilder> build, string message) =>
        Assert.Contains(message, Assert.Throws<ArgumentException>(() => { build(); }).Message);

    /// <summary>A layer of a user's own with two weights and a buffer.</summary>
    private sealed class Repeated(string first, string second, string buffer) : StatefulLayer(null)
    {
        public override string Kind => "Repeated";
        public override string NamePrefix => "repeated";
        public override IReadOnlyList<long> InferOutput(IReadOnlyList<long> input) => input;
        public override IReadOnlyList<ParameterSpecification> Parameters(IReadOnlyList<long> input) => [new(first, input, 1), new(second, input, 1)];
        public override IReadOnlyList<BufferSpecification> Buffers(IReadOnlyList<long> input) => [new(buffer, input, ScalarType.Float32, 0)];

        public override Tensor Forward(Tensor input, IReadOnlyList<Tensor> parameters, IReadOnlyList<Tensor> buffers, bool training) =>
            throw new NotSupportedException();

        public override nn.Module<Tensor, Tensor> ToModule(
            IReadOnlyList<long> input, IReadOnlyList<Tensor> parameters, IReadOnlyList<Tensor> buffers) => throw new NotSupportedException();
    }
}
