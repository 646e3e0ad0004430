using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

/// <summary>Networks of which some matrices are products of two factors.</summary>
public sealed class LowRankTests
{
    private static TargetNetwork Wide() => TargetNetwork.Input(40).Linear(60).ReLU().Linear(3).Build("wide");

    private static Model Build(string row)
    {
        var cnn = MappingNets.Targets.Cnn2();
        return row switch
        {
            "direct" => DirectModel.For(cnn.LowRank("fc1", 32), 1),
            "slvt" => MappingNetwork.For(cnn).LowRank("fc1", 32).SingleLatent(1_456).WithSeed(1).Build(),
            "lwt" => MappingNetwork.For(cnn).LowRank("fc1", 32).LayerWise(2_688).WithSeed(1).Build(),
            "default latents" => MappingNetwork.For(cnn).LowRank("fc1", 32).Build(),
            "latents before" => MappingNetwork.For(cnn).SingleLatent(1_456).LowRank("fc1", 32).Build(),
            "convolutions too" => MappingNetwork.For(cnn).LowRank("fc1", 32).LowRank("conv2", 8).SingleLatent(500).Build(),
            _ => throw new InvalidOperationException(row),
        };
    }

    // 108,618 - 102,400 + 32 * 928 = 35,914; conv2 takes 8 * (32 + 144) instead of 4,608.
    [Theory]
    [InlineData("direct", 35_914, 35_914)]
    [InlineData("slvt", 1_456, 35_914)]
    [InlineData("lwt", 2_688, 35_914)]
    [InlineData("default latents", 677, 35_914)]
    [InlineData("latents before", 1_456, 35_914)]
    [InlineData("convolutions too", 500, 32_714)]
    public void It_trains_as_many_parameters_as_the_paper_and_starts_like_a_network(string row, long trainable, long weights)
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        using var model = Build(row);

