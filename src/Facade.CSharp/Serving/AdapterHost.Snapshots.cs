using static TorchSharp.torch;

namespace MappingNets;

/// <content>How the weights of one moment are made, held and replaced, and the forms in which they are given out.</content>
public sealed partial class AdapterHost
{
    /// <summary>All weights that answer now, as one flat vector (P).</summary>
    /// <returns>A copy; the caller disposes it.</returns>
    /// <exception cref="ObjectDisposedException">The host is disposed.</exception>
    public Tensor FlatWeights() => With(held =>
    {
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        return Target.Layout.Join(held.Weights).MoveToOuterDisposeScope();
    });

    /// <summary>A plain TorchSharp module with the weights that answer now: it needs nothing of this library.</summary>
    /// <returns>The module, in evaluation mode; the caller disposes it.</returns>
    /// <exception cref="NotSupportedException">The network is a user's own module; <see cref="WriteInto"/> is for these.</exception>
    /// <exception cref="ObjectDisposedException">The host is disposed.</exception>
    public nn.Module<Tensor, Tensor> Materialize() => With(held =>
    {
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        return Target.ToModule(held.Weights, held.State);
    });

    /// <summary>
    /// Copies the weights that answer now, and their buffers, into a TorchSharp module with the same names and shapes, as
    /// <see cref="Model.WriteInto"/> does.
    /// </summary>
    /// <param name="module">The module.</param>
    /// <exception cref="ArgumentException">The module does not fit; nothing was written.</exception>
    /// <exception cref="ObjectDisposedException">The host is disposed.</exception>
    public void WriteInto(nn.Module module) => With(held =>
    {
        Target.WriteInto(module, held.Weights, held.State);
        return module;
    });

    private void Read(string name, string path, ReadLimits? limits, bool replaces)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        var most = limits ?? ReadLimits.Default;
        // Opened once: another adapter may take its place at any time.
        using var file = TensorFile.Open(path, most);
        if (AdapterHeader.Mapped.IsOf(file))
        {
            // The caller may stand in inference_mode, which serving needs no more than this.
            using var ordinary = inference_mode(false);
            var model = MappedAdapter.Load(file, Target, modulation: null, device, most, frozen: () => original.FrozenHash);
            // Written again, it names what its file names.
            Take(name, new WholeAdapter(model, FrozenBinding.Stated(file)), () => RequireWhole(model, path), replaces);
        }
        else
        {
            var contents = AdapterContents.Load(file, Target, most);
            Take(name, new TunedAdapter(contents, original), () => contents.CheckWeights(original), replaces);
        }
    }

    // Takes the adapter over, or disposes it.
    private void Take(string name, HostedAdapter adapter, Action check, bool replaces = false)
    {
        try
        {
            lock (gate)
            {
                ObjectDisposedException.ThrowIf(isDisposed, this);
                check();
                if (!adapters.TryGetValue(name, out var old))
                {
                    adapters.Add(name, adapter);
                    return;
                }

                if (!replaces)
                    throw new ArgumentException($"There is an adapter '{name}' already; delete it first, or replace it.", nameof(name));
                RefuseMerged(name);
                RefusePart(name);
                // First what may fail, so that the old adapter answers on then.
                var next = current.Adapter == name ? SnapshotOf(name, adapter) : null;
                adapters[name] = adapter;
                latest.Remove(name);
                if (next is not null)
                    Interlocked.Exchange(ref current, next).Release();
                old.Dispose();
            }
        }
        catch
        {
            adapter.Dispose();
            throw;
        }
    }

    // Reads the weights that answer now.
    private T With<T>(Func<WeightsSnapshot, T> read) => With(Hold(), read);

    // Reads weights that are held, and lets go of them.
    private static T With<T>(WeightsSnapshot held, Func<WeightsSnapshot, T> read)
    {
        try
        {
            return read(held);
        }
        finally
        {
            held.Release();
        }
    }

    private bool IsDisabled => disabled.Value?.Innermost is not null;

    // Between reading the reference and taking hold the snapshot may have been replaced and freed; then there is a newer one.
    private WeightsSnapshot Hold()
    {
        while (true)
        {
            var snapshot = IsDisabled ? Volatile.Read(ref plain) : Volatile.Read(ref current);
            if (snapshot.TryHold())
                return snapshot;
            ObjectDisposedException.ThrowIf(Volatile.Read(ref isDisposed), this);
        }
    }

    private void Serve(string? name)
    {
        ObjectDisposedException.ThrowIf(isDisposed, this);
        Interlocked.Exchange(ref current, name is null ? PlainSnapshot() : SnapshotOf(name)).Release();
    }

    private WeightsSnapshot SnapshotOf(string name)
    {
        var adapter = Find(name);
        RefuseMerged(name);
        return SnapshotOf(name, adapter);
    }

    private WeightsSnapshot SnapshotOf(string name, HostedAdapter adapter)
    {
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        RequireOneState(name, adapter);
        return new(name, [.. adapter.Weights(Base()).Select(weight => weight.alias().DetachFromDisposeScope())], adapter.State(Base()));
    }

    private HostedBase Base() => new(Target, theta, device, changes, BaseState);

    /// <summary>The buffers of the base: those that the adapters that are merged brought, or the ones that it began with.</summary>
    private NetworkState BaseState() => MergedWithOwnState() is { } last ? last.Adapter.State(Base()) : original.State.Copy();

    private WeightsSnapshot PlainSnapshot()
    {
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        return new(
            null,
            [.. Target.Layout.Split(theta).Select(weight => weight.DetachFromDisposeScope())],
            BaseState());
    }

    private HostedAdapter Find(string name)
    {
        ObjectDisposedException.ThrowIf(isDisposed, this);
        ArgumentNullException.ThrowIfNull(name);
        return adapters.TryGetValue(name, out var adapter)
            ? adapter
            : throw new KeyNotFoundException($"There is no adapter '{name}'; there are [{string.Join(", ", adapters.Keys.Order(StringComparer.Ordinal))}].");
    }

    private void RefusePart(string name)
    {
        if (adapters.FirstOrDefault(other => other.Value.Parts.Contains(name)).Key is { } user)
            throw new InvalidOperationException($"The adapter '{name}' is a part of '{user}'; delete that first.");
    }

    /// <summary>
    /// One <see cref="Disable"/>. Flows that began inside it keep it after it is over, so it says itself whether it is, and no flow counts.
    /// </summary>
    private sealed class Scope(Scope? outer) : IDisposable
    {
        private volatile bool isOver;

        /// <summary>This scope or the nearest one around it that is not over; null where all are.</summary>
        public Scope? Innermost
        {
            get
            {
                var scope = this;
                while (scope is { isOver: true })
                    scope = scope.Outer;
                return scope;
            }
        }

        private Scope? Outer { get; } = outer;

        public void Dispose() => isOver = true;
    }
}
