using TorchSharp;
using TorchSharp.Modules;

namespace MappingNets;

/// <summary>Writes a run's course as an event file, which TensorBoard shows while it grows.</summary>
/// <remarks>
/// "loss/step" and "learning rate" are written at each step, or at some of them; the rest after each epoch: "loss/training", "loss/validation",
/// "accuracy/training", "accuracy/validation", "seconds", the auxiliary terms as "term/NAME", their coefficients as "coefficient/NAME" and
/// metrics as "metric/training/NAME" and "metric/validation/NAME".
/// </remarks>
/// <example>
/// <code>
/// using var log = new TensorBoardLog("runs/slvt-2048");
/// new Trainer(model).Fit(train, progress: log); // tensorboard --logdir runs
/// </code>
/// </example>
public sealed class TensorBoardLog : IProgress<TrainingProgress>, IDisposable
{
    private readonly SummaryWriter writer;
    private readonly int everySteps;
    private int steps;

    /// <summary>Begins an event file.</summary>
    /// <param name="folder">The run's folder, made where there is none; TensorBoard calls the run by its name.</param>
    /// <param name="everySteps">Every how many steps the step's own values are written, at least 1.</param>
    /// <exception cref="ArgumentException">The folder has no name.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The number of steps is below 1.</exception>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public TensorBoardLog(string folder, int everySteps = 1)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(folder);
        ArgumentOutOfRangeException.ThrowIfLessThan(everySteps, 1);
        this.everySteps = everySteps;
        try
        {
            Directory.CreateDirectory(folder);
            writer = torch.utils.tensorboard.SummaryWriter(folder);
        }
        catch (UnauthorizedAccessException fault)
        {
            throw new IOException($"Nothing can be written into '{folder}': {fault.Message}", fault);
        }
    }

    /// <inheritdoc/>
    public void Report(TrainingProgress value)
    {
        ArgumentNullException.ThrowIfNull(value);
        if (value.CompletedEpoch is { } epoch)
            Write(epoch);
        if (steps++ % everySteps != 0)
            return;
        var step = ((value.Epoch - 1) * value.StepsPerEpoch) + value.Step;
        writer.add_scalar("loss/step", (float)value.Loss, step);
        writer.add_scalar("learning rate", (float)value.LearningRate, step);
    }

    /// <summary>Ends the file.</summary>
    public void Dispose() => (writer as IDisposable)?.Dispose();

    private void Write(EpochResult epoch)
    {
        void One(string name, double? value)
        {
            if (value is { } number)
                writer.add_scalar(name, (float)number, epoch.Epoch);
        }

        One("loss/training", epoch.TrainingLoss);
        One("loss/validation", epoch.ValidationLoss);
        One("accuracy/training", epoch.TrainingAccuracy);
        One("accuracy/validation", epoch.ValidationAccuracy);
        One("seconds", epoch.Seconds);
        foreach (var (prefix, values) in new[]
        {
            ("term/", epoch.Terms), ("coefficient/", epoch.Coefficients), ("metric/training/", epoch.TrainingMetrics), ("metric/validation/", epoch.ValidationMetrics),
        })
            foreach (var (name, value) in values)
                One(prefix + name, value);
    }
}
