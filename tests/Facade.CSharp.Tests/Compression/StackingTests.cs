using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

/// <summary>Every kind of model with low rank or not, pruned or not, in every precision: it saves, loads, serves and trains on.</summary>
public sealed class StackingTests
{
    private static readonly string[] Kinds = ["slvt", "lwt", "generated", "groups", "lora", "lora and groups and a whole head", "whole weights"];

    public static TheoryData<string, bool, bool, StoredPrecision> Combinations
    {
        get
        {
            var all = new TheoryData<string, bool, bool, StoredPrecision>();
            foreach (var kind in Kinds)
                foreach (var lowRank in new[] { false, true })
                    foreach (var pruned in new[] { false, true })
                        foreach (var precision in Enum.GetValues<StoredPrecision>())
                            all.Add(kind, lowRank, pruned, precision);
            return all;
        }
    }

    private static TargetNetwork Target(bool lowRank) => lowRank ? Small.Classifier().LowRank("fc1", 2) : Small.Classifier();

    private static GeneratedModel Generated(bool lowRank)
    {
        using var scope = NewDisposeScope();
        var target = Target(lowRank);
        return GeneratedModel.For(
            target, "scaled", [new("factor", ones(1)), new("weights", linspace(-1, 1, target.ParameterCount))], trained => trained[0] * trained[1]);
    }

    private static Model Build(string kind, bool lowRank, PretrainedWeights pretrained)
    {
        var tuning = FineTuning.Of(Target(lowRank), pretrained).WithSeed(6);
        return kind switch
        {
            "slvt" => MappingNetwork.For(Target(lowRank)).SingleLatent(20).WithTrainableScales().Build(),
            "lwt" => MappingNetwork.For(Target(lowRank)).LayerWise(24).Build(),
            "generated" => Generated(lowRank),
            "groups" => tuning.Groups(40).Build(),
            "lora" => tuning.LowRank(1).Build(),
            "lora and groups and a whole head" => tuning.LowRank(1, layers: ["fc1"]).Groups(14, layers: ["fc1.bias"]).WholeWeights("fc2").Build(),
            "whole weights" => tuning.WholeWeights().Build(),
            _ => throw new InvalidOperationException(kind),
        };
    }

    [Theory]
    [MemberData(nameof(Combinations))]
    public void It_comes_back_as_it_was_stored_and_trains_on(string kind, bool lowRank, bool pruned, StoredPrecision precision)
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        using var data = Small.Classes(24);
        using var start = DirectModel.For(Target(lowRank), 2);
        using var pretrained = PretrainedWeights.Of(start);
        using var model = Build(kind, lowRank, pretrained);
        new Trainer(model, new() { Epochs = 1, BatchSize = 8 }).Fit(data);
        if (pruned)
            Pruning.ToShare(model, 0.5);
        var kept = FineTuned.Weights(model).Select(weight => weight != 0).ToArray();

        using var loaded = SavedAndLoaded(model, kind, lowRank, pretrained, folder.File("it"), precision);

        Assert.Equal((model.Method, model.TrainableCount, model.KeptWeights), (loaded.Method, loaded.TrainableCount, loaded.KeptWeights));
        foreach (var (name, saved, back) in model.TrainableNames.Zip(model.Trainables, loaded.Trainables))
            Assert.Equal(Stored(saved, precision, name, kind), Small.Values(back));
        if (precision == StoredPrecision.Single)
            Assert.Equal(FineTuned.Bits(model.FlatWeights), FineTuned.Bits(loaded.FlatWeights));
        if (loaded is FineTunedModel)
        {
            using var host = new AdapterHost(Target(lowRank), pretrained);
            host.Add("it", folder.File("it"));
            host.SetActive("it");
            Assert.Equal(FineTuned.Bits(loaded.FlatWeights), FineTuned.Bits(host.FlatWeights));
        }

