using static TorchSharp.torch;

namespace MappingNets;

/// <content>Adapters that are folded into the base.</content>
public sealed partial class AdapterHost
{
    /// <summary>The adapters that are merged into the base, the last one first.</summary>
    public IReadOnlyList<string> Merged
    {
        get
        {
            lock (gate)
                return [.. merged.Select(step => step.Name)];
        }
    }

    /// <summary>
    /// Folds an adapter into the base: every other adapter is then applied on top of the two, with the running statistics of the one that is merged
    /// where it brings its own. The parts of a combination are in the base with it, and do not answer until it is unmerged. Where a merge fails all
    /// stays as it was.
    /// </summary>
    /// <param name="name">Which one. If it answers, the base with the same bits does from now on.</param>
    /// <exception cref="KeyNotFoundException">There is no such adapter.</exception>
    /// <exception cref="InvalidOperationException">
    /// It is merged already, or it generates every weight itself; or it would count twice, because a combination has it or one of its parts, or
    /// one of its parts answers now; or its own running statistics differ from those of an adapter that is merged or answers now.
    /// </exception>
    /// <exception cref="ObjectDisposedException">The host is disposed.</exception>
    public void Merge(string name)
    {
        lock (gate)
        {
            var adapter = Find(name);
            RefuseMerged(name);
            if (adapter.MergeFault is { } fault)
                throw new InvalidOperationException($"The adapter '{name}' {fault}.");
            RefuseShared(name);
            var before = theta;
            using (no_grad())
            using (NewDisposeScope())
            {
                RequireOneState(name, adapter);
                theta = Target.Layout.Join(adapter.Weights(Base())).DetachFromDisposeScope();
            }

            merged.Push((adapter, name, before));
            try
            {
                Rebase(current.Adapter == name ? null : current.Adapter);
            }
            catch
            {
                merged.Pop();
                theta.Dispose();
                theta = before;
                throw;
            }
        }
    }

    /// <summary>Takes the adapter that was merged last out of the base, which has its former bits again: they were kept.</summary>
    /// <returns>The adapter's name.</returns>
    /// <exception cref="InvalidOperationException">None is merged.</exception>
    /// <exception cref="ObjectDisposedException">The host is disposed.</exception>
    public string Unmerge()
    {
        lock (gate)
        {
            ObjectDisposedException.ThrowIf(isDisposed, this);
            if (merged.Count == 0)
                throw new InvalidOperationException("No adapter is merged into the base.");
            var last = merged.Pop();
            var after = theta;
            theta = last.Before;
            try
            {
                Rebase(current.Adapter);
            }
            catch
            {
                merged.Push(last);
                theta = after;
                throw;
            }

            after.Dispose();
            return last.Name;
        }
    }

    // Where it fails the weights that answered do so still, and the caller takes back what it changed.
    private void Rebase(string? active)
    {
        var withNone = PlainSnapshot();
        WeightsSnapshot next;
        try
        {
            next = active is null ? PlainSnapshot() : SnapshotOf(active);
        }
        catch
        {
            withNone.Release();
            throw;
        }

        latest.Clear();
        Interlocked.Exchange(ref plain, withNone).Release();
        Interlocked.Exchange(ref current, next).Release();
    }

    // What is in the base already would count twice.
    private void RefuseMerged(string name)
    {
        if (merged.FirstOrDefault(step => WithParts(step.Name).Contains(name)).Name is { } whole)
            throw new InvalidOperationException(
                $"The adapter '{name}' is merged into the base{(whole == name ? "; unmerge it first" : $" as a part of '{whole}'; unmerge that first")}.");
    }

    // Of two running statistics there is no sum: the merged adapters that bring their own all have the same, and so must what is applied on top of them.
    private void RequireOneState(string name, HostedAdapter adapter)
    {
        if (adapter is not WholeAdapter && adapter.HasOwnState && MergedWithOwnState() is { } inBase)
            HostedAdapter.RequireEqualBuffers(Base(), inBase, (name, adapter));
    }

    /// <summary>The adapter whose buffers are the base's: the last of those merged that brings its own; null where none does.</summary>
    private (string Name, HostedAdapter Adapter)? MergedWithOwnState()
    {
        foreach (var (adapter, name, _) in merged)
            if (adapter.HasOwnState)
                return (name, adapter);
        return null;
    }

    private void RefuseShared(string name)
    {
        var own = WithParts(name).ToHashSet(StringComparer.Ordinal);
        foreach (var (user, adapter) in adapters)
            if (!own.Contains(user) && adapter.Parts.FirstOrDefault(own.Contains) is { } shared)
                throw new InvalidOperationException(
                    $"'{user}' is a combination that has '{shared}', which would then count twice in it; delete '{user}' before merging '{name}'.");
        if (current.Adapter is { } active && active != name && own.Contains(active))
            throw new InvalidOperationException($"The adapter '{active}' answers now and is a part of '{name}'; let another one, or none, answer first.");
    }

    /// <summary>An adapter, and of a combination its parts and theirs.</summary>
    private IEnumerable<string> WithParts(string name) => adapters[name].Parts.SelectMany(WithParts).Prepend(name);
}