        Assert.Equal((trainable, weights), (model.TrainableCount, model.Target.ParameterCount));
        model.Export(folder.File("product"));
        using var network = MappingNets.Targets.Cnn2().ReadWeights(folder.File("product"));
        foreach (var (parameter, weight) in MappingNets.Targets.Cnn2().Parameters.Zip(network.Tensors).Where(pair => pair.First.Count > 100))
        {
            // A uniform start within 1 / sqrt(fan-in) has this deviation.
            var usual = 1 / Math.Sqrt(3.0 * parameter.FanIn);
            Assert.InRange(weight.square().mean().sqrt().item<float>(), 0.8 * usual, 2 * usual);
        }
    }

    [Fact]
    public void It_multiplies_the_factors_and_leaves_the_other_weights()
    {
        using var scope = NewDisposeScope();
        var target = Wide().LowRank("fc1", 3);
        using var model = DirectModel.For(target, 1);

        Assert.Equal(["fc1.weight_left", "fc1.weight_right", "fc1.bias", "fc2.weight", "fc2.bias"], target.Parameters.Select(parameter => parameter.Name));
        Assert.Equal(300 + 60 + 180 + 3L, model.TrainableCount);
        var numbers = model.FlatWeights();
        using var plain = PretrainedWeights.Of(model);
        using var whole = FineTuning.Of(Wide(), plain).WholeWeights().Build();
        var product = numbers[..180].view(60, 3).mm(numbers[180..300].view(3, 40));
        Assert.Equal(3L, linalg.matrix_rank(product).ToInt64());
        Assert.Equal(Small.Bits(product.view(-1)), Small.Bits(whole.FlatWeights()[..2400]));
        Assert.Equal(Small.Bits(numbers[300..]), Small.Bits(whole.FlatWeights()[2400..]));
        var inputs = randn(5, 40);
        Assert.Equal(Small.Bits(whole.Predict(inputs)), Small.Bits(model.Predict(inputs)));
        using var module = model.Materialize();
        Assert.Equal(Small.Bits(whole.Predict(inputs)), Small.Bits(module.call(inputs)));
        Assert.Contains(module.named_parameters(), pair => pair.name == "fc1.weight");
    }

    [Fact]
    public void The_export_is_the_product_or_the_factors_and_both_read_back()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        using var model = MappingNetwork.For(Wide()).LowRank("fc1", 3).SingleLatent(30).StartingWithin(1).Build();
        model.Export(folder.File("product"));
        model.Export(folder.File("factors"), factors: true);

        using var product = Wide().ReadWeights(folder.File("product"));
        using var factors = Wide().LowRank("fc1", 3).ReadWeights(folder.File("factors"));
        var inputs = randn(5, 40);
        Assert.Equal(Small.Bits(model.Predict(inputs)), Small.Bits(Wide().Forward(inputs, product.Tensors)));
        Assert.Equal(Small.Bits(model.Predict(inputs)), Small.Bits(Wide().LowRank("fc1", 3).Forward(inputs, factors.Tensors)));
        Assert.True(new FileInfo(folder.File("factors")).Length < new FileInfo(folder.File("product")).Length / 2);
    }

    [Fact]
    public void Factors_where_the_product_is_needed_and_the_reverse_name_the_network_that_takes_them()
    {
        using var folder = new TemporaryFolder();
        var factored = Wide().LowRank("*.weight", 2);
        using (var model = DirectModel.For(factored, 1))
        {
            model.Export(folder.File("product"));
            model.Export(folder.File("factors"), factors: true);
        }

        using var product = PretrainedWeights.FromFile(folder.File("product"));
        using var factors = PretrainedWeights.FromFile(folder.File("factors"));
        void Refused<T>(string what, Action act)
            where T : Exception => Assert.Contains(what, Assert.Throws<T>(act).Message);

        const string Factors = "has 'fc1.weight' as two factors of rank 2, as Export(factors: true) writes them; the network that takes them is "
            + "'wide' with LowRank(\"fc1.weight\", 2)";
        Refused<ArgumentException>(Factors, () => FineTuning.Of(Wide(), factors).WholeWeights().Build());
        Refused<ArgumentException>(Factors, () => new AdapterHost(Wide(), factors));
        Refused<CheckpointFormatException>(Factors, () => Wide().ReadWeights(folder.File("factors")));
        const string Product = "has 'fc1.weight' as a whole, of which 'wide' needs two factors; the network without LowRank takes it";
        Refused<ArgumentException>(Product, () => FineTuning.Of(factored, product).WholeWeights().Build());
        Refused<CheckpointFormatException>(Product, () => factored.ReadWeights(folder.File("product")));
        using var right = FineTuning.Of(factored, factors).WholeWeights().Build();
        Assert.Equal(factored.ParameterCount, right.TrainableCount);
    }

    [Fact]
    public void Its_adapter_names_the_ranks_and_loads_onto_the_plain_network()
    {
        using var folder = new TemporaryFolder();
        using var data = Small.Classes(24);
        using var model = MappingNetwork.For(Small.Classifier()).LowRank("fc1", 2).SingleLatent(20).WithSeed(4).Build();
        new Trainer(model, new() { Epochs = 2, BatchSize = 8 }).Fit(data);
        model.SaveAdapter(folder.File("it"));

        using var loaded = MappedModel.LoadAdapter(folder.File("it"), Small.Classifier());
        using var onto = MappedModel.LoadAdapter(folder.File("it"), Small.Classifier().LowRank("fc1", 2));

        Assert.Equal(model.Target.ToString(), loaded.Target.ToString());
        Assert.Equal(FineTuned.Bits(model.FlatWeights), FineTuned.Bits(loaded.FlatWeights));
        Assert.Equal(FineTuned.Bits(model.FlatWeights), FineTuned.Bits(onto.FlatWeights));
        Assert.Contains(
            "was trained with the ranks",
            Assert.Throws<CheckpointFormatException>(() => MappedModel.LoadAdapter(folder.File("it"), Small.Classifier().LowRank("fc1", 1))).Message);
    }

    [Fact]
    public void What_has_no_effect_or_comes_too_late_is_refused_by_name()
    {
        var wide = Wide();
        Assert.Throws<ArgumentException>("pattern", () => wide.LowRank("fc1.bias", 3));
        Assert.Throws<ArgumentException>("pattern", () => wide.LowRank("fc9", 3));
        Assert.Throws<ArgumentOutOfRangeException>("rank", () => wide.LowRank("fc1", 24));
        Assert.Throws<ArgumentOutOfRangeException>("rank", () => wide.LowRank("fc1", 0));
        Assert.Contains("has the rank 3 already", Assert.Throws<ArgumentException>("pattern", () => wide.LowRank("fc1", 3).LowRank("all", 2)).Message);
        Assert.Contains("LayerWise", Assert.Throws<InvalidOperationException>(() => MappingNetwork.For(wide).LayerWise(10).LowRank("fc1", 3)).Message);
        Assert.Throws<ArgumentOutOfRangeException>("latents", () => MappingNetwork.For(wide).SingleLatent(2_000).LowRank("fc1", 3));
    }
}
