namespace MappingNets;

/// <summary>
/// The constants of the last few kinds of adapters, so that a swap between adapters of one kind makes none anew, and a thousand
/// kinds do not all keep theirs. Not safe for several threads.
/// </summary>
internal sealed class ChangeCache(TargetNetwork target) : IDisposable
{
    private const int Kept = 4;

    private readonly LinkedList<(FineTuningConfiguration Configuration, string Text, WeightChange Change)> entries = new();

    public WeightChange Of(FineTuningConfiguration configuration)
    {
        for (var node = entries.First; node is not null; node = node.Next)
            if (ReferenceEquals(node.Value.Configuration, configuration))
                return Foremost(node);
        var text = configuration.ToJson();
        for (var node = entries.First; node is not null; node = node.Next)
            if (node.Value.Text == text)
                return Foremost(node);

        var change = new WeightChange(target, configuration);
        entries.AddFirst((configuration, text, change));
        if (entries.Count > Kept)
        {
            entries.Last!.Value.Change.Dispose();
            entries.RemoveLast();
        }

        return change;
    }

    public void Dispose()
    {
        foreach (var (_, _, change) in entries)
            change.Dispose();
    }

    private WeightChange Foremost(LinkedListNode<(FineTuningConfiguration, string, WeightChange Change)> node)
    {
        entries.Remove(node);
        entries.AddFirst(node);
        return node.Value.Change;
    }
}
