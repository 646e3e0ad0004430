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

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Self_attention_is_the_native_one_and_sees_no_later_token_where_it_is_causal(bool isCausal)
    {
        using var scope = NewDisposeScope();
        var start = TargetNetwork.Input(5, 6);
        var target = (isCausal ? start.CausalSelfAttention(3) : start.SelfAttention(3)).Build();
        var weights = SomeWeights(target);
        using var native = nn.MultiheadAttention(6, 3);
        Load(native, "attention1.", target, weights);
        var input = Numbers(2, 5, 6);
        var tokens = input.transpose(0, 1);
        var mask = isCausal ? full(5, 5, double.NegativeInfinity).triu(1) : null;

        var outputs = target.Forward(input, weights);

        Close(native.call(tokens, tokens, tokens, null!, false, mask!).Item1.transpose(0, 1), outputs);
        var other = input.clone();
        other[.., 3..] += 1;
        var early = target.Forward(other, weights)[.., ..3];
        Assert.Equal(isCausal, Small.Bits(outputs[.., ..3]).SequenceEqual(Small.Bits(early)));
    }

    [Fact]
    public void Swapped_axes_are_the_transpose()
    {
        using var scope = NewDisposeScope();
        var plain = TargetNetwork.Input(5, 6).Linear(4).Build();
        var (input, weights) = (Numbers(2, 5, 6), SomeWeights(plain));
        var swapped = TargetNetwork.Input(5, 6).Linear(4).SwapAxes().Build().Forward(input, weights);
        Assert.Equal([2L, 4, 5], swapped.shape);
        Assert.Equal(Small.Bits(plain.Forward(input, weights).transpose(1, 2)), Small.Bits(swapped));
        Assert.Contains("two axes", Assert.Throws<ArgumentException>(() => TargetNetwork.Input(5).SwapAxes()).Message);
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
        // In double precision, which takes another way through libtorch: in single its outputs of several samples are wrong on some processors.
        native.to(float64);
        Close(native.call(image.to(float64)), target.Forward(image, weights));

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

    [Theory]
    [InlineData(1, false)]
    [InlineData(2, true)]
    public void Gru_is_the_native_one(int layers, bool wholeSequence)
    {
        using var scope = NewDisposeScope();
        var target = TargetNetwork.Input(5, 3).Gru(4, layers, wholeSequence).Build();
        var weights = SomeWeights(target);
        using var native = nn.GRU(3, 4, layers, batchFirst: true);
        Load(native, "gru1.", target, weights);
        var input = Numbers(2, 5, 3);

        var states = native.call(input).Item1;

        Close(wholeSequence ? states : states.select(1, -1), target.Forward(input, weights));
        using var module = target.ToModule(weights);
        Assert.True(module.call(input).equal(target.Forward(input, weights)).all().item<bool>());
        Assert.Equal([12L, 3], target.Parameters[0].Shape);
    }

    [Theory]
    [InlineData(6L)]
    [InlineData(3L, 5L)]
    public void Batch_norm_of_features_is_the_native_one_in_training_and_in_evaluation(params long[] shape)
    {
        using var scope = NewDisposeScope();
        var target = TargetNetwork.Input(shape).BatchNorm1d(name: "x").Build();
        var weights = SomeWeights(target);
        using var native = nn.BatchNorm1d(shape[0]);
        Load(native, "x.", target, weights);
        using var state = target.CreateState();
        var input = Numbers([4, .. shape]) * 2 + 1;

        Close(native.call(input), target.Forward(input, weights, state, training: true));
        native.eval();
        Close(native.call(input), target.Forward(input, weights, state, training: false));
        using var module = target.ToModule(weights, state);
        Close(native.call(input), module.call(input));
        Assert.Equal(["x.weight", "x.bias", "x.running_mean", "x.running_var", "x.num_batches_tracked"], module.state_dict().Keys);
    }

    [Fact]
    public void A_batch_of_one_value_a_channel_leaves_the_running_statistics_alone()
    {
        using var scope = NewDisposeScope();
        var target = TargetNetwork.Input(3).BatchNorm1d().Build();
        using var state = target.CreateState();

        var output = target.Forward(ones(1, 3), SomeWeights(target), state, training: true);

        Assert.True(output.isfinite().all().item<bool>());
        Assert.Equal([1f, 1, 1], state["bn1.running_var"].data<float>());
        Assert.Equal(0, state["bn1.num_batches_tracked"].item<long>());
    }

    [Fact]
    public void Average_pooling_is_the_native_one()
    {
        using var scope = NewDisposeScope();
        var target = TargetNetwork.Input(2, 7, 5).AvgPool2d(3, stride: 2, padding: 1).Conv2d(1, 1).Build();
        var weights = SomeWeights(target);
        var image = Numbers(2, 2, 7, 5);
        using var native = nn.AvgPool2d(3, 2, 1);

        Close(nn.functional.conv2d(native.call(image), weights[0], weights[1]), target.Forward(image, weights));
        using var module = target.ToModule(weights);
        Assert.True(module.call(image).equal(target.Forward(image, weights)).all().item<bool>());
    }

    [Fact]
    public void Embedding_is_the_native_one_takes_whole_numbers_and_passes_its_gradient_on()
    {
        using var scope = NewDisposeScope();
        var target = TargetNetwork.Input(5).Embedding(7, 4).Flatten().Linear(3).Build();
        var weights = SomeWeights(target);
        using var native = nn.Embedding(7, 4);
        using (no_grad())
            native.weight!.copy_(weights[0]);
        var tokens = tensor(new long[] { 0, 6, 3, 3, 1, 2, 0, 5, 4, 6 }, [2, 5]);

        Assert.Equal(["embedding1.weight(7, 4)", "fc1.weight(3, 20)", "fc1.bias(3)"], target.Parameters.Select(p => p.ToString()));
        Assert.Equal("(5) Int64", Assert.Single(target.Inputs).ToString());
        var expected = nn.functional.linear(native.call(tokens).flatten(1), weights[1], weights[2]);
        Close(expected, target.Forward(tokens, weights));
        using var module = target.ToModule(weights);
        Close(expected, module.call(tokens));
        Assert.Equal(target.Parameters.Select(p => p.Name), module.state_dict().Keys);

        expected.square().sum().backward();
        var table = weights[0].detach().clone().requires_grad_();
        target.Forward(tokens, [table, weights[1], weights[2]]).square().sum().backward();
        Close(native.weight!.grad!, table.grad!);
    }

    [Fact]
    public void Token_ids_of_another_type_or_out_of_range_are_refused_by_name()
    {
        using var scope = NewDisposeScope();
        var target = TargetNetwork.Input(2).Embedding(7, 4).Flatten().Linear(3).Build("words");
        var weights = SomeWeights(target);

        Assert.Contains("the input is Float32; it must be Int64", Refusal(zeros(1, 2)));
        Assert.Contains("holds the token 7; ids run from 0 to 6", Refusal(tensor(new long[] { 0, 7 }, [1, 2])));
        Assert.Contains("holds the token -1", Refusal(tensor(new long[] { 0, -1 }, [1, 2])));

        string Refusal(Tensor input) => Assert.Throws<ArgumentException>("input", () => target.Forward(input, weights)).Message;
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
            ["residual1.conv1.weight", "residual1.conv1.bias", "residual1.conv2.weight", "residual1.conv2.bias"],
            negative.Parameters.Select(parameter => parameter.Name));

        var both = TargetNetwork.Input(3, 4, 4).Concatenate(body => body.Tanh()).Conv2d(1, 1).Build();
        Tensor[] last = [tensor(new[] { 0f, 0, 0, 0, 0, 1 }).view(1, 6, 1, 1), zeros(1)];
        Close(image.tanh()[.., 2..], both.Forward(image, last));

        var pooled = TargetNetwork.Input(3, 4, 4).GlobalAveragePool2d().Linear(3, bias: false).Build();
        Close(image.mean([2, 3]), pooled.Forward(image, [eye(3)]));

        var reshaped = TargetNetwork.Input(3, 4, 4).Reshape(6, 8).Linear(8, bias: false).Build();
        Close(image.reshape(2, 6, 8), reshaped.Forward(image, [eye(8)]));
    }
}
