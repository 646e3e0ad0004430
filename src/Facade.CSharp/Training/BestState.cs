using static TorchSharp.torch;

namespace MappingNets;

/// <summary>Keeps the state of the epoch with the best validation result, and says when to stop.</summary>
internal sealed class BestState(Model model, TrainingOptions options) : IDisposable
{
    private Tensor[] state = [];
    private double bestScore = double.NegativeInfinity;
    private int epochsWithoutGain;

    /// <summary>The best epoch so far, from 1; 0 before the first.</summary>
    public int BestEpoch { get; private set; }

    /// <summary>Takes an epoch's result. Accuracy decides, or the loss where there is none.</summary>
    /// <returns>Whether early stopping ends the run.</returns>
    public bool Offer(EpochResult result)
    {
        var score = result.ValidationAccuracy ?? -result.ValidationLoss!.Value;
        if (score > bestScore)
        {
            bestScore = score;
            BestEpoch = result.Epoch;
            epochsWithoutGain = 0;
            if (options.RestoreBest)
            {
                Dispose();
                state = model.CaptureState();
            }
        }
        else
        {
            epochsWithoutGain++;
        }

        return epochsWithoutGain >= options.EarlyStoppingPatience;
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
