using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

/// <summary>Adapters that answer by name, several for one batch, combinations, and mapped models as adapters.</summary>
public sealed class AdaptersByNameTests : IDisposable
{
    private readonly PretrainedWeights pretrained = FineTuned.Pretrained();
    private readonly AdapterHost host;
    private readonly Dataset data = Small.Classes(12);

    public AdaptersByNameTests()
    {
        host = new(Small.Classifier(), pretrained);
        foreach (var (name, seed) in new[] { ("one", 3ul), ("two", 4ul) })
        {
            using var model = FineTuned.Trained(FineTuned.Ways.First(), pretrained, seed);
            host.Add(name, model);
        }
    }

    public void Dispose()
    {
        host.Dispose();
        pretrained.Dispose();
        data.Dispose();
    }

    private int[] Active(string? name, Tensor inputs)
    {
        host.SetActive(name);
        using var outputs = host.Predict(inputs);
        return Small.Bits(outputs);
    }

    private int[] Named(string? name, Tensor inputs)
    {
        using var outputs = host.Predict(inputs, name);
        return Small.Bits(outputs);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(8)]
    public void An_adapter_answers_by_name_as_when_it_is_active_and_the_active_one_stays(int kept)
    {
        host.KeptAdapters = kept;
        var (none, one, two) = (Active(null, data.Inputs), Active("one", data.Inputs), Active("two", data.Inputs));
        Assert.NotEqual(one, two);
        host.SetActive("one");
        for (var round = 0; round < 2; round++)
        {
            Assert.Equal(two, Named("two", data.Inputs));
            Assert.Equal(none, Named(null, data.Inputs));
            Assert.Equal(one, Named("one", data.Inputs));
        }

        Assert.Equal("one", host.Active);
        Assert.Throws<KeyNotFoundException>(() => host.Predict(data.Inputs, "three"));
        Assert.Throws<ArgumentOutOfRangeException>(() => host.KeptAdapters = -1);
    }

    [Fact]
    public void A_scope_without_adapters_lets_the_base_answer_for_every_name()
    {
        string?[] names = ["two", null, "one", "one", "two", null, "one", "two", null, "two", "one", "one"];
        var none = Active(null, data.Inputs);
        host.SetActive("one");
        using (host.Disable())
        {
            Assert.Equal(none, Named("one", data.Inputs));
            Assert.Equal(none, Named("two", data.Inputs));
            using var each = host.PredictEach(data.Inputs, names);
            using var plain = host.Predict(data.Inputs);
            Assert.True(each.allclose(plain));
            Assert.Throws<KeyNotFoundException>(() => host.Predict(data.Inputs, "three"));
            host.Merge("one");
            Assert.Throws<InvalidOperationException>(() => host.Predict(data.Inputs, "one"));
            host.Unmerge();
        }

        Assert.NotEqual(none, Named("two", data.Inputs));
    }

    [Fact]
    public void Each_sample_of_a_batch_goes_to_its_own_adapter()
    {
        using var scope = NewDisposeScope();
        string?[] names = ["two", null, "one", "one", "two", null, "one", "two", null, "two", "one", "one"];

        var outputs = host.PredictEach(data.Inputs, names);

        for (var place = 0; place < names.Length; place++)
        {
            var alone = host.Predict(data.Inputs.narrow(0, place, 1), names[place])[0];
            Assert.True(alone.allclose(outputs[place], rtol: 1e-5, atol: 1e-6), $"sample {place}");
        }

        Assert.Throws<ArgumentException>("adapters", () => host.PredictEach(data.Inputs, ["one"]));
        Assert.Throws<KeyNotFoundException>(() => host.PredictEach(data.Inputs, [.. names[..11], "three"]));
    }

    [Fact]
    public void A_merge_and_a_deletion_reach_adapters_whose_weights_were_kept()
    {
        var before = Named("two", data.Inputs);
        host.Merge("one");
        var after = Named("two", data.Inputs);
        Assert.NotEqual(before, after);
        Assert.Equal(Active("two", data.Inputs), after);
        host.SetActive(null);
        Assert.Throws<InvalidOperationException>(() => host.Predict(data.Inputs, "one"));
        host.Unmerge();
        Assert.Equal(before, Named("two", data.Inputs));
        host.Delete("two");
        Assert.Throws<KeyNotFoundException>(() => host.Predict(data.Inputs, "two"));
        using var other = FineTuned.Trained(FineTuned.Ways.First(), pretrained, seed: 9);
        host.Add("two", other);
        Assert.NotEqual(before, Named("two", data.Inputs));
    }

