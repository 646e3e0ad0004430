using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets;

/// <content>Adapters that answer by name, several of them for one batch, and combinations of them.</content>
public sealed partial class AdapterHost
{
    /// <summary>
    /// For how many adapters that were asked by name the host keeps their weights, 4 P bytes each, so that asking one again costs no generation;
    /// at least 0. Who was asked longest ago goes first. The active adapter is kept besides.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">It is negative.</exception>
    public int KeptAdapters
    {
        get
        {
            lock (gate)
                return latest.Most;
        }

        set
        {
            ArgumentOutOfRangeException.ThrowIfNegative(value);
            lock (gate)
                latest.Most = value;
        }
    }

    /// <summary>The outputs of one adapter, whichever is active; within <see cref="Disable"/> those of the base, for every name.</summary>
    /// <param name="input">A batch (N, ...) with the target's input shape, single precision.</param>
    /// <param name="adapter">Which one; null for the base alone, with what is merged into it.</param>
    /// <returns>(N, ...) with the target's output shape, on the host's device; the caller disposes it.</returns>
    /// <exception cref="ArgumentException">The input's shape or type is wrong.</exception>
    /// <exception cref="KeyNotFoundException">There is no such adapter.</exception>
    /// <exception cref="InvalidOperationException">It is merged into the base, or its own running statistics differ from those that are.</exception>
    /// <exception cref="ObjectDisposedException">The host is disposed.</exception>
    public Tensor Predict(Tensor input, string? adapter)
    {
        ArgumentNullException.ThrowIfNull(input);
        return Predict([input], adapter);
    }

