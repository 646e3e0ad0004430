namespace MappingNets.Experiments.Reporting;

/// <summary>Row names with * for any characters.</summary>
public static class MethodPattern
{
    /// <summary>Whether a name matches a pattern.</summary>
    /// <param name="pattern">Letters to be met, and * for any.</param>
    /// <param name="name">The name.</param>
    public static bool Matches(string pattern, string name) =>
        System.IO.Enumeration.FileSystemName.MatchesSimpleExpression(pattern, name, ignoreCase: true);
}
