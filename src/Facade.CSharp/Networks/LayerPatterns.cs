using System.IO.Enumeration;

namespace MappingNets;

/// <summary>Chooses weight tensors by the names that users know.</summary>
internal static class LayerPatterns
{
    /// <summary>What chooses every tensor.</summary>
    public const string All = "all";

    /// <summary>The names of the tensors that any pattern chooses, in the target's order.</summary>
    public static IReadOnlyList<string> Select(TargetNetwork target, IReadOnlyList<string> patterns, string argument)
    {
        ArgumentNullException.ThrowIfNull(patterns, argument);
        if (patterns.Count == 0)
            throw new ArgumentException($"There is no pattern; '{All}' chooses every layer.", argument);
        foreach (var pattern in patterns)
            if (string.IsNullOrWhiteSpace(pattern) || !target.Parameters.Any(parameter => Matches(pattern, parameter.Name)))
                throw new ArgumentException(
                    $"The pattern '{pattern}' chooses nothing of '{target.Name}', which has "
                    + $"[{string.Join(", ", target.Parameters.Select(parameter => parameter.Name))}].",
                    argument);
        return [.. target.Parameters.Select(parameter => parameter.Name).Where(name => patterns.Any(pattern => Matches(pattern, name)))];
    }

    /// <summary>Whether a pattern chooses a name; "fc1" stands for all that is in it, as "layer4" does for a whole block.</summary>
    public static bool Matches(string pattern, string name) =>
        pattern == All
        || FileSystemName.MatchesSimpleExpression(pattern, name, ignoreCase: false)
        || FileSystemName.MatchesSimpleExpression(pattern + ".*", name, ignoreCase: false);
}
