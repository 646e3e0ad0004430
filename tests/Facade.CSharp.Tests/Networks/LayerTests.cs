using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

/// <summary>Each layer against TorchSharp's own, native one with the same weights.</summary>
public sealed class LayerTests
{
    internal static Tensor[] SomeWeights(TargetNetwork target, ulong seed = 3)
    {
        using var generator = new Generator(seed);
        return [.. target.Parameters.Select(p => rand([.. p.Shape], generator: generator) - 0.5 + p.Center)];
    }

    private static Tensor Numbers(params long[] shape)
    {
        using var generator = new Generator(1);
        return rand(shape, generator: generator) * 2 - 1;
    }

    private static void Close(Tensor expected, Tensor actual)
    {
        Assert.Equal(expected.shape, actual.shape);
        Assert.True((expected - actual).abs().max().ToDouble() < 1e-5);
    }

    private static void Load(nn.Module module, string prefix, TargetNetwork target, Tensor[] weights)
    {
        using var noGradient = no_grad();
        foreach (var (name, parameter) in module.named_parameters())
            parameter.copy_(weights[target.Parameters.ToList().FindIndex(p => p.Name == prefix + name)]);
        Assert.Equal(module.parameters().Count(), weights.Length);
    }

    [Theory]
    [InlineData(1, false)]
    [InlineData(2, true)]
    public void Lstm_is_the_native_one(int layers, bool wholeSequence)
    {
        using var scope = NewDisposeScope();
        var target = TargetNetwork.Input(5, 3).Lstm(4, layers, wholeSequence).Build();
        var weights = SomeWeights(target);
        using var native = nn.LSTM(3, 4, layers, batchFirst: true);
        Load(native, "lstm1.", target, weights);
        var input = Numbers(2, 5, 3);

        var states = native.call(input).Item1;

        Close(wholeSequence ? states : states.select(1, -1), target.Forward(input, weights));
    }

    [Fact]
    public void Self_attention_is_the_native_one()
    {
        using var scope = NewDisposeScope();
        var target = TargetNetwork.Input(5, 6).SelfAttention(3).Build();
        var weights = SomeWeights(target);
        using var native = nn.MultiheadAttention(6, 3);
        Load(native, "attention1.", target, weights);
        var input = Numbers(2, 5, 6);
        var tokens = input.transpose(0, 1);

        Close(native.call(tokens, tokens, tokens, null!, false, null!).Item1.transpose(0, 1), target.Forward(input, weights));
    }

    [Fact]
    public void Transposed_convolution_and_layer_norm_are_the_native_ones()
    {
        using var scope = NewDisposeScope();
        var target = TargetNetwork.Input(2, 4, 3).ConvTranspose2d(3, 3, stride: 2, padding: 1, name: "x").Build();
        var weights = SomeWeights(target);
        using var native = nn.ConvTranspose2d(2, 3, 3, 2, 1);
        Load(native, "x.", target, weights);
        var image = Numbers(2, 2, 4, 3);
        Close(native.call(image), target.Forward(image, weights));

        var norm = TargetNetwork.Input(4, 6).LayerNorm(name: "x").Build();
        var normWeights = SomeWeights(norm);
        using var nativeNorm = nn.LayerNorm(6);
        Load(nativeNorm, "x.", norm, normWeights);
        var tokens = Numbers(2, 4, 6);
        Close(nativeNorm.call(tokens), norm.Forward(tokens, normWeights));
    }

