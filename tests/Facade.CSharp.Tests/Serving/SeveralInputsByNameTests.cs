using TorchSharp;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

/// <summary>Adapters of a network of several inputs, asked by name.</summary>
public sealed class SeveralInputsByNameTests : IDisposable
{
    private readonly TokensAndNumbers module = new();
    private readonly Tensor tokens = tensor(new long[,] { { 0, 1, 2 }, { 3, 4, 5 }, { 6, 7, 8 }, { 9, 10, 11 } });
    private readonly Tensor numbers = tensor(new float[,] { { 1, 0.5f }, { -1, 0.25f }, { 0, 2 }, { 0.75f, -0.5f } });
    private readonly ModuleTarget target;
    private readonly PretrainedWeights pretrained;
    private readonly AdapterHost host;

    public SeveralInputsByNameTests()
    {
        target = TargetNetwork.From(module, [tokens, numbers]);
        pretrained = PretrainedWeights.Of(target);
        host = new(target, pretrained);
        foreach (var (name, shift) in new[] { ("one", 0.1), ("two", -0.05) })
        {
            using var model = FineTuning.Of(target, pretrained).Groups(60).Build();
            using (no_grad())
                model.TrainedTensors["latent"].fill_(shift);
            host.Add(name, model);
        }
    }

    public void Dispose()
    {
        host.Dispose();
        pretrained.Dispose();
        target.Dispose();
        module.Dispose();
        tokens.Dispose();
        numbers.Dispose();
    }

    private int[] Named(string? name)
    {
        using var outputs = host.Predict([tokens, numbers], name);
        return Small.Bits(outputs);
    }

    private int[] Active(string? name)
    {
        host.SetActive(name);
        using var outputs = host.Predict([tokens, numbers]);
        return Small.Bits(outputs);
    }

    [Fact]
    public void An_adapter_answers_by_name_as_when_it_is_active()
    {
        var (none, one, two) = (Active(null), Active("one"), Active("two"));
        Assert.NotEqual(one, two);
        Assert.NotEqual(none, one);
        host.SetActive("one");

        Assert.Equal(none, Named(null));
        Assert.Equal(one, Named("one"));
        Assert.Equal(two, Named("two"));
        Assert.Equal("one", host.Active);
        using (host.Disable())
            Assert.Equal(none, Named("two"));
        Assert.Throws<KeyNotFoundException>(() => Named("three"));
        Assert.Throws<ArgumentException>("inputs", () => host.Predict([tokens], "one"));
        Assert.Throws<ArgumentNullException>("inputs", () => host.Predict([tokens, null!], "one"));
    }

    [Fact]
    public void A_disposed_or_missing_input_is_refused_by_name()
    {
        using var model = DirectModel.For(target);
        var gone = numbers.clone();
        gone.Dispose();

        Action[] uses =
        [
            () => model.Predict([tokens, gone]),
            () => host.Predict([tokens, gone]),
            () => host.Predict([tokens, gone], "one"),
            () => host.PredictEach([tokens, gone], ["one", "two", null, "one"]),
        ];
        Assert.All(uses, use => Assert.Contains("input 2 was disposed", Assert.Throws<ArgumentException>("inputs", use).Message));
        Assert.Throws<ArgumentNullException>("inputs", () => model.Predict([tokens, null!]));
        Assert.Throws<ArgumentNullException>("inputs", () => host.Predict([tokens, null!]));
    }

    [Fact]
    public void Each_sample_goes_to_its_own_adapter_in_every_input()
    {
        using var scope = NewDisposeScope();
        string?[] names = ["two", null, "one", "two"];

        var outputs = host.PredictEach([tokens, numbers], names);

        Assert.Equal([4L, 3], outputs.shape);
        for (var place = 0; place < names.Length; place++)
        {
            host.SetActive(names[place]);
            var alone = host.Predict([tokens.narrow(0, place, 1), numbers.narrow(0, place, 1)])[0];
            Assert.True(alone.allclose(outputs[place], rtol: 1e-5, atol: 1e-6), $"sample {place}");
        }
    }

    [Fact]
    public void Names_are_held_against_the_samples_of_every_input()
    {
        using var scope = NewDisposeScope();
        string?[] names = ["two", null, "one", "two"];

        Assert.Contains("4 names", Assert.Throws<ArgumentException>(
            "adapters", () => host.PredictEach([tokens, cat([numbers, numbers])], names)).Message);
        Assert.Throws<ArgumentException>("adapters", () => host.PredictEach([tokens, numbers], []));
        Assert.Throws<ArgumentNullException>("inputs", () => host.PredictEach([tokens, null!], names));
        Assert.Throws<ArgumentException>("inputs", () => host.PredictEach([tokens], names));
        Assert.Throws<KeyNotFoundException>(() => host.PredictEach([tokens, numbers], ["two", null, "one", "three"]));
    }
}
