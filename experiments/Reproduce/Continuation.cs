namespace MappingNets.Experiments.Reproduce;

/// <summary>What a row can do with its trained model before it is judged: cut it, prune it, train it on.</summary>
/// <param name="Trained">The model as training has left it; the run disposes it.</param>
/// <param name="Training">How it was trained.</param>
/// <param name="Fit">
/// Trains another model on the same data under the same display; its epochs are counted to the run's. A name for the display, the
/// model, and how.
/// </param>
internal sealed record Continuation(Model Trained, TrainingOptions Training, Action<string, Model, TrainingOptions> Fit);
