using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

public sealed class AdapterHostTests : IDisposable
{
    private readonly PretrainedWeights pretrained = FineTuned.Pretrained();
    private readonly AdapterHost host;

    public AdapterHostTests() => host = new(Small.Classifier(), pretrained);

    public void Dispose()
    {
        host.Dispose();
        pretrained.Dispose();
    }

    private int[] Bits() => FineTuned.Bits(host.FlatWeights);

    /// <summary>Adds a trained adapter and gives the bits of its model's weights.</summary>
    private int[] Add(string name, string way, ulong seed = 3)
    {
        using var model = FineTuned.Trained(way, pretrained, seed);
        host.Add(name, model);
        return FineTuned.Bits(model.FlatWeights);
    }

    public static TheoryData<string> Ways => [.. FineTuned.Ways];

    [Theory]
    [MemberData(nameof(Ways))]
    public void The_active_adapter_answers_with_its_models_bits(string way)
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        using var model = FineTuned.Trained(way, pretrained);
        var plain = Bits();
        host.Add("it", model);
        Assert.Null(host.Active);
        Assert.Equal(plain, Bits());

        host.SetActive("it");

        using var data = Small.Classes(8);
        Assert.Equal("it", host.Active);
        Assert.Equal(FineTuned.Bits(model.FlatWeights), Bits());
        Assert.Equal(Small.Bits(model.Predict(data.Inputs)), Small.Bits(host.Predict(data.Inputs, out var name)));
        Assert.Equal("it", name);
        using var module = host.Materialize();
        Assert.Equal(Small.Bits(model.Predict(data.Inputs)), Small.Bits(module.call(data.Inputs)));

        host.Save("it", folder.File("a"));
        host.Add("again", folder.File("a"));
        host.SaveFolder("it", folder.File("b"));
        host.Add("from the folder", folder.File("b"));
        foreach (var again in new[] { "again", "from the folder" })
        {
            host.SetActive(again);
            Assert.Equal(FineTuned.Bits(model.FlatWeights), Bits());
        }