    [Fact]
    public void A_combination_is_the_weighted_sum_of_the_changes()
    {
        using var scope = NewDisposeScope();
        Tensor Weights(string? name)
        {
            host.SetActive(name);
            return host.FlatWeights();
        }

        var (none, one, two) = (Weights(null), Weights("one"), Weights("two"));
        host.AddCombination("both", [("one", 0.75), ("two", -0.5)]);
        host.AddCombination("same", [("one", 1)]);

        Assert.True(none.add((one - none) * 0.75f).add((two - none) * -0.5f).allclose(Weights("both"), rtol: 1e-6, atol: 1e-7));
        Assert.True(one.allclose(Weights("same"), rtol: 1e-6, atol: 1e-7));
        Assert.NotEqual(Named("one", data.Inputs), Named("both", data.Inputs));
        Assert.Contains("a part of 'both'", Assert.Throws<InvalidOperationException>(() => host.Delete("two")).Message);
        Assert.Contains("'both' is a combination of 'one', 'two'", Assert.Throws<InvalidOperationException>(() => host.Save("both", "none")).Message);
        host.Delete("both");
        host.Delete("two");
        Assert.Throws<KeyNotFoundException>(() => host.AddCombination("again", [("two", 1)]));
        Assert.Throws<ArgumentException>("parts", () => host.AddCombination("again", []));
        Assert.Throws<ArgumentException>("parts", () => host.AddCombination("again", [("one", 1), ("one", 1)]));
        Assert.Throws<ArgumentException>("parts", () => host.AddCombination("again", [("one", double.NaN)]));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Adapters_that_were_trained_for_different_times_combine_unless_their_statistics_differ(bool isNormed)
    {
        var trunk = TargetNetwork.Input(4).Linear(14);
        var target = (isNormed ? trunk.BatchNorm1d() : trunk).Tanh().Dropout(0.5).Linear(3).Build("dropping");
        using var start = DirectModel.For(target, 2);
        using var weights = PretrainedWeights.Of(start);
        using var dropping = new AdapterHost(target, weights);
        foreach (var (name, epochs) in new[] { ("short", 1), ("long", 2) })
        {
            using var model = FineTuning.Of(target, weights).Groups(20).Build();
            new Trainer(model, new() { Epochs = epochs, FrozenStatistics = false, RestoreBest = false }).Fit(data);
            dropping.Add(name, model);
        }

        void Combine() => dropping.AddCombination("both", [("short", 0.5), ("long", 0.5)]);

        if (isNormed)
        {
            Assert.Contains("'bn1.running_mean'", Assert.Throws<InvalidOperationException>(Combine).Message);
            return;
        }

        Combine();
        using var outputs = dropping.Predict(data.Inputs, "both");
        Assert.Equal([12L, 3], outputs.shape);
    }

    [Fact]
    public void A_merge_of_what_a_combination_has_is_refused_for_it_would_count_twice()
    {
        host.AddCombination("both", [("one", 0.75), ("two", -0.5)]);
        host.AddCombination("more", [("both", 1)]);
        var both = Named("both", data.Inputs);
        foreach (var name in new[] { "one", "both" })
            Assert.Contains("count twice", Assert.Throws<InvalidOperationException>(() => host.Merge(name)).Message);
        Assert.Empty(host.Merged);
        Assert.Equal(both, Named("both", data.Inputs));
    }

    [Fact]
    public void The_parts_of_a_merged_combination_do_not_answer_until_it_is_unmerged()
    {
        var one = Named("one", data.Inputs);
        host.AddCombination("both", [("one", 0.75), ("two", -0.5)]);
        host.SetActive("one");
        Assert.Contains("answers now", Assert.Throws<InvalidOperationException>(() => host.Merge("both")).Message);
        host.SetActive(null);
        host.Merge("both");
        Assert.Contains("as a part of 'both'", Assert.Throws<InvalidOperationException>(() => host.Predict(data.Inputs, "one")).Message);
        host.Unmerge();
        Assert.Equal(one, Named("one", data.Inputs));
    }

    [Fact]
    public void A_merge_or_an_unmerge_that_fails_leaves_all_as_it_was()
    {
        var fails = false;
        Tensor Half(Tensor latent) =>
            fails ? throw new NotSupportedException("The modulation fails.") : latent.unsqueeze(0).expand(115, latent.shape[0]) * 0.5;
        using var model = MappingNetwork.For(Small.Classifier()).SingleLatent(6).WithModulation("half", Half).Build();
        host.Add("whole", model);
        host.KeptAdapters = 0;
        var (none, two) = (Named(null, data.Inputs), Named("two", data.Inputs));

        host.SetActive("whole");
        fails = true;
        Assert.Throws<NotSupportedException>(() => host.Merge("one"));
        Assert.Empty(host.Merged);
        Assert.Equal(none, Named(null, data.Inputs));
        Assert.Equal(two, Named("two", data.Inputs));

        fails = false;
        host.Merge("one");
        var (merged, onTop) = (Named(null, data.Inputs), Named("two", data.Inputs));
        fails = true;
        Assert.Throws<NotSupportedException>(() => host.Unmerge());
        Assert.Equal(["one"], host.Merged);
        Assert.Equal(merged, Named(null, data.Inputs));
        Assert.Equal(onTop, Named("two", data.Inputs));
        fails = false;
        host.Unmerge();
        Assert.Equal(two, Named("two", data.Inputs));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_mapped_model_answers_beside_adapters_of_the_base(bool fromFile)
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        using var model = MappingNetwork.For(Small.Classifier()).SingleLatent(64).WithSeed(5).Build();
        new Trainer(model, new() { Epochs = 1, BatchSize = 4, Seed = 1 }).Fit(data);
        var expected = Small.Bits(model.Predict(data.Inputs));

        if (fromFile)
        {
            model.SaveAdapter(folder.File("whole"));
            host.Add("whole", folder.File("whole"));
        }
        else
        {
            host.Add("whole", model);
            // What the host answers with is a copy.
            using (no_grad())
                model.Latent.add_(1);
        }

        Assert.Equal(expected, Named("whole", data.Inputs));
        Assert.Equal(expected, Active("whole", data.Inputs));
        host.Save("whole", folder.File("again"));
        using var again = MappedModel.LoadAdapter(folder.File("again"), Small.Classifier());
        Assert.Equal(expected, Small.Bits(again.Predict(data.Inputs)));
        Assert.Contains("nothing of the base", Assert.Throws<InvalidOperationException>(() => host.Merge("whole")).Message);
        using var other = MappingNetwork.For(TargetNetwork.Input(3).Linear(2).Build("other")).SingleLatent(4).Build();
        Assert.Throws<ArgumentException>("model", () => host.Add("other", other));
    }

    [Fact]
    public void A_file_takes_an_adapters_place_also_while_it_answers_and_a_refused_one_does_not()
    {
        using var folder = new TemporaryFolder();
        host.Save("two", folder.File("two"));
        var (one, two) = (Named("one", data.Inputs), Named("two", data.Inputs));
        host.SetActive("one");
        host.Replace("one", folder.File("two"));
        Assert.Equal(two, Named("one", data.Inputs));
        using (var active = host.Predict(data.Inputs))
            Assert.Equal(two, Small.Bits(active));

        folder.Write([1, 2, 3], "bad");
        Assert.Throws<CheckpointFormatException>(() => host.Replace("one", folder.File("bad")));
        Assert.Equal(two, Named("one", data.Inputs));
        Assert.NotEqual(one, two);
        host.Replace("new", folder.File("two"));
        Assert.Equal(two, Named("new", data.Inputs));
        host.AddCombination("sum", [("new", 1)]);
        Assert.Throws<InvalidOperationException>(() => host.Replace("new", folder.File("two")));
        Assert.Contains("or replace it", Assert.Throws<ArgumentException>("name", () => host.Add("one", folder.File("two"))).Message);
    }

    [Fact]
    public async Task Many_threads_ask_by_name_while_adapters_are_merged_and_swapped()
    {
        host.KeptAdapters = 1;
        var right = new[] { Named("one", data.Inputs), Named("two", data.Inputs) };
        var asking = Enumerable.Range(0, 4).Select(worker => Task.Run(() =>
        {
            for (var round = 0; round < 50; round++)
                Assert.Equal(right[(worker + round) % 2], Named((worker + round) % 2 == 0 ? "one" : "two", data.Inputs));
        })).ToArray();
        for (var round = 0; round < 50; round++)
            host.SetActive(round % 3 == 0 ? null : round % 3 == 1 ? "one" : "two");
        await Task.WhenAll(asking);
    }
}
