using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

public sealed class TargetNetworkBuilderTests
{
    private static TargetNetworkBuilder Image => TargetNetwork.Input(1, 28, 28);

    public static TheoryData<Func<TargetNetworkBuilder>, string> BadLayers => new()
    {
        { () => Image.Conv2d(0, 3), "Layer 1 (Conv2d) on the input (1, 28, 28): channels is 0" },
        { () => Image.Conv2d(4, 0), "Layer 1 (Conv2d) on the input (1, 28, 28): kernel is 0" },
        { () => Image.Conv2d(4, 3, stride: 0), "stride is 0" },
        { () => Image.Conv2d(4, 3, padding: -1), "padding is -1" },
        {
            () => Image.MaxPool2d(28).Conv2d(4, 3),
            "Layer 2 (Conv2d) on the input (1, 1, 1): the kernel of 3 is larger than the padded height of 1"
        },
        { () => Image.ReLU().MaxPool2d(29), "Layer 2 (MaxPool2d) on the input (1, 28, 28): the window of 29 is larger" },
        { () => Image.MaxPool2d(0), "window is 0" },
        { () => Image.MaxPool2d(2, padding: 2), "padding is 2" },
        { () => Image.Flatten().Conv2d(4, 3), "Layer 2 (Conv2d) on the input (784): it needs an image" },
        { () => Image.Flatten().MaxPool2d(2), "Layer 2 (MaxPool2d) on the input (784): it needs an image" },
        { () => Image.Conv2d(4, 3).Linear(10), "Layer 2 (Linear) on the input (4, 26, 26): it needs feature vectors" },
        { () => Image.Flatten().Linear(-5), "Layer 2 (Linear) on the input (784): features is -5" },
        { () => Image.Conv2d(4, 3, name: "a.b"), "Layer 1 (Conv2d) on the input (1, 28, 28): the name 'a.b'" },
        { () => Image.Conv2d(4, 3).ReLU(name: "conv1"), "Layer 2 (ReLU) on the input (4, 26, 26): the name 'conv1' is taken" },
        { () => TargetNetwork.Input(), "The input shape is empty" },
        { () => TargetNetwork.Input(1, 0, 28), "The input shape is (1, 0, 28)" },
    };

    [Theory]
    [MemberData(nameof(BadLayers))]
    public void A_bad_layer_is_refused_where_it_is_added(Func<TargetNetworkBuilder> build, string message) =>
        Assert.Contains(message, Assert.Throws<ArgumentException>(() => { build(); }).Message);

    [Fact]
    public void A_network_without_weights_is_refused()
    {
        Assert.Contains("has no weights", Assert.Throws<ArgumentException>(() => Image.Flatten().ReLU().Build("empty")).Message);
        Assert.Contains("has no weights", Assert.Throws<ArgumentException>(() => Image.Build("empty")).Message);
    }

    [Fact]
    public void Sizes_are_inferred_through_stride_and_padding()
    {
        Assert.Equal([8L, 14, 14], Image.Conv2d(8, 3, stride: 2, padding: 1).Shape);
        Assert.Equal([1L, 13, 13], Image.MaxPool2d(3, stride: 2).Shape);
        Assert.Equal([784L], Image.Flatten().Shape);
        Assert.Equal([24L, 5], TargetNetwork.Input(24, 67).Linear(5).Shape);
    }

    [Fact]
    public void An_automatic_name_steps_over_one_the_user_gave()
    {
        var target = TargetNetwork.Input(4).Linear(3, name: "fc1").Linear(3).Linear(2, name: "head").Linear(1).Build();

        Assert.Equal(["fc1", "fc2", "head", "fc3"], target.Parameters.Select(p => p.Name.Split('.')[0]).Distinct());
    }

    [Fact]
    public void One_trunk_may_be_continued_in_two_ways()
    {
        var trunk = TargetNetwork.Input(4).Linear(3);

        Assert.Equal(15 + 8, trunk.Linear(2).Build().ParameterCount);
        Assert.Equal(15 + 20, trunk.Linear(5).Build().ParameterCount);
    }

    private sealed class Scale(double factor) : Layer(null)
    {
        public override string Kind => "Scale";
        public override string NamePrefix => "scale";
        public override IReadOnlyList<long> InferOutput(IReadOnlyList<long> input) => input;
        public override Tensor Forward(Tensor input, IReadOnlyList<Tensor> parameters) => input * factor;
        public override nn.Module<Tensor, Tensor> ToModule(IReadOnlyList<long> input, IReadOnlyList<Tensor> parameters) =>
            throw new NotSupportedException();
    }

    [Fact]
    public void A_user_adds_a_layer_of_his_own()
    {
        using var scope = NewDisposeScope();
        var target = TargetNetwork.Input(1).Linear(1, bias: false).Add(new Scale(3)).Build();

        Assert.Equal(30.0, target.Forward(full([1, 1], 5.0), [full([1, 1], 2.0)]).to(ScalarType.Float64).item<double>());
    }
}
