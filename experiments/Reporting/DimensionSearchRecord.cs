namespace MappingNets.Experiments.Reporting;

/// <summary>A search for the intrinsic dimension as report.json holds it; accuracies are shares from 0 to 1, on held-out training images.</summary>
/// <param name="Seed">The seed of all its trainings.</param>
/// <param name="Target">The target network's name.</param>
/// <param name="TargetParameters">P, its number of weights.</param>
/// <param name="DirectAccuracy">What direct training reached.</param>
/// <param name="Threshold">What was to be reached.</param>
/// <param name="Smallest">The smallest number of latents seen to reach it; null where the largest tried does not.</param>
/// <param name="LargestFailing">The largest number of latents below that seen to fail; null where the smallest tried reaches it.</param>
/// <param name="Trials">Every try, in order.</param>
public sealed record DimensionSearchRecord(
    ulong Seed,
    string Target,
    long TargetParameters,
    double DirectAccuracy,
    double Threshold,
    int? Smallest,
    int? LargestFailing,
    IReadOnlyList<DimensionTrialRecord> Trials);

/// <summary>One try of a search for the intrinsic dimension.</summary>
/// <param name="Dimension">The number of latents.</param>
/// <param name="Accuracy">What was reached with it.</param>
/// <param name="Reaches">Whether that was enough.</param>
public sealed record DimensionTrialRecord(int Dimension, double Accuracy, bool Reaches);
