namespace MappingNets.Experiments.Reproduce;

/// <summary>What a row can do with its trained model before it is judged: cut it, prune it, train it on.</summary>
/// <param name="Trained">The model as training has left it; the run disposes it.</param>
/// <param name="Training">How it was trained.</param>
/// <param name="Fit">
/// Trains another model on the same data under the same display; its epochs are counted to the run's. A name for the display, the
/// model, and how.
/// </param>
internal sealed record Continuation(Model Trained, TrainingOptions Training, Action<string, Model, TrainingOptions> Fit)
{
    /// <summary>The weights while the model was trained; null where <see cref="RunPlan.Snapshots"/> asks for none.</summary>
    public SnapshotRecorder? Snapshots { get; init; }

    /// <summary>The learning rate at which directly trained weights go on after pruning.</summary>
    public const double PrunedRate = 1e-3;

    /// <summary>Keeps some weights and trains half as many epochs again; the trained model.</summary>
    /// <param name="kept">How many weights stay.</param>
    /// <param name="rate">The learning rate; null for a latent, which goes on at its own, since most of the weights are gone.</param>
    public Model PrunedTo(int kept, double? rate = null)
    {
        Pruning.ToCount(Trained, kept);
        Fit("fine-tuning", Trained, Training with { Epochs = (Training.Epochs + 1) / 2, LearningRate = rate });
        return Trained;
    }
}