        // What was stored once is stored again as it is.
        using var again = SavedAndLoaded(loaded, kind, lowRank, pretrained, folder.File("again"), precision);
        Assert.Equal(FineTuned.Bits(loaded.FlatWeights), FineTuned.Bits(again.FlatWeights));
        new Trainer(loaded, new() { Epochs = 1, BatchSize = 8 }).Fit(data);
        Assert.All(kept.Zip(FineTuned.Weights(loaded)), pair => Assert.True(pair.First || !pruned || pair.Second == 0));
    }

    [Theory]
    [MemberData(nameof(Combinations))]
    public void Its_weights_are_exported_or_the_combination_is_refused(string kind, bool lowRank, bool pruned, StoredPrecision precision)
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        using var start = DirectModel.For(Target(lowRank), 2);
        using var pretrained = PretrainedWeights.Of(start);
        using var model = Build(kind, lowRank, pretrained);
        if (pruned)
            Pruning.ToShare(model, 0.5);
        var inputs = randn(5, 4);
        foreach (var sparse in new[] { false, true })
            foreach (var factors in new[] { false, true })
            {
                void Export() => model.Export(folder.File("it"), precision, sparse, factors);
                if (sparse && !pruned)
                    Assert.Contains("not pruned", Assert.Throws<InvalidOperationException>(Export).Message);
                else if (sparse && lowRank && !factors)
                    Assert.Contains("products of pruned factors", Assert.Throws<NotSupportedException>(Export).Message);
                else
                {
                    Export();
                    var target = Target(lowRank && factors);
                    using var network = target.ReadWeights(folder.File("it"));
                    var (expected, actual) = (Small.Values(model.Predict(inputs)), Small.Values(target.Forward(inputs, network.Tensors)));
                    var tolerance = precision switch
                    {
                        StoredPrecision.Single => 1e-5f,
                        StoredPrecision.Half => 0.01f,
                        StoredPrecision.Int8 => 0.1f,
                        _ => 1f,
                    } * (1 + expected.Max(Math.Abs));
                    Assert.All(expected.Zip(actual), pair => Assert.Equal(pair.First, pair.Second, tolerance));
                    if (pruned && factors == lowRank)
                        Assert.All(
                            FineTuned.Weights(model).Zip(Small.Values(cat([.. network.Tensors.Select(weight => weight.reshape(-1))]))),
                            pair => Assert.True(pair.First != 0 || pair.Second == 0));
                }
            }
    }

    [Fact]
    public void A_latent_takes_the_bytes_of_its_precision()
    {
        using var folder = new TemporaryFolder();
        using var model = MappingNetwork.For(MappingNets.Targets.Cnn2()).SingleLatent(2048).StartingWithin(1).Build();
        long Bytes(StoredPrecision precision)
        {
            model.SaveAdapter(folder.File("it"), precision);
            return new FileInfo(folder.File("it")).Length;
        }

        // 4, 2, 1 and half a byte a latent, and a step of 2 bytes for 64 of them; the header takes what it takes.
        var single = Bytes(StoredPrecision.Single);
        Assert.InRange(single - Bytes(StoredPrecision.Half), 4_096 - 200, 4_096);
        Assert.InRange(single - Bytes(StoredPrecision.Int8), 6_144 - 64 - 300, 6_144 - 64);
        Assert.InRange(single - Bytes(StoredPrecision.Int4), 7_168 - 64 - 300, 7_168 - 64);
    }

    [Fact]
    public void What_a_precision_cannot_hold_is_refused_and_nothing_is_written()
    {
        using var folder = new TemporaryFolder();
        using var model = Small.Slvt();
        using (no_grad())
            model.Latent.fill_(1e20f);

        foreach (var precision in new[] { StoredPrecision.Half, StoredPrecision.Int8 })
            Assert.Contains("'latent' holds a number", Assert.Throws<InvalidOperationException>(() => model.SaveAdapter(folder.File("it"), precision)).Message);
        Assert.Throws<ArgumentOutOfRangeException>("precision", () => model.SaveAdapter(folder.File("it"), (StoredPrecision)9));
        Assert.False(File.Exists(folder.File("it")));
    }

    private static Model SavedAndLoaded(
        Model model, string kind, bool lowRank, PretrainedWeights pretrained, string path, StoredPrecision precision)
    {
        switch (model)
        {
            case MappedModel mapped:
                mapped.SaveAdapter(path, precision);
                return MappedModel.LoadAdapter(path, Small.Classifier());
            case GeneratedModel generated:
                generated.SaveTrained(path, precision);
                var fresh = Generated(lowRank);
                fresh.LoadTrained(path);
                return fresh;
            default:
                ((FineTunedModel)model).SaveAdapter(path, precision);
                return FineTunedModel.LoadAdapter(path, Target(lowRank), pretrained);
        }
    }

    /// <summary>What a tensor is after it was stored: by the definition, not by the file.</summary>
    private static float[] Stored(Tensor values, StoredPrecision precision, string name, string kind)
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        var flat = values.detach().reshape(-1);
        if (precision == StoredPrecision.Single)
            return Small.Values(flat);
        if (precision == StoredPrecision.Half)
            return Small.Values(flat.to(float16).to(float32));
        if (values.dim() < 2 && !name.StartsWith("latent", StringComparison.Ordinal) && kind != "generated")
            return Small.Values(flat);
        var group = values.dim() < 2 ? 64 : values.numel() / values.shape[0];
        return Small.Values(QuantizedNumbers.Of(flat, precision == StoredPrecision.Int8 ? 8 : 4, group).Restored);
    }
}
