using System.CommandLine;
using System.CommandLine.Invocation;
using System.Text.RegularExpressions;

namespace MappingNets.Tool;

/// <summary>What is wrong with a command line, in one line, with what was probably meant.</summary>
internal static partial class Misuse
{
    /// <summary>The line.</summary>
    /// <param name="parsed">A command line with errors.</param>
    public static string Of(ParseResult parsed)
    {
        using var text = new StringWriter();
        if (parsed.Action is ParseErrorAction errors)
            (errors.ShowHelp, errors.ShowTypoCorrections) = (false, true);
        parsed.Invoke(new() { Error = text, Output = text });
        if (NoNumber().Match(text.ToString()) is { Success: true } typed)
            return $"{typed.Groups[2].Value} takes a number; '{typed.Groups[1].Value}' is none.";
        if (Meant().Match(text.ToString()) is { Success: true } meant)
            return $"'{meant.Groups[1].Value}' is not known; did you mean '{meant.Groups[2].Value}'?";
        // An unknown word comes before the missing command that follows from it.
        return (parsed.Errors.FirstOrDefault(error => error.Message.StartsWith("Unrecognized", StringComparison.Ordinal)) ?? parsed.Errors[0]).Message;
    }

    [GeneratedRegex("^Cannot parse argument '(.*)' for option '(.*)' as expected type", RegexOptions.Multiline)]
    private static partial Regex NoNumber();

    [GeneratedRegex(@"^'(.*)' was not matched\. Did you mean one of the following\?\s+(\S+)", RegexOptions.Multiline)]
    private static partial Regex Meant();
}
