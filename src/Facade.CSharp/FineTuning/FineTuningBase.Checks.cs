using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets;

/// <content>What is held against a target before anything is taken.</content>
internal sealed partial class FineTuningBase
{
    // A module's frozen parameters are not taken from the weights, and of a tensor with several names only one is.
    private static void RequireAgreement(TargetNetwork target, PretrainedWeights pretrained)
    {
        if (target.OtherFrozen(pretrained.Has, pretrained.Load) is { } frozen)
            throw new ArgumentException(
                $"'{frozen}' is frozen in the module of '{target.Name}' and has other values in {pretrained.Source}. {TargetNetwork.FrozenRemedy}",
                nameof(pretrained));
        if (pretrained.OtherFrozen(target) is { } other)
            throw new ArgumentException(
                $"'{other}' is frozen in the module of '{target.Name}', and had other values beside the weights of {pretrained.Source}. "
                + $"{TargetNetwork.FrozenRemedy} PretrainedWeights.Renamed with null for that name gives the weights without it.",
                nameof(pretrained));
        if (target.TornTie(pretrained.Has, pretrained.Load) is { } tie)
            throw new ArgumentException(
                $"'{tie.First}' and '{tie.Second}' have different values in {pretrained.Source}; in the module of '{target.Name}' they are one tensor. "
                + "PretrainedWeights.Renamed leaves out the one for which it gives null.",
                nameof(pretrained));
    }

    /// <summary>
    /// The weights with the network's names for tensors that they have under another name of the module's; null where nothing is to be renamed.
    /// </summary>
    private static PretrainedWeights? ByFirstNames(TargetNetwork target, PretrainedWeights pretrained)
    {
        var first = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var name in target.OtherNames.Values.Distinct(StringComparer.Ordinal))
            if (target.NamesOf(name).FirstOrDefault(pretrained.Has) is { } held && held != name)
                first.Add(held, name);
        return first.Count == 0 ? null : pretrained.Renamed(name => first.GetValueOrDefault(name, name));
    }

    private static void RequireFit(TargetNetwork target, PretrainedWeights pretrained, IReadOnlyList<string> head)
    {
        ParameterSpecification[] needed = [.. target.Parameters.Where(parameter => !head.Contains(parameter.Name))];
        if (LowRankTarget.OtherForm(target.Name, needed, name => pretrained.Describe(name)?.Shape) is { } fault)
            throw new ArgumentException($"{pretrained.Source} {fault}", nameof(pretrained));
        foreach (var parameter in needed)
            if (!Fits(pretrained, parameter))
                throw new ArgumentException(
                    $"{(pretrained.Describe(parameter.Name) is { } other ? $"'{parameter.Name}' has the shape {ShapeText.Of(other.Shape)} in" : $"There is no '{parameter.Name}' in")} "
                    + $"{pretrained.Source}; '{target.Name}' needs {parameter}. {RemedyFor(parameter, target, pretrained, needed)}",
                    nameof(pretrained));
        // The codes of another library's quantisation are no weights without their steps.
        foreach (var parameter in needed)
            if (pretrained.Describe(parameter.Name)!.Value.Type is var type && !FloatTypes.Contains(type))
                throw new ArgumentException($"'{parameter.Name}' is {type} in {pretrained.Source}; weights are floats.", nameof(pretrained));
        if (needed.FirstOrDefault(parameter => pretrained.WithoutPieces(parameter.Name) is not null) is { } unread)
            throw new ArgumentException(
                $"'{unread.Name}' cannot be read layer by layer from {pretrained.Source}: {pretrained.WithoutPieces(unread.Name)}; it must be F32, F16 or "
                + "BF16, or int8 or int4 as Model.Export writes them. PretrainedWeights.FromFile reads the whole file into memory.",
                nameof(pretrained));
        foreach (var buffer in target.Buffers.Where(buffer => buffer.IsPersistent))
            if (!(pretrained.Describe(buffer.Name) is { } values && values.Shape.SequenceEqual(buffer.Shape)))
                throw new ArgumentException(
                    $"There is no buffer {buffer} in {pretrained.Source}; '{target.Name}' needs it.", nameof(pretrained));
    }

    // A file may hold infinities, for masks; weights may not, and buffers only where the network starts with them.
    private static void RequireSound(TargetNetwork target, PretrainedWeights pretrained, IReadOnlyList<string> head, NetworkState start)
    {
        var bad = target.Parameters.Select(parameter => parameter.Name)
            .Where(name => !head.Contains(name) && !pretrained.IsFinite(name))
            .Concat(target.PersistentBuffers(start)
                .Where(buffer => !FiniteNumbers.AllInOrAsIn(pretrained.Load(buffer.Name), buffer.Values)).Select(buffer => buffer.Name))
            .FirstOrDefault();
        if (bad is not null)
            throw new ArgumentException($"'{bad}' holds a number that is not finite in {pretrained.Source}.", nameof(pretrained));
    }

    // What to do where a tensor is missing or of another shape.
    private static string RemedyFor(
        ParameterSpecification parameter, TargetNetwork target, PretrainedWeights pretrained, IReadOnlyList<ParameterSpecification> needed) =>
        !pretrained.Has(parameter.Name) && PrefixOf(target, pretrained, needed) is { } prefix
            ? $"All names that it needs are there behind '{MessageText.Of(prefix)}'; "
                + $"PretrainedWeights.Renamed(name => name.StartsWith(\"{MessageText.Of(prefix)}\") ? name[{prefix.Length}..] : name) takes that off."
            : "WithNewHead starts layers anew.";

    /// <summary>What stands before every name that the network needs, such as "module."; null where nothing does.</summary>
    private static string? PrefixOf(TargetNetwork target, PretrainedWeights pretrained, IReadOnlyList<ParameterSpecification> needed)
    {
        var names = pretrained.Names.ToHashSet(StringComparer.Ordinal);
        string[][] wanted =
        [
            .. needed.Select(parameter => parameter.Name).Concat(target.Buffers.Where(buffer => buffer.IsPersistent).Select(buffer => buffer.Name))
                .Select(name => target.NamesOf(name).ToArray()),
        ];
        var prefixes =
            from own in wanted[0]
            from name in names
            where name.EndsWith("." + own, StringComparison.Ordinal)
            let prefix = name[..^own.Length]
            orderby prefix.Length
            select prefix;
        return prefixes.FirstOrDefault(prefix => wanted.All(known => known.Any(own => names.Contains(prefix + own))));
    }

    /// <summary>The last layer where the pretrained one has other shapes, as it does when the number of classes changes.</summary>
    private static IReadOnlyList<string> ChangedHead(TargetNetwork target, PretrainedWeights pretrained)
    {
        var entries = target.Layout.Layers[^1].Entries;
        var names = entries.Select(entry => entry.Name).ToArray();
        var last = target.Parameters.Where(parameter => names.Contains(parameter.Name)).ToArray();
        return last.All(parameter => pretrained.Describe(parameter.Name) is not null) && !last.All(parameter => Fits(pretrained, parameter))
            ? names
            : [];
    }

    private static bool Fits(PretrainedWeights pretrained, ParameterSpecification parameter) =>
        pretrained.Describe(parameter.Name) is { } tensor && tensor.Shape.SequenceEqual(parameter.Shape);
}
