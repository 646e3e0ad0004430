using MappingNets.Experiments.Rivals;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

/// <summary>A network along the axes of its own training.</summary>
public sealed class LearnedSubspaceTests
{
    [Fact]
    public void A_learned_subspace_starts_where_the_training_did_holds_its_end_and_is_trained_along_its_axes()
    {
        using var scope = NewDisposeScope();
        using var data = RivalTests.Data();
        using var model = DirectModel.For(RivalTests.Target(), seed: 3);
        var snapshots = new List<Tensor> { model.FlatWeights() };
        new Trainer(model, new() { Epochs = 4, BatchSize = 32 }).Fit(data, progress: new Listener(_ => snapshots.Add(model.FlatWeights().DetachFromDisposeScope())));
        var matrix = stack(snapshots);
        foreach (var snapshot in snapshots.Skip(1))
            scope.Attach(snapshot);

        using var all = LearnedSubspace.Of(model.Target, matrix, snapshots.Count - 1);
        using var few = LearnedSubspace.Of(model.Target, matrix, 3);

        Assert.Equal((snapshots.Count - 1, 3), ((int)all.TrainableCount, (int)few.TrainableCount));
        Assert.Equal(Small.Values(snapshots[0]), Small.Values(all.FlatWeights()));
        // The end is a combination of all axes, and nearly one of the three along which most happened.
        var way = snapshots[^1] - snapshots[0];
        double Missing(GeneratedModel along)
        {
            using var noGradient = no_grad();
            var units = eye(along.TrainableCount);
            var axes = stack([.. Enumerable.Range(0, (int)along.TrainableCount).Select(axis =>
            {
                along.Trained[0].copy_(units[axis]);
                return along.FlatWeights() - snapshots[0];
            })], 1);
            along.Trained[0].zero_();
            // The axes stand at right angles to one another.
            var there = axes.mv(axes.t().mv(way) / axes.square().sum([0L]));
            return ((way - there).norm() / way.norm()).ToDouble();
        }

        Assert.InRange(Missing(all), 0, 1e-3);
        Assert.InRange(Missing(few), 0, 0.5);
        var before = Evaluation.Of(few, data).Loss;
        new Trainer(few, new() { Epochs = 20, BatchSize = 32 }).Fit(data);
        var (own, whole) = (Evaluation.Of(few, data).Loss, Evaluation.Of(model, data).Loss);
        Assert.True(own < (before + whole) / 2, $"{own}, from {before}; all weights {whole}");
        Assert.Throws<ArgumentOutOfRangeException>("axes", () => LearnedSubspace.Of(model.Target, matrix, snapshots.Count));
    }
}
