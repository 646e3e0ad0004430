using MappingNets.Core;

namespace MappingNets.Experiments.Reproduce;

/// <summary>
/// The texts of a folder in passages: what stands between lines of a single "%" in the files of fortune, and between blank lines in others. Each passage
/// is kept once, whatever its line breaks, and they are in an order that a hash decides, so that every part has some of each file.
/// </summary>
/// <param name="Texts">The passages.</param>
internal sealed record TextPassages(IReadOnlyList<string> Texts)
{
    /// <summary>Reads the files of a folder.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="names">Names of files to read; where there is none, every file that is text in UTF-8.</param>
    /// <exception cref="InvalidDataException">There is no passage.</exception>
    public static TextPassages Of(string folder, params string[] names)
    {
        var files = names.Length > 0 ? names.Select(name => Path.Combine(folder, name)) : Directory.EnumerateFiles(folder).Order(StringComparer.Ordinal);
        string[] passages = [.. files.Select(File.ReadAllText).Where(IsText).SelectMany(Passages).DistinctBy(Words)];
        if (passages.Length == 0)
            throw new InvalidDataException($"'{folder}' holds no text.");
        var order = CounterHash.named("text-passages", CounterHash.ofSeed(0));
        return new([.. Enumerable.Range(0, passages.Length).Select(place => passages[(int)CounterHash.permute(order, (ulong)passages.Length, (ulong)place)])]);
    }

    private static IEnumerable<string> Passages(string text)
    {
        string[] lines = [.. text.ReplaceLineEndings("\n").Split('\n').Select(line => line.TrimEnd())];
        var border = lines.Contains("%") ? "%" : "";
        var passage = new List<string>();
        foreach (var line in lines.Append(border))
        {
            if (line != border)
            {
                passage.Add(line);
                continue;
            }

            if (passage.Exists(each => each.Length > 0))
                yield return string.Join('\n', passage);
            passage.Clear();
        }
    }

    // Indices beside the texts are binary.
    private static bool IsText(string content) => !content.Contains('\0');

    private static string Words(string passage) => string.Join(' ', passage.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
}
