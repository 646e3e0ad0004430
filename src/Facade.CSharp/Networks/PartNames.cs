namespace MappingNets;

/// <summary>
/// The names that the modules of layers have on one level. A layer that lends its parts no level of their own puts theirs beside its neighbours',
/// and a module holds one part, or one tensor, of each name.
/// </summary>
internal static class PartNames
{
    /// <summary>Refuses two parts of one name. Faults throw ArgumentException with the bare reason.</summary>
    /// <param name="sequences">Sequences whose layers stand on one level.</param>
    public static void RequireUnique(IEnumerable<LayerSequence> sequences)
    {
        var taken = new HashSet<string>(StringComparer.Ordinal);
        foreach (var step in sequences.SelectMany(sequence => sequence.Steps))
            foreach (var name in Of(step))
                if (!taken.Add(name))
                    throw new ArgumentException(
                        $"the part '{name}' is there already, with other weights; give one of the two another name, or the skip around it a name of its own.");
    }

    /// <summary>The names on the level of a layer; none where it has no tensor, since modules without any may bear one name.</summary>
    public static IEnumerable<string> Of(LayerSequence.Step step) => step.Tensors.Select(tensor => tensor.Split('.')[0]).Distinct(StringComparer.Ordinal);
}