    [Fact]
    public void Batch_norm_is_the_native_one_in_training_and_in_evaluation()
    {
        using var scope = NewDisposeScope();
        var target = TargetNetwork.Input(2, 4, 3).BatchNorm2d(name: "x").Build();
        var weights = SomeWeights(target);
        using var native = nn.BatchNorm2d(2);
        Load(native, "x.", target, weights);
        using var state = target.CreateState();
        var images = Numbers(5, 2, 4, 3) * 3 + 1;

        Close(native.call(images), target.Forward(images, weights, state, training: true));
        Close(native.call(images * 2), target.Forward(images * 2, weights, state, training: true));
        native.eval();
        Close(native.call(images), target.Forward(images, weights, state, training: false));
        Assert.Equal(
            native.named_buffers().OrderBy(buffer => buffer.name).Select(buffer => string.Join(' ', buffer.buffer.to(float64).reshape(-1).data<double>())),
            native.named_buffers().OrderBy(buffer => buffer.name).Select(buffer => string.Join(' ', state["x." + buffer.name].to(float64).reshape(-1).data<double>())));
        using var module = target.ToModule(weights, state);
        Close(native.call(images), module.call(images));
        // Without a state: the running statistics from before training, mean 0 and variance 1.
        Close(
            images / Math.Sqrt(1 + 1e-5) * weights[0].view(2, 1, 1) + weights[1].view(2, 1, 1), target.Forward(images, weights));
    }

    [Fact]
    public void Going_back_through_two_passes_of_training_is_possible()
    {
        using var scope = NewDisposeScope();
        var target = TargetNetwork.Input(1, 4, 4).Conv2d(2, 3).BatchNorm2d().Build();
        Tensor[] weights = [.. SomeWeights(target).Select(weight => weight.requires_grad_())];
        using var state = target.CreateState();
        var images = Numbers(3, 1, 4, 4);

        var first = target.Forward(images, weights, state, training: true);
        var second = target.Forward(images * 2, weights, state, training: true);
        (first.square().sum() + second.sum()).backward();

        Assert.True(weights[2].grad!.abs().sum().ToDouble() > 0);
        Assert.Equal(2, state["bn1.num_batches_tracked"].item<long>());
    }

    [Fact]
    public void Skips_pooling_and_reshaping_do_what_they_say()
    {
        using var scope = NewDisposeScope();
        var image = Numbers(2, 3, 4, 4);
        var doubled = TargetNetwork.Input(3, 4, 4).Residual(body => body.Tanh()).Conv2d(1, 1).Build();
        Tensor[] pick = [tensor(new[] { 0f, 1, 0 }).view(1, 3, 1, 1), zeros(1)];
        Close((image + image.tanh())[.., 1..2], doubled.Forward(image, pick));

        var negative = TargetNetwork.Input(3, 4, 4).Residual(body => body.Conv2d(1, 1), skip => skip.Conv2d(1, 1), relu: true).Build();
        Assert.Equal(
            ["residual1.conv1.weight", "residual1.conv1.bias"], negative.Parameters.Take(2).Select(parameter => parameter.Name));

        var both = TargetNetwork.Input(3, 4, 4).Concatenate(body => body.Tanh()).Conv2d(1, 1).Build();
        Tensor[] last = [tensor(new[] { 0f, 0, 0, 0, 0, 1 }).view(1, 6, 1, 1), zeros(1)];
        Close(image.tanh()[.., 2..], both.Forward(image, last));

        var pooled = TargetNetwork.Input(3, 4, 4).GlobalAveragePool2d().Linear(3, bias: false).Build();
        Close(image.mean([2, 3]), pooled.Forward(image, [eye(3)]));

        var reshaped = TargetNetwork.Input(3, 4, 4).Reshape(6, 8).Linear(8, bias: false).Build();
        Close(image.reshape(2, 6, 8), reshaped.Forward(image, [eye(8)]));
    }

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
        {
            () => TargetNetwork.Input(2, 4, 4).Conv2d(2, 1).Residual(body => body.Conv2d(2, 1), name: ""),
            "the weight 'conv1.weight' is there already"
        },
    };

    [Theory]
    [MemberData(nameof(BadLayers))]
    public void A_bad_layer_is_refused_where_it_is_added(Func<TargetNetworkBuilder> build, string message) =>
        Assert.Contains(message, Assert.Throws<ArgumentException>(() => { build(); }).Message);
}
