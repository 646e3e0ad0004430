using MappingNets.Experiments.Reproduce;
using MappingNets.Experiments.Rivals.Controls;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

/// <summary>The controls of the paper, held to its counts of trained parameters.</summary>
public sealed class PaperCountTests
{
    private static GeneratedModel Build(string row, TargetNetwork target, ulong seed = 1) => row switch
    {
        "full-dnn" => FullDnn.Build(target, seed),
        "lv-wmap-2048" => SeparateModulation.Build(target, 1_024, seed),
        "lv-wmap-4096" => SeparateModulation.Build(target, 2_048, seed),
        "lv-full-dnn-543095" => TrainedMapping.Build(target, 5, seed),
        "lv-full-dnn-1629285" => TrainedMapping.Build(target, 15, seed),
        _ => throw new InvalidOperationException(row),
    };

    [Theory]
    [InlineData("full-dnn", 6_753_104)]
    [InlineData("lv-wmap-2048", 2_048)]
    [InlineData("lv-wmap-4096", 4_096)]
    [InlineData("lv-full-dnn-543095", 543_095)]
    [InlineData("lv-full-dnn-1629285", 1_629_285)]
    public void Each_row_trains_as_many_numbers_as_the_papers_and_starts_like_a_network(string row, long published)
    {
        using var scope = NewDisposeScope();
        using var model = Build(row, MappingNets.Targets.Cnn2());
        using var held = ParameterCounts.Held(Build(row, MappingNets.Targets.Cnn2()), published);

        Assert.Equal(published, model.TrainableCount);
        Assert.Equal(Small.Bits(held.FlatWeights()), Small.Bits(model.FlatWeights()));
        var weights = model.FlatWeights().split([.. model.Target.Parameters.Select(parameter => parameter.Count)]);
        foreach (var (parameter, weight) in model.Target.Parameters.Zip(weights).Where(pair => pair.First.Count > 100))
        {
            // A uniform start within 1 / sqrt(fan-in) has this deviation.
            var usual = 1 / Math.Sqrt(3.0 * parameter.FanIn);
            Assert.InRange(weight.square().mean().sqrt().item<float>(), 0.8 * usual, 2 * usual);
        }
    }

    [Fact]
    public void Another_count_is_refused_and_its_model_disposed()
    {
        var model = SeparateModulation.Build(Small.Classifier(), 10, 1);

        Assert.Contains("trains 20 numbers; the paper's row has 21", Assert.Throws<InvalidOperationException>(() => ParameterCounts.Held(model, 21)).Message);
        Assert.Throws<ObjectDisposedException>(() => model.Trained);
    }

    [Theory]
    [InlineData("full-dnn")]
    [InlineData("lv-wmap-2048")]
    [InlineData("lv-full-dnn-543095")]
    public void Each_control_learns(string row)
    {
        using var data = RivalTests.Data();
        using var model = row == "lv-wmap-2048" ? SeparateModulation.Build(RivalTests.Target(), 160, 1) : Build(row, RivalTests.Target());
        var before = model.Trained.Select(Small.Values).ToArray();

        var report = new Trainer(model, new() { Epochs = 30, BatchSize = 32 }).Fit(data);

        Assert.True(report.History[^1].TrainingLoss < 0.7 * report.History[0].TrainingLoss);
        Assert.All(before.Zip(model.Trained), pair => Assert.NotEqual(pair.First, Small.Values(pair.Second)));
    }
}
