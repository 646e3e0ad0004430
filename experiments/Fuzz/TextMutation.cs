using System.Text;
using System.Text.RegularExpressions;

namespace MappingNets.Experiments.Fuzz;

/// <summary>Changes of text by its words, numbers, quotes and brackets: JSON, Python literals and tables.</summary>
internal static partial class TextMutation
{
    private static readonly string[] Telling =
    [
        "0", "-0", "1", "-1", "2", "3", "7", "255", "2147483647", "2147483648", "4294967296", "4611686018427387904", "9223372036854775807",
        "9223372036854775808", "18446744073709551615", "99999999999999999999", "1e300", "1e-300", "1e999", "-1e30", "1e31", "0.5", "1.0", "NaN",
        "Infinity", "null", "true", "false", "True", "\"\"", "\"a\"", "\"\\ud800\"", "\"\\u0000\"", "[]", "{}", "[[]]", "()", "(,)", ",", ":", "'", "\"",
        "\\", "\n", "\r", "\0", "\uFEFF", "\u0661", "\u202E", "F64", "F8_E4M3", "U16", "U64", "BOOL", "dense", "hadamard", "signed-permutation",
        "linear", "additive", "custom:x", "groups", "mapping", "low-rank", "all", "int4", "int8", "half", "<f8", ">f4", "|b1", "NA",
    ];

    /// <summary>One to three changes.</summary>
    public static string Of(string text, Chance chance)
    {
        for (var count = 1 + (chance.OneIn(3) ? chance.Below(3) : 0); count > 0; count--)
            text = Once(text, chance);
        return text;
    }

    private static string Once(string text, Chance chance)
    {
        var tokens = Token().EnumerateMatches(text);
        var places = new List<(int Start, int Length)>();
        foreach (var token in tokens)
            places.Add((token.Index, token.Length));
        if (places.Count == 0)
            return chance.Of(Telling);
        var (start, length) = chance.Of(places);
        var found = text.Substring(start, length);
        string Replaced(string by) => new StringBuilder(text).Remove(start, length).Insert(start, by).ToString();
        switch (chance.Below(8))
        {
            case 0:
            case 1:
                return Replaced(chance.Of(Telling));
            case 2:
                return Replaced("");
            case 3:
                return Replaced(found + found);
            case 4:
                var (otherStart, otherLength) = chance.Of(places);
                return Replaced(text.Substring(otherStart, otherLength));
            case 5:
                // A whole member again, with its comma: a repeated key.
                var members = Member().EnumerateMatches(text);
                foreach (var member in members)
                    if (chance.OneIn(4))
                        return text.Insert(member.Index, text.Substring(member.Index, member.Length) + ",");
                return Replaced(found + "," + found);
            case 6:
                return Replaced(chance.OneIn(8) ? new string(chance.OneIn(2) ? '[' : 'x', 1 + chance.Below(2000)) : "-" + found);
            default:
                return long.TryParse(found, out var number) ? Replaced((number + chance.Below(5) - 2).ToString()) : Replaced(found[..^1]);
        }
    }

    [GeneratedRegex(@"-?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?|[A-Za-z_][A-Za-z_0-9.\-]*|[^\s]")]
    private static partial Regex Token();

    [GeneratedRegex(@"""[^""\\]*""\s*:\s*(""[^""\\]*""|-?[0-9.]+|true|false|\[[^\]\[]*\])")]
    private static partial Regex Member();
}
