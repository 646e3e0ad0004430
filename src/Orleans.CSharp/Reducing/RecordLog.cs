namespace MappingNets;

/// <summary>The records of the last steps, without a gap: as many as fit into some bytes, and one more.</summary>
/// <param name="next">The step whose record comes next.</param>
/// <param name="keptBytes">About how many bytes are kept.</param>
internal sealed class RecordLog(long next, long keptBytes)
{
    private readonly Queue<StepRecord> records = new();
    private long bytes;

    /// <summary>The step whose record comes next.</summary>
    public long Next { get; private set; } = next;

    /// <summary>The first step whose record is here; <see cref="Next"/> where none is.</summary>
    public long First => Next - records.Count;

    /// <summary>Whether all records from a step to the next one are here.</summary>
    public bool Knows(long step) => step >= First && step <= Next;

    /// <summary>Adds the next record.</summary>
    public void Add(StepRecord record)
    {
        records.Enqueue(record);
        (bytes, Next) = (bytes + record.Bytes, record.Step + 1);
        while (bytes > keptBytes && records.Count > 1)
            bytes -= records.Dequeue().Bytes;
    }

    /// <summary>Goes on at a later step, of whose predecessors nothing is known.</summary>
    public void JumpTo(long step)
    {
        records.Clear();
        (bytes, Next) = (0, step);
    }

    /// <summary>The records from a step on, in order, of about so many bytes; none where that step's is not here.</summary>
    public StepRecord[] From(long step, long mostBytes)
    {
        if (!Knows(step))
            return [];
        var taken = new List<StepRecord>();
        var size = 0L;
        foreach (var record in records.SkipWhile(record => record.Step < step))
        {
            if (taken.Count > 0 && size + record.Bytes > mostBytes)
                break;
            taken.Add(record);
            size += record.Bytes;
        }

        return [.. taken];
    }
}
