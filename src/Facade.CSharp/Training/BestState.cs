using static TorchSharp.torch;

namespace MappingNets;

/// <summary>Keeps the state of the epoch with the best validation result, and says when to stop.</summary>
internal sealed class BestState(Model model, TrainingOptions options) : IDisposable
{
    private Tensor[] state = [];

    /// <summary>The best result so far.</summary>
    /// <param name="Value">What decides, the higher the better; negative infinity before the first epoch.</param>
    /// <param name="Epoch">Its epoch, from 1; 0 before the first.</param>
    /// <param name="EpochsWithoutGain">How many epochs have passed since.</param>
    internal sealed record Score(double Value, int Epoch, int EpochsWithoutGain);

    /// <summary>The best result so far.</summary>
    public Score Reached { get; private set; } = new(double.NegativeInfinity, 0, 0);

    /// <summary>The state of the best epoch; empty where none is kept.</summary>
    public IReadOnlyList<Tensor> Captured => state;

    /// <summary>Takes an epoch's result. The metric of the options decides, or the accuracy, or the loss where there is neither.</summary>
    /// <returns>Whether early stopping ends the run.</returns>
    public bool Offer(EpochResult result)
    {
        var score = options.SelectBy is { } metric
            ? (metric.HigherIsBetter ? 1 : -1) * result.ValidationMetrics[metric.Name]
            : result.ValidationAccuracy ?? -result.ValidationLoss!.Value;
        // A metric may be no number in any epoch: the first is then the best.
        if (score > Reached.Value || Reached.Epoch == 0)
        {
            Reached = new(double.IsNaN(score) ? double.NegativeInfinity : score, result.Epoch, 0);
            if (options.RestoreBest)
            {
                Dispose();
                state = model.CaptureState();
            }
        }
        else
        {
            Reached = Reached with { EpochsWithoutGain = Reached.EpochsWithoutGain + 1 };
        }

        return Reached.EpochsWithoutGain >= options.EarlyStoppingPatience;
    }

    /// <summary>Goes on from what an earlier process reached; the captured tensors are copied.</summary>
    public void Take(Score reached, IReadOnlyList<Tensor> captured)
    {
        Dispose();
        Reached = reached;
        state = [.. captured.Select(tensor => tensor.to(model.Device, copy: true).DetachFromDisposeScope())];
    }

    /// <summary>Puts the best state back into the model.</summary>
    public void Restore()
    {
        if (state.Length > 0)
            model.RestoreState(state);
    }

    public void Dispose()
    {
        foreach (var tensor in state)
            tensor.Dispose();
        state = [];
    }
}
