namespace MappingNets.Examples.Reporting;

/// <summary>One training run as report.json holds it; accuracies are shares from 0 to 1.</summary>
/// <param name="Method">"direct", "slvt" or "lwt".</param>
/// <param name="Target">The target network's name.</param>
/// <param name="TargetParameters">P, its number of weights.</param>
/// <param name="Trainable">How many numbers were trained.</param>
/// <param name="FixedWeights">The kind of fixed weights; "none" for direct training.</param>
/// <param name="Seed">The seed of weights, start and order of samples.</param>
/// <param name="Epochs">How many epochs were trained.</param>
/// <param name="TrainAccuracy">On the complete training set, after training.</param>
/// <param name="TestAccuracy">On the test set, after training; never used to choose anything.</param>
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
    double TrainAccuracy,
    double TestAccuracy,
    double MsPerStep,
    long PeakMemoryBytes,
    long CheckpointBytes,
    IReadOnlyList<EpochPoint> History)
{
    /// <summary>The train-test gap, in accuracy.</summary>
    public double Gap => TrainAccuracy - TestAccuracy;
}

/// <summary>One epoch of a run, for learning curves.</summary>
/// <param name="Epoch">The epoch, from 1.</param>
/// <param name="TrainingLoss">The task's loss over the epoch as it was trained.</param>
/// <param name="TrainingAccuracy">The accuracy over the epoch as it was trained.</param>
/// <param name="ValidationAccuracy">On the held-out part, after the epoch; null where nothing was held out.</param>
public sealed record EpochPoint(int Epoch, double TrainingLoss, double? TrainingAccuracy, double? ValidationAccuracy);
