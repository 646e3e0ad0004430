using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

/// <summary>Pruning in place: what stays, what is trained on, and what files keep of it.</summary>
public sealed class PruningTests
{
    private static Model Trained(string kind)
    {
        using var data = Small.Classes(48);
        using var pretrained = FineTuned.Pretrained();
        Model model = kind switch
        {
            "direct" => DirectModel.For(Small.Classifier(), 3),
            "slvt" => Small.Slvt(),
            "lwt" => Small.Lwt(),
            "groups" => FineTuned.Build("groups", pretrained),
            "whole" => FineTuned.Build("some whole weights", pretrained),
            _ => throw new InvalidOperationException(kind),
        };
        new Trainer(model, new() { Epochs = 2, BatchSize = 16 }).Fit(data);
        return model;
    }

    [Theory]
    [InlineData("direct", 40)]
    [InlineData("slvt", 24)]
    [InlineData("lwt", 24)]
    [InlineData("groups", 40)]
    [InlineData("whole", null)]
    public void The_largest_weights_stay_and_training_goes_on_with_these_alone(string kind, int? trainable)
    {
        using var data = Small.Classes(48);
        using var model = Trained(kind);
        var before = FineTuned.Weights(model);

        Pruning.ToCount(model, 40);

        var after = FineTuned.Weights(model);
        var kept = after.Select(weight => weight != 0).ToArray();
        Assert.Equal((40L, 40), (model.KeptWeights, kept.Count(stays => stays)));
        var least = after.Where(weight => weight != 0).Min(Math.Abs);
        Assert.All(before.Zip(after), pair => Assert.Equal(Math.Abs(pair.First) >= least ? pair.First : 0, pair.Second));
        // Of directly trained weights those that are gone are not trained any more.
        Assert.Equal(trainable ?? kept.Skip(70).Count(stays => stays), model.TrainableCount);

        new Trainer(model, new() { Epochs = 2, BatchSize = 16 }).Fit(data);

        var trained = FineTuned.Weights(model);
        Assert.All(kept.Zip(trained), pair => Assert.True(pair.First || pair.Second == 0));
        Assert.NotEqual(after, trained);
    }

    [Fact]
    public void The_mask_counts_in_the_stability_term_and_not_in_those_of_the_mapping_itself()
    {
        using var scope = NewDisposeScope();
        using var data = Small.Classes(24);
        using var model = Small.Lwt();
        new Trainer(model, new() { Epochs = 2, BatchSize = 8 }).Fit(data);
        (double Stability, double Smoothness, double Alignment) Terms()
        {
            var terms = model.Terms(data.Inputs);
            return (terms.Stability(1).ToDouble(), terms.Smoothness().ToDouble(), terms.Alignment().ToDouble());
        }

        var before = Terms();
        Pruning.ToShare(model, 0.3);
        var after = Terms();

        Assert.NotEqual(before.Stability, after.Stability);
        Assert.Equal((before.Smoothness, before.Alignment), (after.Smoothness, after.Alignment));
    }

    [Fact]
    public void A_pruned_model_can_only_lose_more()
    {
        using var model = Small.Slvt();
        Pruning.ToShare(model, 0.5);
        Assert.Equal(58, model.KeptWeights);
        var first = FineTuned.Weights(model);

        Assert.Contains("the 58 that", Assert.Throws<ArgumentOutOfRangeException>("kept", () => Pruning.ToCount(model, 59)).Message);
        Assert.Throws<ArgumentOutOfRangeException>("kept", () => Pruning.ToCount(model, 0));
        Assert.Throws<ArgumentOutOfRangeException>("share", () => Pruning.ToShare(model, 1.5));
        Assert.Throws<ArgumentOutOfRangeException>("share", () => Pruning.ToShare(model, double.NaN));
        Pruning.ToShare(model, 0.1);
        Assert.Throws<ArgumentOutOfRangeException>("share", () => Pruning.ToShare(model, 0.5));
        Pruning.ToCount(model, 10);

        Assert.All(first.Zip(FineTuned.Weights(model)), pair => Assert.True(pair.Second == 0 || pair.Second == pair.First));
    }

    [Fact]
    public void A_sparse_file_holds_the_kept_weights_and_reads_back_as_all()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        using var model = DirectModel.For(MappingNets.Targets.Cnn2(), 3);
        Assert.Contains("is not pruned", Assert.Throws<InvalidOperationException>(() => model.Export(folder.File("it"), sparse: true)).Message);
        Pruning.ToCount(model, 10_862);

        model.Export(folder.File("it"), sparse: true);

        using var network = MappingNets.Targets.Cnn2().ReadWeights(folder.File("it"));
        using var pretrained = PretrainedWeights.FromFile(folder.File("it"));
        using var tuned = FineTuning.Of(MappingNets.Targets.Cnn2(), pretrained).WholeWeights().Build();
        Assert.Equal(10_862, model.TrainableCount);
        Assert.Equal(Small.Values(model.FlatWeights()), Small.Values(cat([.. network.Tensors.Select(weight => weight.reshape(-1))])));
        Assert.Equal(Small.Values(model.FlatWeights()), Small.Values(tuned.FlatWeights()));
        // 4 bytes for each of 10,862 weights, a bit for each of 108,618, and a header.
        Assert.InRange(new FileInfo(folder.File("it")).Length, (4 * 10_862) + 13_577, (4 * 10_862) + 13_577 + 3_000);
    }

    [Fact]
    public void A_damaged_mask_is_refused()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        using var model = Small.Slvt();
        Pruning.ToCount(model, 10);
        model.SaveAdapter(folder.File("it"));
        Dictionary<string, Tensor> tensors;
        Dictionary<string, string> metadata;
        using (var file = SafetensorsFile.Read(folder.File("it")))
            (tensors, metadata) = (new(file.LoadAll()), new(file.Metadata));
        Assert.Equal([15L], tensors["pruning_mask"].shape);
        tensors["pruning_mask"] = zeros([14], ScalarType.Byte);
        Signed.Write(folder.File("it"), tensors, metadata);

        Assert.Contains(
            "a mask of 115 weights needs U8(15)",
            Assert.Throws<CheckpointFormatException>(() => MappedModel.LoadAdapter(folder.File("it"), Small.Classifier())).Message);
    }
}
