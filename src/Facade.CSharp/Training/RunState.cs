namespace MappingNets;

/// <summary>What a run counts as it goes, so that it can go on elsewhere.</summary>
internal sealed class RunState
{
    /// <summary>The results of the epochs that are done.</summary>
    public List<EpochResult> History { get; } = [];

    /// <summary>How long the steps took.</summary>
    public StepTimes StepTimes { get; } = new();

    /// <summary>How many steps are done.</summary>
    public long Step { get; set; }

    /// <summary>Whether early stopping has ended the run.</summary>
    public bool StoppedEarly { get; set; }

    /// <summary>The largest resident memory of the processes that ran it before, bytes.</summary>
    public long PeakMemoryBytes { get; set; }
}
