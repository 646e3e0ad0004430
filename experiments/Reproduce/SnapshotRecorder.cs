using MappingNets.Core;
using TorchSharp;

namespace MappingNets.Experiments.Reproduce;

/// <summary>Keeps the weights of a model at equal distances of steps while it is trained.</summary>
/// <param name="model">The model.</param>
/// <param name="every">Steps between two snapshots.</param>
internal sealed class SnapshotRecorder(Model model, int every) : IDisposable
{
    private readonly List<torch.Tensor> snapshots = [model.FlatWeights().DetachFromDisposeScope()];

    /// <summary>How many snapshots there are; 1 before any training.</summary>
    public int Count => snapshots.Count;

    /// <summary>Takes a snapshot where one is due.</summary>
    /// <param name="progress">Where training stands.</param>
    public void Watch(TrainingProgress progress)
    {
        var step = ((progress.Epoch - 1) * progress.StepsPerEpoch) + progress.Step;
        if (step % every == 0)
            snapshots.Add(model.FlatWeights().DetachFromDisposeScope());
    }

    /// <summary>One snapshot a row, the first before any training: shape (n, P).</summary>
    public torch.Tensor Matrix() => torch.stack(snapshots, 0);

    /// <summary>
    /// What chance alone would give: a walk that starts where the model did and takes steps of the same lengths in random
    /// directions. Even such a walk puts most of its variance on a few axes, so a low dimension means something only below it.
    /// </summary>
    /// <param name="seed">The seed of the directions.</param>
    public torch.Tensor RandomWalk(ulong seed)
    {
        using var scope = torch.NewDisposeScope();
        var key = CounterHash.named("random-walk", CounterHash.ofSeed(seed));
        var walk = new List<torch.Tensor> { snapshots[0] };
        for (var index = 1; index < snapshots.Count; index++)
        {
            var length = (snapshots[index] - snapshots[index - 1]).norm();
            var step = MappingLoss.noise(key, index, 1, snapshots[0]);
            walk.Add(walk[^1] + (step * (length / step.norm())));
        }

        return torch.stack(walk, 0).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var snapshot in snapshots)
            snapshot.Dispose();
    }
}
