namespace MappingNets;

/// <summary>The weights of the adapters that answered last, by name. Not for several threads at once.</summary>
internal sealed class LatestSnapshots
{
    private readonly LinkedList<WeightsSnapshot> kept = [];
    private int most = 8;

    /// <summary>How many are kept at most.</summary>
    public int Most
    {
        get => most;
        set
        {
            most = value;
            Trim();
        }
    }

    /// <summary>How many are kept now.</summary>
    public int Count => kept.Count;

    /// <summary>The weights of an adapter, held for the caller; made where they are not kept.</summary>
    public WeightsSnapshot Hold(string name, Func<WeightsSnapshot> make)
    {
        var node = kept.First;
        while (node is not null && node.Value.Adapter != name)
            node = node.Next;
        var snapshot = node?.Value ?? make();
        if (node is not null)
            kept.Remove(node);
        kept.AddFirst(snapshot);
        // Before others are let go, this one among them where none is kept.
        snapshot.TryHold();
        Trim();
        return snapshot;
    }

    /// <summary>Lets an adapter's weights go.</summary>
    public void Remove(string name)
    {
        if (kept.FirstOrDefault(snapshot => snapshot.Adapter == name) is not { } snapshot)
            return;
        kept.Remove(snapshot);
        snapshot.Release();
    }

    /// <summary>Lets all go.</summary>
    public void Clear()
    {
        foreach (var snapshot in kept)
            snapshot.Release();
        kept.Clear();
    }

    private void Trim()
    {
        while (kept.Count > most)
        {
            kept.Last!.Value.Release();
            kept.RemoveLast();
        }
    }
}
