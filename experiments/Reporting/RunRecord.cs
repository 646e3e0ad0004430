using System.Text.Json.Serialization;

namespace MappingNets.Experiments.Reporting;

/// <summary>One training run as report.json holds it; accuracies are shares from 0 to 1.</summary>
/// <param name="Method">"direct", "slvt", "lwt", or how another model calls itself.</param>
/// <param name="Target">The target network's name.</param>
/// <param name="TargetParameters">P, its number of weights.</param>
/// <param name="Trainable">How many numbers were trained.</param>
/// <param name="FixedWeights">The kind of fixed weights; "none" for direct training.</param>
/// <param name="Seed">The seed of weights, start and order of samples.</param>
/// <param name="Epochs">How many epochs were trained.</param>
/// <param name="TrainAccuracy">On the complete training set, after training; null for a regression.</param>
/// <param name="TestAccuracy">On the test set, after training; never used to choose anything; null for a regression.</param>
/// <param name="MsPerStep">The median time of a step, milliseconds.</param>
/// <param name="PeakMemoryBytes">The process's largest resident memory up to the end of this run, bytes.</param>
/// <param name="CheckpointBytes">The size of the file that holds the trained state.</param>
/// <param name="History">The results of each epoch.</param>
public sealed record RunRecord(
    string Method,
    string Target,
    long TargetParameters,
    long Trainable,
    string FixedWeights,
    ulong Seed,
    int Epochs,
    double? TrainAccuracy,
    double? TestAccuracy,
    double MsPerStep,
    long PeakMemoryBytes,
    long CheckpointBytes,
    IReadOnlyList<EpochPoint> History)
{
    /// <summary>The train-test gap, in accuracy; null for a regression.</summary>
    public double? Gap => TrainAccuracy - TestAccuracy is { } gap ? Math.Round(gap, 6) : null;

    /// <summary>The row's name on the command line and in the table of published numbers, such as "cnn2-slvt-2048".</summary>
    public string? Row { get; init; }

    /// <summary>What tables call the row.</summary>
    public string? Label { get; init; }

    /// <summary>On the images held out of the training set, after training: every choice is made by it.</summary>
    public double? HeldOutAccuracy { get; init; }

    /// <summary>The task's loss on the training set, after training.</summary>
    public double? TrainLoss { get; init; }

    /// <summary>The task's loss on the held-out part, after training.</summary>
    public double? HeldOutLoss { get; init; }

    /// <summary>The task's loss on the test set, after training.</summary>
    public double? TestLoss { get; init; }

    /// <summary>How many samples were trained on.</summary>
    public int? TrainingImages { get; init; }

    /// <summary>The coefficients of the auxiliary loss terms after training, by name.</summary>
    public IReadOnlyDictionary<string, double>? Coefficients { get; init; }

    /// <summary>The auxiliary loss terms themselves, without coefficients, the mean over the last epoch, by name.</summary>
    public IReadOnlyDictionary<string, double>? TermSizes { get; init; }

    /// <summary>Further results by name, such as "mIoU" or "int8 test accuracy".</summary>
    public IReadOnlyDictionary<string, double>? Figures { get; init; }

    /// <summary>The trained model after quantisation; null where nothing was quantised.</summary>
    public IReadOnlyList<QuantizedRecord>? Quantized { get; init; }

    /// <summary>What a reader should know of this run.</summary>
    public string? Notes { get; init; }

    /// <summary>The command that trained it; null where the report's own did.</summary>
    public string? Command { get; init; }

    /// <summary>With what it was trained; null where that is the report's origin.</summary>
    public ReportOrigin? Origin { get; init; }

    /// <summary>In the file, the place in the report's commands of what trained several runs, from 0; null elsewhere.</summary>
    [JsonInclude]
    internal int? CommandIndex { get; init; }

    /// <summary>All that makes this run what it is: --resume takes it over only where every setting is the same.</summary>
    public IReadOnlyDictionary<string, string>? Settings { get; init; }
}

/// <summary>One epoch of a run, for learning curves.</summary>
/// <param name="Epoch">The epoch, from 1.</param>
/// <param name="TrainingLoss">The task's loss over the epoch as it was trained.</param>
/// <param name="TrainingAccuracy">The accuracy over the epoch as it was trained.</param>
/// <param name="ValidationAccuracy">On the held-out part, after the epoch; null where nothing was held out.</param>
public sealed record EpochPoint(int Epoch, double TrainingLoss, double? TrainingAccuracy, double? ValidationAccuracy)
{
    /// <summary>The task's loss on the held-out part, after the epoch.</summary>
    public double? ValidationLoss { get; init; }

    /// <summary>The same to six decimals, more than a curve shows.</summary>
    public EpochPoint Rounded() =>
        new(Epoch, Math.Round(TrainingLoss, 6), Round(TrainingAccuracy), Round(ValidationAccuracy)) { ValidationLoss = Round(ValidationLoss) };

    private static double? Round(double? value) => value is { } number ? Math.Round(number, 6) : null;
}
