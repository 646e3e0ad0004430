using System.Globalization;
using System.Text;

namespace MappingNets;

/// <summary>
/// A table of text with a header line, read line by line. Fields are divided by commas and may stand in quotes, in which a quote is
/// doubled; a field does not go beyond its line. The text is UTF-8, or UTF-16 where the file starts with its byte order mark.
/// </summary>
public sealed class CsvFile
{
    /// <summary>The most characters of a line.</summary>
    private const int MaximumLine = 1 << 24;

    private readonly Dictionary<string, int> columns;

    private readonly long most;

    private CsvFile(string path, IReadOnlyList<string> header, long most)
    {
        this.most = most;
        Path = path;
        Header = header;
        columns = new(StringComparer.Ordinal);
        foreach (var (name, index) in header.Select((name, index) => (name, index)))
            if (!columns.TryAdd(name, index))
                throw new DatasetFormatException(path, $"has the column '{MessageText.Of(name)}' twice.");
    }

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>What the columns are called.</summary>
    public IReadOnlyList<string> Header { get; }

    /// <summary>Opens a file and reads its header.</summary>
    /// <param name="path">The file.</param>
    /// <param name="limits">What the file may cost; <see cref="ReadLimits.Default"/> where none are given.</param>
    /// <exception cref="DatasetFormatException">
    /// It is empty, has a column twice, is in another encoding, or has more bytes than the limits allow.
    /// </exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static CsvFile Open(string path, ReadLimits? limits = null)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        var most = (limits ?? ReadLimits.Default).Bytes;
        using var lines = new Lines(path);
        if (lines.FileLength > most)
            throw new DatasetFormatException(
                path, $"has {lines.FileLength} bytes; at most {most} are read ({nameof(ReadLimits)}.{nameof(ReadLimits.Bytes)}).");
        var header = lines.Next() ?? throw new DatasetFormatException(path, "is empty; it needs a header line.");
        return new(path, Fields(header, path, 1), most);
    }

    /// <summary>The place of a column, from 0.</summary>
    /// <param name="name">Its name in the header.</param>
    /// <exception cref="DatasetFormatException">There is no such column.</exception>
    public int Column(string name) => columns.TryGetValue(name, out var index)
        ? index
        : throw new DatasetFormatException(Path, $"has no column '{MessageText.Of(name)}'; it has {MessageText.Names(Header)}.");

    /// <summary>Refuses a file whose numbers take more memory than its limits allow, which may be more than its text.</summary>
    internal void RequireWithin(UInt128 bytes)
    {
        if (bytes > (UInt128)most)
            throw new DatasetFormatException(
                Path, string.Create(CultureInfo.InvariantCulture, $"takes {bytes} bytes as numbers; at most {most} are read ({nameof(ReadLimits)}.{nameof(ReadLimits.Bytes)})."));
    }

    /// <summary>The rows below the header, each with its line number from 1; empty lines are left out.</summary>
    /// <exception cref="DatasetFormatException">
    /// A row has more or fewer fields than the header, a quote out of place or a NUL, or is in another encoding.
    /// </exception>
    public IEnumerable<(int Line, string[] Fields)> Rows()
    {
        using var lines = new Lines(Path);
        lines.Next();
        for (var line = 2; lines.Next() is { } text; line++)
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
            : throw new DatasetFormatException(
                Path, $"has '{MessageText.Of(text)}' in line {line}, column '{MessageText.Of(Header[column])}', which is no finite number.");

    /// <summary>A field as a whole number.</summary>
    /// <param name="line">The row's line, for the message.</param>
    /// <param name="column">The field's place, for the message.</param>
    /// <param name="text">The field.</param>
    /// <exception cref="DatasetFormatException">It is no whole number.</exception>
    public int Whole(int line, int column, string text) =>
        int.TryParse(text, NumberStyles.AllowLeadingSign | NumberStyles.AllowLeadingWhite | NumberStyles.AllowTrailingWhite, CultureInfo.InvariantCulture, out var number)
            ? number
            : throw new DatasetFormatException(
                Path, $"has '{MessageText.Of(text)}' in line {line}, column '{MessageText.Of(Header[column])}', which is no whole number.");

    // Quotes around a whole field; a doubled quote within them is one.
    private static string[] Fields(string text, string path, int line)
    {
        if (!text.Contains('"'))
            return text.Split(',');
        var fields = new List<string>();
        for (var start = 0; start <= text.Length;)
        {
            var end = start < text.Length && text[start] == '"' ? Quoted(text, start, fields, path, line) : Plain(text, start, fields, path, line);
            start = end + 1;
        }

        return [.. fields];
    }

    private static int Plain(string text, int start, List<string> fields, string path, int line)
    {
        var end = text.IndexOf(',', start) is >= 0 and var comma ? comma : text.Length;
        var field = text[start..end];
        if (field.Contains('"'))
            throw new DatasetFormatException(path, $"has a quote in line {line} inside a field without quotes around it.");
        fields.Add(field);
        return end;
    }

    private static int Quoted(string text, int start, List<string> fields, string path, int line)
    {
        var field = new StringBuilder();
        for (var index = start + 1; index < text.Length; index++)
            if (text[index] != '"')
                field.Append(text[index]);
            else if (index + 1 < text.Length && text[index + 1] == '"')
                field.Append(text[++index]);
            else if (index + 1 == text.Length || text[index + 1] == ',')
            {
                fields.Add(field.ToString());
                return index + 1;
            }
            else
                throw new DatasetFormatException(path, $"has a quote in line {line} before the end of its field.");

        throw new DatasetFormatException(path, $"has a quote in line {line} that does not end there.");
    }

    /// <summary>The lines of a file, in a strict encoding and none without end.</summary>
    private sealed class Lines : IDisposable
    {
        private readonly string path;
        private readonly FileStream stream;
        private readonly StreamReader reader;
        private readonly char[] block = new char[4096];
        private int next;
        private int filled;
        private int line;

        public Lines(string path)
        {
            this.path = path;
            stream = InputFile.Open(path);
            reader = new(stream, Strict(stream), detectEncodingFromByteOrderMarks: false);
        }

        public long FileLength => stream.Length;

        /// <summary>The next line without its end, a line feed, a carriage return or both; null after the last.</summary>
        public string? Next()
        {
            line++;
            StringBuilder? text = null;
            while (true)
            {
                if (next == filled && !Fill())
                    return text?.ToString();
                var rest = block.AsSpan(next, filled - next);
                var end = rest.IndexOfAny('\n', '\r', '\0');
                var part = rest[..(end < 0 ? rest.Length : end)];
                text ??= new();
                if (text.Length + part.Length > MaximumLine)
                    throw new DatasetFormatException(path, $"has more than {MaximumLine} characters in line {line}.");
                text.Append(part);
                next += part.Length;
                if (end < 0)
                    continue;
                if (rest[end] == '\0')
                    throw new DatasetFormatException(path, $"has a NUL in line {line}; it is no text, or text in another encoding than UTF-8.");
                var isReturn = rest[end] == '\r';
                next++;
                if (isReturn && (next < filled || Fill()) && block[next] == '\n')
                    next++;
                return text.ToString();
            }
        }

        public void Dispose() => reader.Dispose();

        private bool Fill()
        {
            try
            {
                (next, filled) = (0, reader.Read(block, 0, block.Length));
                return filled > 0;
            }
            catch (DecoderFallbackException fault)
            {
                throw new DatasetFormatException(
                    path, $"is not text in UTF-8, as its bytes in or after line {line} show; convert it (iconv -f LATIN1 -t UTF-8, for example).", fault);
            }
        }

        // By the byte order mark, which is left out of the text.
        private static Encoding Strict(FileStream stream)
        {
            Span<byte> start = stackalloc byte[3];
            var length = stream.ReadAtLeast(start, 3, throwOnEndOfStream: false);
            var (encoding, mark) = start[..length] switch
            {
                [0xEF, 0xBB, 0xBF] => ((Encoding)new UTF8Encoding(false, throwOnInvalidBytes: true), 3),
                [0xFF, 0xFE, ..] => (new UnicodeEncoding(bigEndian: false, byteOrderMark: false, throwOnInvalidBytes: true), 2),
                [0xFE, 0xFF, ..] => (new UnicodeEncoding(bigEndian: true, byteOrderMark: false, throwOnInvalidBytes: true), 2),
                _ => (new UTF8Encoding(false, throwOnInvalidBytes: true), 0),
            };
            stream.Position = mark;
            return encoding;
        }
    }
}
