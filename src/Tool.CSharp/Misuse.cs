using System.CommandLine;
using System.Text.RegularExpressions;

namespace MappingNets.Tool;

/// <summary>What is wrong with a command line, in one line: one fault, with what was probably meant.</summary>
internal static partial class Misuse
{
    private const int LikelyDistance = 2;

    /// <summary>The line.</summary>
    /// <param name="parsed">A command line with errors.</param>
    public static string Of(ParseResult parsed)
    {
        var messages = parsed.Errors.Select(error => error.Message).ToArray();
        if (messages.Select(text => NoNumber().Match(text)).FirstOrDefault(match => match.Success) is { } typed)
            return $"{typed.Groups[2].Value} takes a number; '{typed.Groups[1].Value}' is none.";
        // Before that a command is missing, which follows from it.
        if (messages.Select(text => Unknown().Match(text)).FirstOrDefault(match => match.Success) is not { } unknown)
            return messages[0];
        var command = parsed.CommandResult.Command;
        var known = command.Options.SelectMany(option => option.Aliases.Prepend(option.Name)).Concat(command.Subcommands.Select(verb => verb.Name));
        var word = unknown.Groups[1].Value;
        return known.Select(name => (Name: name, Distance: Distance(word, name))).OrderBy(one => one.Distance).FirstOrDefault() is { Name: { } nearest } found
            && found.Distance <= LikelyDistance
                ? $"'{word}' is not known; did you mean '{nearest}'?"
                : $"'{word}' is not known; --help lists what is.";
    }

    [GeneratedRegex("^Cannot parse argument '(.*)' for option '(.*)' as expected type")]
    private static partial Regex NoNumber();

    [GeneratedRegex("^Unrecognized command or argument '(.*)'")]
    private static partial Regex Unknown();

    // Levenshtein's: how many letters are to be put in, taken out or changed.
    private static int Distance(string one, string other)
    {
        var row = Enumerable.Range(0, other.Length + 1).ToArray();
        for (var i = 1; i <= one.Length; i++)
        {
            var (before, corner) = (row[0], row[0]);
            row[0] = i;
            for (var j = 1; j <= other.Length; j++)
            {
                (corner, before) = (before, row[j]);
                row[j] = Math.Min(Math.Min(row[j], row[j - 1]) + 1, corner + (one[i - 1] == other[j - 1] ? 0 : 1));
            }
        }

        return row[^1];
    }
}
