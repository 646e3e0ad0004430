using System.Globalization;

namespace MappingNets;

/// <summary>A table of text with a header line, read line by line. Fields are divided by commas and may stand in quotes.</summary>
public sealed class CsvFile
{
    private readonly Dictionary<string, int> columns;

    private CsvFile(string path, IReadOnlyList<string> header)
    {
        Path = path;
        Header = header;
        columns = new(StringComparer.Ordinal);
        foreach (var (name, index) in header.Select((name, index) => (name, index)))
            if (!columns.TryAdd(name, index))
                throw new DatasetFormatException(path, $"has the column '{name}' twice.");
    }

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>What the columns are called.</summary>
    public IReadOnlyList<string> Header { get; }

    /// <summary>Opens a file and reads its header.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="DatasetFormatException">It is empty or has a column twice.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static CsvFile Open(string path)
    {
        using var reader = new StreamReader(path);
        var header = reader.ReadLine() ?? throw new DatasetFormatException(path, "is empty; it needs a header line.");
        return new(path, Fields(header, path, 1));
    }

    /// <summary>The place of a column, from 0.</summary>
    /// <param name="name">Its name in the header.</param>
    /// <exception cref="DatasetFormatException">There is no such column.</exception>
    public int Column(string name) => columns.TryGetValue(name, out var index)
        ? index
        : throw new DatasetFormatException(Path, $"has no column '{name}'; it has {string.Join(", ", Header)}.");

    /// <summary>The rows below the header, each with its line number from 1; empty lines are left out.</summary>
    /// <exception cref="DatasetFormatException">A row has more or fewer fields than the header.</exception>
    public IEnumerable<(int Line, string[] Fields)> Rows()
    {
        using var reader = new StreamReader(Path);
        reader.ReadLine();
        for (var line = 2; reader.ReadLine() is { } text; line++)
        {
            if (text.Length == 0)
                continue;
            var fields = Fields(text, Path, line);
            if (fields.Length != Header.Count)
                throw new DatasetFormatException(Path, $"has {fields.Length} fields in line {line}; its header has {Header.Count}.");
            yield return (line, fields);
        }
    }

    /// <summary>A field as a finite number.</summary>
    /// <param name="line">The row's line, for the message.</param>
    /// <param name="column">The field's place, for the message.</param>
    /// <param name="text">The field.</param>
    /// <exception cref="DatasetFormatException">It is no finite number.</exception>
    public double Number(int line, int column, string text) =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && double.IsFinite(number)
            ? number
            : throw new DatasetFormatException(Path, $"has '{text}' in line {line}, column '{Header[column]}', which is no finite number.");

    // Quotes around a field; a doubled quote within them is one.
    private static string[] Fields(string text, string path, int line)
    {
        if (!text.Contains('"'))
            return text.Split(',');
        var fields = new List<string>();
        var field = new System.Text.StringBuilder();
        var quoted = false;
        for (var index = 0; index < text.Length; index++)
        {
            if (text[index] == '"' && quoted && index + 1 < text.Length && text[index + 1] == '"')
                field.Append(text[++index]);
            else if (text[index] == '"')
                quoted = !quoted;
            else if (text[index] == ',' && !quoted)
            {
                fields.Add(field.ToString());
                field.Clear();
            }
            else
                field.Append(text[index]);
        }

        if (quoted)
            throw new DatasetFormatException(path, $"has a quote in line {line} that does not end there.");
        fields.Add(field.ToString());
        return [.. fields];
    }
}
