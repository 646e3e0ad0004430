using static TorchSharp.torch;

namespace MappingNets;

/// <content>What a user's module has beside the tensors that a network describes: parameters that its owner froze, and further names.</content>
public abstract partial class TargetNetwork
{
    /// <summary>What to do where frozen parameters differ, as the last sentence of a message.</summary>
    internal const string FrozenRemedy = "Frozen parameters stay as the module has them: load them into the module before TargetNetwork.From.";

    /// <summary>The parameters that no mapping generates because the module's owner froze them, by name; empty for most networks.</summary>
    /// <exception cref="ObjectDisposedException">
    /// There are some, but the target was disposed, and its module is with its owner again; or the module was disposed.
    /// </exception>
    internal virtual IReadOnlyList<(string Name, Tensor Value)> Frozen() => [];

    /// <summary>Further names of tensors that a module uses in several places, each with the first name; empty for most networks.</summary>
    internal virtual IReadOnlyDictionary<string, string> OtherNames => NoOtherNames;

    /// <summary>All names of a tensor: that by which the network calls it, and then the others.</summary>
    internal IEnumerable<string> NamesOf(string name) =>
        OtherNames.Where(pair => pair.Value == name).Select(pair => pair.Key).Order(StringComparer.Ordinal).Prepend(name);

    /// <summary>The frozen parameters as files name them; null where there are none. It reads all of them.</summary>
    /// <exception cref="ObjectDisposedException">As for <see cref="Frozen"/>.</exception>
    internal FrozenHash? HashFrozen() => FrozenHash.Of(Frozen());

    /// <summary>The name under which weights have a frozen parameter with other values than the module; null where they have none such.</summary>
    /// <param name="has">Whether the weights have a tensor of a name.</param>
    /// <param name="load">The tensor of that name, in the caller's dispose scope where it is a copy.</param>
    internal string? OtherFrozen(Func<string, bool> has, Func<string, Tensor> load)
    {
        using var noGradient = no_grad();
        foreach (var (own, values) in Frozen())
            foreach (var name in NamesOf(own).Where(has))
            {
                using var scope = NewDisposeScope();
                if (!HasValues(values, load(name)))
                    return name;
            }

        return null;
    }

    /// <summary>Two names of one tensor under which weights have different values; null where they have none such.</summary>
    /// <param name="has">As for <see cref="OtherFrozen"/>.</param>
    /// <param name="load">As for <see cref="OtherFrozen"/>.</param>
    internal (string First, string Second)? TornTie(Func<string, bool> has, Func<string, Tensor> load)
    {
        using var noGradient = no_grad();
        foreach (var first in OtherNames.Values.Distinct(StringComparer.Ordinal))
        {
            string[] stored = [.. NamesOf(first).Where(has)];
            foreach (var other in stored.Skip(1))
            {
                using var scope = NewDisposeScope();
                if (!HasValues(load(stored[0]), load(other)))
                    return (stored[0], other);
            }
        }

        return null;
    }

    private static IReadOnlyDictionary<string, string> NoOtherNames { get; } = new Dictionary<string, string>();

    // In the type of the first; a double, of which weights in memory keep single precision, in that.
    private static bool HasValues(Tensor own, Tensor stored)
    {
        if (!own.shape.SequenceEqual(stored.shape) || FloatTypes.Contains(own.dtype) != FloatTypes.Contains(stored.dtype))
            return false;
        using var scope = NewDisposeScope();
        var type = own.dtype == ScalarType.Float64 && stored.dtype == ScalarType.Float32 ? ScalarType.Float32 : own.dtype;
        return TensorBytes.AreSame(own.detach().to(type), stored.detach().to(type));
    }
}
