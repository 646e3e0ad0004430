namespace MappingNets.Experiments.Stress;

/// <summary>Looks for files that should not be there.</summary>
internal static class Leftovers
{
    /// <summary>What a folder holds beside some names; null where it holds nothing else.</summary>
    public static string? In(string folder, params IEnumerable<string> known)
    {
        var others = Directory.GetFileSystemEntries(folder).Select(path => Path.GetFileName(path)).Except(known).ToArray();
        return others.Length == 0 ? null : $"left behind: {string.Join(", ", others)}";
    }
}
