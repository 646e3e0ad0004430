namespace MappingNets;

/// <summary>What an epoch adds up over its steps.</summary>
/// <param name="metrics">What is computed besides loss and accuracy.</param>
internal sealed class EpochSums(IReadOnlyList<Metric> metrics)
{
    private readonly double[] terms = new double[StepLoss.TermNames.Length];
    private int batches;
    private readonly Metric.Totals totals = new(metrics);
    private readonly bool[] seen = new bool[StepLoss.TermNames.Length];

    /// <summary>The sum of the task's loss over what it is a mean of: judged labels, weighted by their classes, or samples.</summary>
    public double Loss { get; private set; }

    /// <summary>How many labels were met.</summary>
    public long Right { get; private set; }

    /// <summary>How many labels there were, ignored ones apart.</summary>
    public long Judged { get; private set; }

    /// <summary>The weight of what the loss is a mean of; 0 where no label is judged.</summary>
    public double Weight { get; private set; }

    /// <summary>The task's loss over the epoch; 0 where no label is judged.</summary>
    public double MeanLoss => Weight > 0 ? Loss / Weight : 0;

    /// <summary>How many samples there were.</summary>
    public long Count { get; private set; }

    /// <summary>The metrics by name.</summary>
    public IReadOnlyDictionary<string, double> Metrics => totals.Values();

    /// <summary>Adds one batch.</summary>
    public void Add(BatchFigures batch)
    {
        Loss += batch.Task * batch.Weight;
        Weight += batch.Weight;
        Count += batch.Count;
        batches++;
        totals.Add(batch.Metrics);
        Right += batch.Right;
        Judged += batch.Judged;
        for (var index = 0; index < terms.Length; index++)
        {
            if (batch.Terms[index] is not { } term)
                continue;
            terms[index] += term;
            seen[index] = true;
        }
    }

    /// <summary>The mean of each term that is on, by name.</summary>
    public IReadOnlyDictionary<string, double> Terms() =>
        Enumerable.Range(0, terms.Length).Where(index => seen[index])
            .ToDictionary(index => StepLoss.TermNames[index], index => terms[index] / batches);
}
