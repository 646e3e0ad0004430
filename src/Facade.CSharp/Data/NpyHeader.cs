using System.Globalization;

namespace MappingNets;

/// <summary>
/// The header of a .npy file: a Python dict literal with the keys 'descr', 'fortran_order' and 'shape' in any order and with any spaces,
/// as NumPy itself reads it.
/// </summary>
/// <param name="Type">What 'descr' says, such as "&lt;f4".</param>
/// <param name="IsFortran">Whether the first dimension is the fastest.</param>
/// <param name="Shape">The sizes.</param>
internal sealed record NpyHeader(string Type, bool IsFortran, long[] Shape)
{
    /// <summary>Reads a header.</summary>
    /// <exception cref="DatasetFormatException">It is no such literal.</exception>
    public static NpyHeader Parse(string text, string path)
    {
        try
        {
            return new Reader(text).Header();
        }
        catch (FormatException fault)
        {
            throw new DatasetFormatException(path, $"has a header that is not understood, since {fault.Message}: {MessageText.Of(text.Trim())}", fault);
        }
    }

    /// <summary>Goes through the literal from left to right.</summary>
    private sealed class Reader(string text)
    {
        private int place;

        public NpyHeader Header()
        {
            string? type = null;
            bool? isFortran = null;
            long[]? shape = null;
            Expect('{');
            while (!Takes('}'))
            {
                var key = Text();
                Expect(':');
                switch (key)
                {
                    case "descr" when type is null:
                        Skip();
                        if (place < text.Length && text[place] is '[' or '(')
                            throw new FormatException("it holds records of several fields; only plain numbers are read");
                        type = Text();
                        break;
                    case "fortran_order" when isFortran is null:
                        isFortran = Truth();
                        break;
                    case "shape" when shape is null:
                        shape = Sizes();
                        break;
                    default:
                        throw new FormatException($"the key '{MessageText.Of(key)}' is unknown or there twice");
                }

                if (!Takes(','))
                {
                    Expect('}');
                    break;
                }
            }

            Skip();
            if (place < text.Length)
                throw new FormatException("something follows the dict");
            return new(
                type ?? throw new FormatException("'descr' is missing"),
                isFortran ?? throw new FormatException("'fortran_order' is missing"),
                shape ?? throw new FormatException("'shape' is missing"));
        }

        private string Text()
        {
            Skip();
            // Python 2 wrote u'...' where its source said so; r'...' is the same text where nothing is escaped.
            if (place + 1 < text.Length && text[place] is 'u' or 'U' or 'r' or 'R' && text[place + 1] is '\'' or '"')
                place++;
            if (place >= text.Length || text[place] is not ('\'' or '"'))
                throw new FormatException("a text in quotes is missing");
            var end = text.IndexOf(text[place], place + 1);
            if (end < 0)
                throw new FormatException("a quote does not end");
            var found = text[(place + 1)..end];
            place = end + 1;
            // What an escape stands for occurs in no type and no key.
            return found.Contains('\\') ? throw new FormatException("a text has an escape") : found;
        }

        private bool Truth() =>
            Word() switch
            {
                "True" => true,
                "False" => false,
                _ => throw new FormatException("'fortran_order' is neither True nor False"),
            };

        // (), (3,), (3, 4): one size alone needs the comma that makes it a tuple. Python 2 wrote 3L.
        private long[] Sizes()
        {
            Expect('(');
            var sizes = new List<long>();
            while (!Takes(')'))
            {
                var word = Word();
                if (!long.TryParse(word.EndsWith('L') ? word[..^1] : word, NumberStyles.None, CultureInfo.InvariantCulture, out var size))
                    throw new FormatException($"'{MessageText.Of(word)}' is no size from 0 to 2^63 - 1");
                sizes.Add(size);
                if (Takes(','))
                    continue;
                Expect(')');
                return sizes.Count > 1 ? [.. sizes] : throw new FormatException("the shape is no tuple");
            }

            return [.. sizes];
        }

        private string Word()
        {
            Skip();
            var start = place;
            while (place < text.Length && char.IsAsciiLetterOrDigit(text[place]))
                place++;
            return text[start..place];
        }

        private void Expect(char wanted)
        {
            if (!Takes(wanted))
                throw new FormatException($"a '{wanted}' is missing");
        }

        private bool Takes(char wanted)
        {
            Skip();
            if (place >= text.Length || text[place] != wanted)
                return false;
            place++;
            return true;
        }

        private void Skip()
        {
            while (place < text.Length && text[place] is (' ' or '\t' or '\n' or '\r' or '\f'))
                place++;
        }
    }
}
