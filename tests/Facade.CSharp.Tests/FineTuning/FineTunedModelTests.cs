using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

public sealed class FineTunedModelTests : IDisposable
{
    private readonly PretrainedWeights pretrained = FineTuned.Pretrained();

    public void Dispose() => pretrained.Dispose();

    public static TheoryData<string> Ways => [.. FineTuned.Ways];

    private float[] BaseWeights()
    {
        using var model = FineTuning.Of(Small.Classifier(), pretrained).WholeWeights().Build();
        return FineTuned.Weights(model);
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public void It_starts_as_the_pretrained_network_and_the_trainer_trains_it(string way)
    {
        using var data = Small.Classes(64, seed: 9);
        using var model = FineTuned.Build(way, pretrained);
        var keepsHead = model.Configuration.NewHead.Count == 0;
        var start = FineTuned.Weights(model);
        if (keepsHead)
            Assert.Equal(BaseWeights(), start);
        else
            Assert.Equal(BaseWeights()[..70], start[..70]);
        var before = Evaluation.Of(model, data).Loss;

        new Trainer(model, new() { Epochs = 30, BatchSize = 16 }).Fit(data);

        Assert.True(Evaluation.Of(model, data).Loss < (keepsHead ? 0.9 : 0.7) * before);
        Assert.NotEqual(start, FineTuned.Weights(model));
    }

    [Fact]
    public void Groups_move_their_weights_by_the_strength_and_no_other()
    {
        using var model = FineTuning.Of(Small.Classifier(), pretrained).Groups(5, groupSize: 3, strength: 0.25).Build();
        using (no_grad())
            model.TrainedTensors["latent"].copy_(tensor([1f, 2f, 3f, 4f, 5f]));

        var changes = FineTuned.Weights(model).Zip(BaseWeights(), (now, then) => MathF.Round(now - then, 4)).ToArray();

        // Groups of neighbours, 115 / 5 = 23 weights apart.
        for (var index = 0; index < 115; index++)
            Assert.Equal(index % 23 < 3 ? 0.25f * (1 + (index / 23)) : 0, changes[index]);
    }

    [Theory]
    [InlineData("fc2", 70, 115)]
    [InlineData("fc1.*", 0, 70)]
    [InlineData("*.bias", 56, 115)]
    [InlineData("all", 0, 115)]
    public void Only_the_chosen_layers_move(string pattern, int first, int end)
    {
        using var data = Small.Classes(24);
        using var model = FineTuning.Of(Small.Classifier(), pretrained).Groups(12, layers: [pattern]).Build();
        new Trainer(model, new() { Epochs = 2, LearningRate = 0.1 }).Fit(data);

        var moved = FineTuned.Weights(model).Zip(BaseWeights(), (now, then) => now != then).ToArray();

        Assert.Contains(true, moved);
        Assert.DoesNotContain(true, moved[..first].Concat(moved[end..]));
        if (pattern == "*.bias")
            Assert.DoesNotContain(true, moved[70..112]);
    }

    [Fact]
    public void The_additive_form_is_the_pretrained_weights_plus_what_the_mapping_generates()
    {
        var description = MappingNetwork.For(Small.Classifier()).SingleLatent(12).WithSeed(6);
        using var model = FineTuning.Of(Small.Classifier(), pretrained).Mapping(mapping => mapping.SingleLatent(12), strength: 3).WithSeed(6).Build();
        using var alone = description.WithGain(3).WithBias(MappingBias.Zero).StartingWithin(1).Build();
        using (no_grad())
            model.TrainedTensors["latent"].copy_(alone.Latent);

        var expected = BaseWeights().Zip(FineTuned.Weights(alone), (then, change) => then + change);

        Assert.Equal(expected, FineTuned.Weights(model));
    }

    [Fact]
    public void LoRA_adds_the_product_of_its_factors()
    {
        using var scope = NewDisposeScope();
        using var model = FineTuned.Trained("lora", pretrained);
        var down = model.TrainedTensors["fc1.weight.lora_A"];
        var up = model.TrainedTensors["fc1.weight.lora_B"];
        Assert.Equal([2L, 4L], down.shape);
        Assert.Equal([14L, 2L], up.shape);

        var change = (up.detach().matmul(down.detach()) * 0.5).reshape(-1);

        Assert.Equal(BaseWeights()[..56].Zip(Small.Values(change), (then, add) => then + add), FineTuned.Weights(model)[..56]);
        Assert.Equal(BaseWeights()[56..70], FineTuned.Weights(model)[56..70]);
    }

    [Theory]
    // fc2.weight takes 3 + 14 = 17 numbers a rank and has at most 3, fc1.weight 14 + 4 = 18 and at most 4.
    [InlineData(17, 17, "fc2.weight:1")]
    [InlineData(34, 34, "fc2.weight:2")]
    [InlineData(35, 35, "fc1.weight:1 fc2.weight:1")]
    [InlineData(60, 52, "fc1.weight:1 fc2.weight:2")]
    [InlineData(1000, 123, "fc1.weight:4 fc2.weight:3")]
    public void LoRA_spends_a_budget_from_the_last_layer_on(long budget, long trainable, string ranks)
    {
        using var model = FineTuning.Of(Small.Classifier(), pretrained).LowRankWithin(budget).Build();

        Assert.Equal(trainable, model.TrainableCount);
        Assert.Equal(ranks, string.Join(" ", model.Configuration.Parts[0].Ranks!.Select(piece => $"{piece.Name}:{piece.Rank}")));
    }

    [Theory]
    [InlineData(null, HeadTraining.Direct, 75)]
    [InlineData(null, HeadTraining.Mapped, 15)]
    [InlineData("fc2", HeadTraining.Direct, 75)]
    public void Another_number_of_classes_gets_a_new_head(string? pattern, HeadTraining training, long trainable)
    {
        var target = TargetNetwork.Input(4).Linear(14).Tanh().Linear(4).Build("four");
        using var model = FineTuning.Of(target, pretrained).Groups(15).WithNewHead(training, pattern is null ? [] : [pattern]).Build();

        var weights = FineTuned.Weights(model);
        Assert.Equal(trainable, model.TrainableCount);
        Assert.Equal(training == HeadTraining.Direct ? ["fc2.weight", "fc2.bias"] : [], model.DirectlyTrained);
        Assert.Equal(BaseWeights()[..70], weights[..70]);
        Assert.All(weights[70..], weight => Assert.InRange(Math.Abs(weight), 1e-6, 1 / Math.Sqrt(14)));
    }

    [Fact]
    public void A_directly_trained_head_leaves_the_latents_to_the_other_layers()
    {
        using var model = FineTuning.Of(Small.Classifier(), pretrained).Groups(70, strength: 1).WithNewHead(HeadTraining.Direct, "fc2").Build();
        using (no_grad())
            model.TrainedTensors["latent"].fill_(1);

        Assert.Equal(BaseWeights()[..70].Select(weight => weight + 1), FineTuned.Weights(model)[..70]);
    }

    [Fact]
    public void Whole_weights_are_all_layers_or_some()
    {
        using var data = Small.Classes(24);
        using var all = FineTuning.Of(Small.Classifier(), pretrained).WholeWeights().Build();
        using var last = FineTuning.Of(Small.Classifier(), pretrained).WholeWeights("fc2").Build();
        using var fresh = FineTuning.Of(Small.Classifier(), pretrained).WholeWeights("fc2").WithNewHead(HeadTraining.Direct, "fc2").WithSeed(4).Build();
        Assert.Equal(("direct", 115L, "direct-partial", 45L), (all.Method, all.TrainableCount, last.Method, last.TrainableCount));
        Assert.Equal(BaseWeights(), FineTuned.Weights(last));
        Assert.NotEqual(BaseWeights()[70..], FineTuned.Weights(fresh)[70..]);

        foreach (var model in new[] { all, last })
            new Trainer(model, new() { Epochs = 1, LearningRate = 0.01 }).Fit(data);

        Assert.All(FineTuned.Weights(all).Zip(BaseWeights()).Take(70), pair => Assert.NotEqual(pair.Second, pair.First));
        Assert.Equal(BaseWeights()[..70], FineTuned.Weights(last)[..70]);
        Assert.NotEqual(BaseWeights()[70..], FineTuned.Weights(last)[70..]);
    }

    [Fact]
    public void Pretrained_weights_come_from_a_model_a_flat_vector_or_a_file()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        using var model = FineTuning.Of(Small.Classifier(), pretrained).WholeWeights().Build();
        model.Export(folder.File("weights.safetensors"));
        using var file = PretrainedWeights.FromFile(folder.File("weights.safetensors"));
        using var flat = PretrainedWeights.FromFlat(Small.Classifier(), model.FlatWeights());

        foreach (var source in new[] { file, flat })
        {
            using var tuned = FineTuning.Of(Small.Classifier(), source).Groups(3).Build();
            Assert.Equal(BaseWeights(), FineTuned.Weights(tuned));
        }
    }

    [Fact]
    public void A_model_does_not_need_its_source_afterwards()
    {
        FineTunedModel model;
        using (var source = FineTuned.Pretrained())
            model = FineTuning.Of(Small.Classifier(), source).Groups(3).Build();
        using (model)
            Assert.Equal(BaseWeights(), FineTuned.Weights(model));
    }
}