        host.SetActive(null);
        Assert.Equal(plain, Bits());
    }

    [Fact]
    public void Adapters_are_swapped_and_deleted()
    {
        var first = Add("first", "groups");
        var second = Add("second", "lora");
        Assert.Equal(["first", "second"], host.Names.Order());

        host.SetActive("first");
        Assert.Equal(first, Bits());
        host.SetActive("second");
        Assert.Equal(second, Bits());
        host.Delete("first");

        Assert.Equal(["second"], host.Names);
        Assert.Contains("[second]", Assert.Throws<KeyNotFoundException>(() => host.SetActive("first")).Message);
        Assert.Contains("answers now", Assert.Throws<InvalidOperationException>(() => host.Delete("second")).Message);
        Assert.Equal(second, Bits());
        var third = Add("first", "mapping");
        host.SetActive("first");
        Assert.Equal(third, Bits());
    }

    [Fact]
    public void An_adapter_can_be_disabled_for_a_scope_and_only_there()
    {
        var plain = Bits();
        var active = Add("it", "groups");
        host.SetActive("it");

        using (host.Disable())
        {
            Assert.Equal(plain, Bits());
            using (host.Disable())
                Assert.Equal(plain, Bits());
            Assert.Equal(plain, Bits());
            int[]? elsewhere = null;
            var thread = new Thread(() => elsewhere = Bits());
            using (ExecutionContext.SuppressFlow())
                thread.Start();
            thread.Join();
            Assert.Equal(active, elsewhere);
        }

        Assert.Equal(active, Bits());
    }

    [Fact]
    public async Task A_scope_is_over_for_work_that_was_started_in_it_too()
    {
        var plain = Bits();
        var active = Add("it", "groups");
        host.SetActive("it");
        using var isOver = new SemaphoreSlim(0);
        Task<(int[] Inside, int[] After)> worker;

        using (host.Disable())
        {
            using var isInside = new SemaphoreSlim(0);
            worker = Task.Run(async () =>
            {
                var inside = Bits();
                isInside.Release();
                await isOver.WaitAsync();
                return (inside, Bits());
            });
            await isInside.WaitAsync();
        }

        isOver.Release();
        var seen = await worker;
        Assert.Equal(plain, seen.Inside);
        Assert.Equal(active, seen.After);
    }

    [Fact]
    public async Task A_scope_that_ends_elsewhere_ends_and_leaves_the_next_one_whole()
    {
        var plain = Bits();
        var active = Add("it", "groups");
        host.SetActive("it");

        using (await Opened())
            Assert.Equal(active, Bits());
        using (host.Disable())
            Assert.Equal(plain, Bits());
        var first = host.Disable();
        var second = host.Disable();
        await Task.Run(first.Dispose);
        Assert.Equal(plain, Bits());
        second.Dispose();
        second.Dispose();
        Assert.Equal(active, Bits());

        // What an asynchronous method opens for its own flow does not come out with its result.
        async Task<IDisposable> Opened()
        {
            await Task.Yield();
            return host.Disable();
        }
    }

    [Fact]
    public void A_model_whose_network_has_other_buffers_is_refused_before_it_answers()
    {
        var target = TargetNetwork.Input(4).Linear(14).Tanh().Dropout(0.2).Linear(3).Build("small-classifier");
        using var mapped = MappingNetwork.For(target).SingleLatent(24).Build();
        using var tuned = FineTuning.Of(target, pretrained).Groups(10).Build();

        var whole = Assert.Throws<ArgumentException>("model", () => host.Add("mapped", mapped)).Message;
        var change = Assert.Throws<CheckpointFormatException>(() => host.Add("tuned", tuned)).Message;

        Assert.All([whole, change], message => Assert.Contains("dropout", message));
        Assert.Empty(host.Names);
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public void Merging_keeps_the_bits_and_unmerging_brings_the_bases_back(string way)
    {
        var plain = Bits();
        var active = Add("it", way);
        var other = Add("other", "hashed groups of 3");
        host.SetActive("it");

        host.Merge("it");

        Assert.Null(host.Active);
        Assert.Equal(active, Bits());
        Assert.Equal(["it"], host.Merged);
        Assert.Contains("unmerge it first", Assert.Throws<InvalidOperationException>(() => host.SetActive("it")).Message);
        Assert.Throws<InvalidOperationException>(() => host.Merge("it"));
        Assert.Throws<InvalidOperationException>(() => host.Delete("it"));
        host.SetActive("other");
        Assert.NotEqual(other, Bits());
        using (host.Disable())
            Assert.Equal(active, Bits());

        Assert.Equal("it", host.Unmerge());

        Assert.Equal(other, Bits());
        host.SetActive(null);
        Assert.Equal(plain, Bits());
        host.SetActive("it");
        Assert.Equal(active, Bits());
        Assert.Throws<InvalidOperationException>(() => host.Unmerge());
    }

    [Fact]
    public void Two_merges_come_out_in_reverse()
    {
        var plain = Bits();
        var one = Add("one", "groups");
        Add("two", "mapping");
        host.Merge("one");
        Assert.Equal(one, Bits());
        host.Merge("two");
        Assert.Equal(["two", "one"], host.Merged);

        Assert.Equal(["two", "one"], [host.Unmerge(), host.Unmerge()]);

        Assert.Equal(plain, Bits());
    }

    [Fact]
    public void An_adapter_of_another_base_is_refused()
    {
        using var others = FineTuned.Pretrained(seed: 5);
        using var model = FineTuned.Build("groups", others);
        Assert.Contains("made for other weights", Assert.Throws<CheckpointFormatException>(() => host.Add("it", model)).Message);
        using var wide = DirectModel.For(TargetNetwork.Input(4).Linear(15).Tanh().Linear(3).Build("wide"));
        using var wider = PretrainedWeights.Of(wide);
        using var tuned = FineTuning.Of(wide.Target, wider).Groups(3).Build();
        Assert.Contains("of 'small-classifier' differ", Assert.Throws<CheckpointFormatException>(() => host.Add("it", tuned)).Message);
        Assert.Empty(host.Names);
    }

    [Fact]
    public void A_name_is_taken_once()
    {
        Add("it", "groups");

        Assert.Equal("name", Assert.Throws<ArgumentException>(() => Add("it", "lora")).ParamName);
        Assert.Equal("name", Assert.Throws<ArgumentException>(() => Add(" ", "lora")).ParamName);
        Assert.Equal("input", Assert.Throws<ArgumentException>(() => host.Predict(zeros([1, 4], ScalarType.Float64))).ParamName);
    }

    [Fact]
    public void Adapters_with_heads_of_their_own_serve_a_network_with_more_classes()
    {
        var target = TargetNetwork.Input(4).Linear(14).Tanh().Linear(5).Build("five");
        using var wide = new AdapterHost(target, pretrained);
        foreach (var (name, training) in new[] { ("direct", HeadTraining.Direct), ("mapped", HeadTraining.Mapped) })
        {
            using var model = FineTuning.Of(target, pretrained).Groups(20).WithNewHead(training).WithSeed(12).Build();
            wide.Add(name, model);
            wide.SetActive(name);
            Assert.Equal(FineTuned.Bits(model.FlatWeights), FineTuned.Bits(wide.FlatWeights));
        }
    }

    [Fact]
    public void Running_statistics_come_with_the_base_and_go_with_the_adapter()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        var target = TargetNetwork.Input(1, 6, 6).Conv2d(3, 3).BatchNorm2d().ReLU().Flatten().Linear(4).Build("normal");
        using var generator = new Generator(3);
        using var data = Dataset.FromTensors(randn([32, 1, 6, 6], generator: generator) * 2 + 1, arange(32) % 4, ["a", "b", "c", "d"]);
        using var direct = DirectModel.For(target);
        new Trainer(direct, new() { Epochs = 2, BatchSize = 8 }).Fit(data);
        using var weights = PretrainedWeights.Of(direct);
        using var normal = new AdapterHost(target, weights);
        var plain = Small.Bits(direct.Predict(data.Inputs));
        Assert.Equal(plain, Small.Bits(normal.Predict(data.Inputs)));
        using var full = FineTuning.Of(target, weights).WholeWeights().Build();
        Assert.Equal(plain, Small.Bits(full.Predict(data.Inputs)));

        using var model = FineTuning.Of(target, weights).Groups(10).Build();
        Assert.Equal(plain, Small.Bits(model.Predict(data.Inputs)));
        new Trainer(model, new() { Epochs = 2, BatchSize = 8, FrozenStatistics = false }).Fit(data);
        Assert.NotEqual(Small.Bits(direct.State["bn1.running_mean"]), Small.Bits(model.State["bn1.running_mean"]));
        model.SaveAdapter(folder.File("it"));
        normal.Add("it", folder.File("it"));
        normal.SetActive("it");

        var active = Small.Bits(model.Predict(data.Inputs));
        Assert.Equal(active, Small.Bits(normal.Predict(data.Inputs)));
        using var module = normal.Materialize();
        Assert.Equal(active, Small.Bits(module.call(data.Inputs)));
        using var loaded = FineTunedModel.LoadAdapter(folder.File("it"), target, weights);
        Assert.Equal(active, Small.Bits(loaded.Predict(data.Inputs)));
        normal.Merge("it");
        Assert.Equal(active, Small.Bits(normal.Predict(data.Inputs)));
        normal.Unmerge();
        normal.SetActive(null);
        Assert.Equal(plain, Small.Bits(normal.Predict(data.Inputs)));
    }
}
