using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

/// <summary>With which running statistics a host answers when an adapter that brings its own is merged into the base.</summary>
public sealed class MergedStatisticsTests : IDisposable
{
    private readonly TargetNetwork target = TargetNetwork.Input(1, 6, 6).Conv2d(3, 3).BatchNorm2d().ReLU().Flatten().Linear(4).Build("normal");
    private readonly Dataset data;
    private readonly PretrainedWeights pretrained;
    private readonly AdapterHost host;

    public MergedStatisticsTests()
    {
        data = Data();
        using var direct = DirectModel.For(target);
        new Trainer(direct, new() { Epochs = 2, BatchSize = 8 }).Fit(data);
        pretrained = PretrainedWeights.Of(direct);
        host = new(target, pretrained);
    }

    public void Dispose()
    {
        host.Dispose();
        pretrained.Dispose();
        data.Dispose();
    }

    private static Dataset Data()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(3);
        return Dataset.FromTensors((randn([32, 1, 6, 6], generator: generator) * 2) + 1, arange(32) % 4, ["a", "b", "c", "d"]);
    }

    /// <summary>A fine-tuned model; its statistics follow the batches only where they are not frozen.</summary>
    private FineTunedModel Tuned(bool isFrozen, int epochs = 2)
    {
        var model = FineTuning.Of(target, pretrained).Groups(10).Build();
        if (epochs > 0)
            new Trainer(model, new() { Epochs = epochs, BatchSize = 8, FrozenStatistics = isFrozen }).Fit(data);
        return model;
    }

    private void Add(string name, bool isFrozen, int epochs = 2)
    {
        using var model = Tuned(isFrozen, epochs);
        host.Add(name, model);
    }

    private int[] Named(string? name) => FineTuned.Bits(() => host.Predict(data.Inputs, name));

    private static string Refusal(Action use) => Assert.Throws<InvalidOperationException>(use).Message;

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    public void An_adapter_without_statistics_of_its_own_answers_with_those_that_were_merged(int epochs)
    {
        using var scope = NewDisposeScope();
        using var moved = Tuned(isFrozen: false);
        host.Add("moved", moved);
        Add("still", isFrozen: true, epochs);
        var (plain, still) = (Named(null), Named("still"));

        host.Merge("moved");

        Assert.Equal(FineTuned.Bits(() => moved.Predict(data.Inputs)), Named(null));
        host.SetActive("still");
        var weights = target.Layout.Split(host.FlatWeights());
        var expected = target.Forward(data.Inputs, weights, moved.State, training: false);
        using var before = target.CreateState();
        foreach (var (name, values) in target.PersistentBuffers(before))
            values.copy_(pretrained.Load(name));
        Assert.False(expected.allclose(target.Forward(data.Inputs, weights, before, training: false), rtol: 1e-3, atol: 1e-3));
        Assert.True(expected.allclose(host.Predict(data.Inputs), rtol: 1e-5, atol: 1e-5));
        var onTop = Named("still");
        Assert.Equal(onTop, FineTuned.Bits(() => host.Predict(data.Inputs)));

        host.Merge("still");

        Assert.Equal(onTop, Named(null));
        host.Unmerge();
        Assert.Equal(FineTuned.Bits(() => moved.Predict(data.Inputs)), Named(null));
        host.Unmerge();
        Assert.Equal(plain, Named(null));
        Assert.Equal(still, Named("still"));
    }

    [Fact]
    public void Two_adapters_with_different_statistics_of_their_own_do_not_meet()
    {
        Add("moved", isFrozen: false);
        Add("twin", isFrozen: false);
        Add("other", isFrozen: false, epochs: 3);
        var (moved, other) = (Named("moved"), Named("other"));
        const string Sentence = "The adapters 'moved' and 'other' differ in the buffer 'bn1.running_mean', of which there is no weighted sum";
        host.SetActive("other");

        Assert.Contains(Sentence, Refusal(() => host.Merge("moved")));
        Assert.Empty(host.Merged);
        Assert.Equal(other, FineTuned.Bits(() => host.Predict(data.Inputs)));

        host.SetActive(null);
        host.Merge("moved");
        Assert.Contains(Sentence, Refusal(() => host.SetActive("other")));
        Assert.Contains(Sentence, Refusal(() => host.Predict(data.Inputs, "other")));
        Assert.Contains(Sentence, Refusal(() => host.Merge("other")));
        Assert.Equal(["moved"], host.Merged);
        Assert.Equal(moved, Named(null));
        // The same statistics may meet.
        host.Merge("twin");
        host.Unmerge();
        host.Unmerge();
        Assert.Equal(other, Named("other"));
    }

    [Fact]
    public void A_combination_is_held_to_the_statistics_of_its_parts_whatever_is_merged()
    {
        using var scope = NewDisposeScope();
        Add("moved", isFrozen: false);
        Add("twin", isFrozen: false);
        Add("still", isFrozen: true);
        host.Merge("moved");

        // While it is merged both would answer with the same ones, and no longer when it is unmerged.
        Assert.Contains("'twin' and 'still' differ", Refusal(() => host.AddCombination("both", [("twin", 0.5), ("still", 0.5)])));
        host.AddCombination("twice", [("twin", 0.5)]);
        host.AddCombination("stiller", [("still", 0.5)]);
        foreach (var name in new[] { "twice", "stiller" })
        {
            var answers = host.Predict(data.Inputs, name);
            host.Merge(name);
            Assert.True(answers.allclose(host.Predict(data.Inputs, null), rtol: 1e-5, atol: 1e-5), name);
            host.Unmerge();
        }
    }

    [Fact]
    public void A_mapped_model_answers_with_its_own_statistics_whatever_is_merged()
    {
        Add("moved", isFrozen: false);
        using var mapped = MappingNetwork.For(target).SingleLatent(12).StartingWithin(0.5).Build();
        host.Add("whole", mapped);
        var whole = Named("whole");

        host.Merge("moved");

        Assert.Equal(whole, Named("whole"));
    }
}
