namespace MappingNets.Examples.Reporting;

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
        var (open, close) = ($"<!-- {name} -->", $"<!-- /{name} -->");
        var start = document.IndexOf(open, StringComparison.Ordinal);
        var end = document.IndexOf(close, StringComparison.Ordinal);
        if (start < 0 || end < start)
            throw new InvalidDataException($"'{path}' has no section between '{open}' and '{close}'.");
        AtomicFile.WriteAllText(path, $"{document[..(start + open.Length)]}\n{text.TrimEnd()}\n{document[end..]}");
    }
}
