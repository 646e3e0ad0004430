namespace MappingNets;

/// <summary>Where a step stands in a run.</summary>
/// <param name="Epoch">Its epoch, from 1.</param>
/// <param name="InEpoch">Its number within the epoch, from 0.</param>
/// <param name="Step">Its number within the run, from 0.</param>
internal readonly record struct StepPlace(int Epoch, int InEpoch, long Step);

/// <summary>How a run cuts its data: epochs into steps, and steps into parts, which are batches.</summary>
/// <param name="Samples">How many samples the training set has, at least 1.</param>
/// <param name="BatchSize">How many samples a part has, at least 1; the last one of an epoch may have fewer.</param>
/// <param name="Parts">How many parts a step has, at least 1; the last step of an epoch may have fewer.</param>
/// <param name="Epochs">How many epochs there are, at least 1.</param>
internal sealed record StepShape(int Samples, int BatchSize, int Parts, int Epochs)
{
    /// <summary>How many parts an epoch has.</summary>
    public int PartsPerEpoch => DivideUp(Samples, BatchSize);

    /// <summary>How many steps an epoch has.</summary>
    public int StepsPerEpoch => DivideUp(PartsPerEpoch, Parts);

    /// <summary>How many steps the run has.</summary>
    public long Steps => (long)Epochs * StepsPerEpoch;

    /// <summary>The shape of a run.</summary>
    public static StepShape Of(TrainingOptions options, Dataset training) =>
        new(training.Count, options.BatchSize, options.GradientAccumulation, options.Epochs);

    /// <summary>Where a step of the run stands.</summary>
    public StepPlace Place(long step) => new((int)(step / StepsPerEpoch) + 1, (int)(step % StepsPerEpoch), step);

    /// <summary>How many parts a step has.</summary>
    public int PartsOf(StepPlace place) => (int)Math.Min(Parts, PartsPerEpoch - ((long)place.InEpoch * Parts));

    /// <summary>Where a part's samples start in the epoch's order, and how many they are.</summary>
    public (int First, int Count) SamplesOf(StepPlace place, int part)
    {
        var first = (int)((((long)place.InEpoch * Parts) + part) * BatchSize);
        return (first, Math.Min(BatchSize, Samples - first));
    }

    /// <summary>The share of a step's samples that a part has.</summary>
    public double ShareOf(StepPlace place, int part)
    {
        var before = (long)place.InEpoch * Parts * BatchSize;
        return (double)SamplesOf(place, part).Count / Math.Min((long)Parts * BatchSize, Samples - before);
    }

    private static int DivideUp(int number, int by) => (int)(((long)number + by - 1) / by);
}