    /// <summary>The same for a target of several inputs.</summary>
    /// <param name="inputs">A batch (N, ...) per entry of the target's <see cref="TargetNetwork.Inputs"/>, with equal N.</param>
    /// <param name="adapter">Which one; null for the base alone, with what is merged into it.</param>
    /// <returns>(N, ...) with the target's output shape, on the host's device; the caller disposes it.</returns>
    /// <exception cref="ArgumentException">The number of inputs, a shape or a type is wrong.</exception>
    /// <exception cref="KeyNotFoundException">There is no such adapter.</exception>
    /// <exception cref="InvalidOperationException">It is merged into the base, or its own running statistics differ from those that are.</exception>
    /// <exception cref="ObjectDisposedException">The host is disposed.</exception>
    public Tensor Predict(IReadOnlyList<Tensor> inputs, string? adapter)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        return Answer(Hold(adapter), inputs);
    }

    /// <summary>The outputs of a batch whose samples go to different adapters: of each adapter all its samples at once. Within <see cref="Disable"/> the base answers for every name.</summary>
    /// <param name="input">A batch (N, ...) with the target's input shape, single precision.</param>
    /// <param name="adapters">The adapter of each sample; null for the base alone.</param>
    /// <returns>(N, ...) with the target's output shape, in the samples' order, on the host's device; the caller disposes it.</returns>
    /// <exception cref="ArgumentException">The input's shape or type is wrong, or there are not as many names as samples.</exception>
    /// <exception cref="KeyNotFoundException">There is no such adapter, or another thread deleted it before its samples came.</exception>
    /// <exception cref="InvalidOperationException">One is merged into the base, or its own running statistics differ from those that are.</exception>
    /// <exception cref="ObjectDisposedException">The host is disposed.</exception>
    public Tensor PredictEach(Tensor input, IReadOnlyList<string?> adapters)
    {
        ArgumentNullException.ThrowIfNull(input);
        return PredictEach([input], adapters);
    }

    /// <summary>The same for a target of several inputs.</summary>
    /// <param name="inputs">A batch (N, ...) per entry of the target's <see cref="TargetNetwork.Inputs"/>, with equal N.</param>
    /// <param name="adapters">The adapter of each sample; null for the base alone.</param>
    /// <returns>(N, ...) with the target's output shape, in the samples' order, on the host's device; the caller disposes it.</returns>
    /// <exception cref="ArgumentException">
    /// The number of inputs, a shape or a type is wrong, or there are not as many names as an input has samples.
    /// </exception>
    /// <exception cref="KeyNotFoundException">There is no such adapter, or another thread deleted it before its samples came.</exception>
    /// <exception cref="InvalidOperationException">One is merged into the base, or its own running statistics differ from those that are.</exception>
    /// <exception cref="ObjectDisposedException">The host is disposed.</exception>
    public Tensor PredictEach(IReadOnlyList<Tensor> inputs, IReadOnlyList<string?> adapters)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        ArgumentNullException.ThrowIfNull(adapters);
        if (adapters.Count == 0)
            throw new ArgumentException("There is no name; there must be one for each sample, and a sample.", nameof(adapters));
        Target.RequireTensors(inputs);
        // Each of them: of an input with more samples the groups below would leave some out.
        foreach (var input in inputs)
            if (input.dim() == 0 || input.shape[0] != adapters.Count)
                throw new ArgumentException(
                    $"There are {adapters.Count} names for an input of the shape {ShapeText.Of(input.shape)}; there must be one for each sample, and a sample.",
                    nameof(adapters));

        var groups = adapters.Select((name, place) => (name, place: (long)place)).GroupBy(each => each.name, each => each.place).ToArray();
        RequireAll(groups.Select(group => group.Key));
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        Tensor? outputs = null;
        foreach (var group in groups)
        {
            using var one = NewDisposeScope();
            var places = tensor(group.ToArray(), dtype: int64, device: CPU);
            Tensor[] samples = [.. inputs.Select(input => input.index_select(0, places.to(input.device)))];
            var part = Answer(Hold(group.Key), samples);
            outputs ??= empty([adapters.Count, .. part.shape[1..]], part.dtype, part.device).MoveToOuterDisposeScope();
            outputs.index_copy_(0, places.to(part.device), part);
        }

        return outputs!.MoveToOuterDisposeScope();
    }

    /// <summary>
    /// Adds a combination of adapters: theta + sum of w_i (theta_i - theta), with the weights theta_i that each adapter gives the base theta. It
    /// follows merges, and answers as any adapter does; it cannot be saved.
    /// </summary>
    /// <param name="name">What to call it.</param>
    /// <param name="parts">The adapters and how much each counts; at least one, none twice, finite numbers of any sign.</param>
    /// <exception cref="ArgumentException">The name is blank or taken, there is no part, one is given twice, or a weight is not finite.</exception>
    /// <exception cref="KeyNotFoundException">There is no such adapter.</exception>
    /// <exception cref="InvalidOperationException">One is merged into the base, or running statistics of the parts differ.</exception>
    /// <exception cref="ObjectDisposedException">The host is disposed.</exception>
    public void AddCombination(string name, IReadOnlyList<(string Adapter, double Weight)> parts)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        ArgumentNullException.ThrowIfNull(parts);
        if (parts.Count == 0)
            throw new ArgumentException("There is nothing to combine; name at least one adapter.", nameof(parts));
        foreach (var (adapter, weight) in parts)
        {
            if (parts.Count(part => part.Adapter == adapter) > 1)
                throw new ArgumentException($"The adapter '{adapter}' is given twice.", nameof(parts));
            if (!float.IsFinite((float)weight))
                throw new ArgumentException(
                    FormattableString.Invariant($"The weight of '{adapter}' is {weight}; it must be a finite number of single precision."), nameof(parts));
        }

        lock (gate)
        {
            foreach (var (adapter, _) in parts)
            {
                Find(adapter);
                RefuseMerged(adapter);
            }

            var combination = new Combination(name, [.. parts.Select(part => (part.Adapter, Find(part.Adapter), part.Weight))]);
            Take(name, combination, () =>
            {
                using var noGradient = no_grad();
                using var scope = NewDisposeScope();
                combination.RequireEqualBuffers(Base() with { State = original.State.Copy });
            });
        }
    }

    private Tensor Answer(WeightsSnapshot snapshot, IReadOnlyList<Tensor> inputs) => With(snapshot, held =>
    {
        Target.RequireTensors(inputs);
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        Tensor[] here = [.. inputs.Select(input => input.to(device))];
        return Target.Forward(here, held.Weights, held.State, training: false).MoveToOuterDisposeScope();
    });

    private WeightsSnapshot Hold(string? name)
    {
        lock (gate)
        {
            ObjectDisposedException.ThrowIf(isDisposed, this);
            // A wrong name is as wrong where the base answers.
            if (name is not null && IsDisabled)
            {
                Find(name);
                RefuseMerged(name);
            }

            // The host itself holds these two, so that they cannot be gone while the gate is closed.
            var ready = name is null || IsDisabled ? plain : current.Adapter == name ? current : null;
            if (ready is null)
                return latest.Hold(name!, () => SnapshotOf(name!));
            ready.TryHold();
            return ready;
        }
    }

    private static void RequireWhole(MappedModel model, string source)
    {
        if (model.Target.Ranks.Count > 0)
            throw new CheckpointFormatException(source, "generates factors of low rank, which a base of whole weights does not have.");
    }

    private void RequireAll(IEnumerable<string?> names)
    {
        lock (gate)
            foreach (var name in names)
                if (name is not null)
                {
                    Find(name);
                    RefuseMerged(name);
                }
    }
}
