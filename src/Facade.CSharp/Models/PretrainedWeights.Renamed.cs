using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets;

/// <content>The same weights under other names.</content>
public sealed partial class PretrainedWeights
{
    private PretrainedWeights(PretrainedWeights other, IReadOnlyDictionary<string, string> former)
    {
        Dictionary<string, T> Named<T>(IReadOnlyDictionary<string, T> all, Func<T, T> share) =>
            former.Where(pair => all.ContainsKey(pair.Value)).ToDictionary(pair => pair.Key, pair => share(all[pair.Value]), StringComparer.Ordinal);

        Source = other.Source;
        using var noGradient = no_grad();
        // Each object has handles of its own, and libtorch frees a tensor's memory with the last.
        tensors = Named(other.tensors, tensor => tensor.detach().DetachFromDisposeScope());
        entries = Named(other.entries, entry => entry);
        unusable = Named(other.unusable, refusal => refusal);
        frozen = Named(other.frozen, hash => hash);
        origin = other.origin;
        File = other.File?.Hold();
    }

    /// <summary>
    /// The same weights under other names, such as without the "module." or "model." that wrappers put before each name. Nothing is copied: the
    /// result shares this object's memory, or its open file.
    /// </summary>
    /// <example>
    /// <code>
    /// using var file = PretrainedWeights.FromFile("checkpoint.safetensors");
    /// using var weights = file.Renamed(name => name.StartsWith("module.") ? name["module.".Length..] : name);
    /// </code>
    /// </example>
    /// <param name="name">
    /// Gets a tensor's name and gives its new one, or null for a tensor to leave out. It gets the names of parameters too that are frozen in the module
    /// which the weights are of; with null for such a one a network may have another in its place.
    /// </param>
    /// <returns>
    /// The renamed weights. The caller disposes them and this object, in any order; the memory is freed, or the file closed, with the last that
    /// uses it.
    /// </returns>
    /// <exception cref="ArgumentException">Two tensors would have one name.</exception>
    /// <exception cref="ObjectDisposedException">The weights are disposed.</exception>
    public PretrainedWeights Renamed(Func<string, string?> name)
    {
        ArgumentNullException.ThrowIfNull(name);
        RequireAlive();
        var former = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var own in tensors.Keys.Concat(entries.Keys).Concat(unusable.Keys))
            if (name(own) is { } other && !former.TryAdd(other, own))
                throw new ArgumentException(
                    $"'{MessageText.Of(former[other])}' and '{MessageText.Of(own)}' of {Source} would both be called '{MessageText.Of(other)}'; "
                    + "give each a name of its own, or null to leave one out.",
                    nameof(name));
        // These are held for a comparison alone; a weight under such a name is compared itself.
        foreach (var own in frozen.Keys)
            if (name(own) is { } other)
                former.TryAdd(other, own);
        return new(this, former);
    }
}
