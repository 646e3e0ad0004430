namespace MappingNets;

/// <summary>
/// The constants of the last few kinds of adapters, so that a swap between adapters of one kind makes none anew, and a thousand
/// kinds do not all keep theirs. Not safe for several threads.
/// </summary>
internal sealed class IncrementCache(TargetNetwork target) : IDisposable
{
    private const int Kept = 4;

    private readonly LinkedList<(FineTuningConfiguration Configuration, string Text, Increment Increment)> entries = new();

    public Increment Of(FineTuningConfiguration configuration)
    {
        for (var node = entries.First; node is not null; node = node.Next)
            if (ReferenceEquals(node.Value.Configuration, configuration))
                return Foremost(node);
        var text = configuration.ToJson();
        for (var node = entries.First; node is not null; node = node.Next)
            if (node.Value.Text == text)
                return Foremost(node);

        var increment = configuration.ToIncrement(target);
        entries.AddFirst((configuration, text, increment));
        if (entries.Count > Kept)
        {
            entries.Last!.Value.Increment.Dispose();
            entries.RemoveLast();
        }

        return increment;
    }

    public void Dispose()
    {
        foreach (var (_, _, increment) in entries)
            increment.Dispose();
    }

    private Increment Foremost(LinkedListNode<(FineTuningConfiguration, string, Increment Increment)> node)
    {
        entries.Remove(node);
        entries.AddFirst(node);
        return node.Value.Increment;
    }
}
