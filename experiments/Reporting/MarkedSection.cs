namespace MappingNets.Experiments.Reporting;

/// <summary>The part of a document that a command writes, between two comments, so that no number is typed by hand.</summary>
public static class MarkedSection
{
    /// <summary>Replaces what stands between <c>&lt;!-- name --&gt;</c> and <c>&lt;!-- /name --&gt;</c>; the rest of the file is untouched.</summary>
    /// <param name="path">The document.</param>
    /// <param name="name">The section's name.</param>
    /// <param name="text">Its new text.</param>
    /// <exception cref="InvalidDataException">The document has no such section.</exception>
    public static void Replace(string path, string name, string text)
    {
        var document = File.ReadAllText(path);
        var (start, end) = Find(document, name) ?? throw Missing(path, name);
        AtomicFile.WriteAllText(path, $"{document[..start]}\n{text.TrimEnd()}\n{document[end..]}");
    }

    /// <summary>Whether a document has the section.</summary>
    /// <param name="path">The document.</param>
    /// <param name="name">The section's name.</param>
    public static bool Has(string path, string name) => Find(File.ReadAllText(path), name) is not null;

    /// <summary>Refuses a document that lacks the section, before hours of work for it.</summary>
    /// <param name="path">The document.</param>
    /// <param name="name">The section's name.</param>
    /// <exception cref="InvalidDataException">It does.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static void Require(string path, string name)
    {
        if (!Has(path, name))
            throw Missing(path, name);
    }

    private static InvalidDataException Missing(string path, string name) =>
        new($"'{path}' has no section between '<!-- {name} -->' and '<!-- /{name} -->'.");

    private static (int Start, int End)? Find(string document, string name)
    {
        var open = $"<!-- {name} -->";
        var start = document.IndexOf(open, StringComparison.Ordinal);
        var end = document.IndexOf($"<!-- /{name} -->", StringComparison.Ordinal);
        return start < 0 || end < start ? null : (start + open.Length, end);
    }
}
