using System.Globalization;

namespace MappingNets.Experiments.Stress;

/// <summary>The options of a verb, each "--name value", as given or by their defaults.</summary>
internal sealed class Options
{
    private readonly Dictionary<string, string> given = [];
    private readonly string[] known;

    /// <summary>Reads options.</summary>
    /// <param name="arguments">What stands behind the verb.</param>
    /// <param name="known">The names that there are, with their dashes.</param>
    /// <exception cref="UsageException">An option is unknown or has no value.</exception>
    public Options(IReadOnlyList<string> arguments, params string[] known)
    {
        this.known = known;
        for (var index = 0; index < arguments.Count; index += 2)
            given[known.Contains(arguments[index]) ? arguments[index] : throw Wrong(arguments[index])] =
                index + 1 < arguments.Count ? arguments[index + 1] : throw Wrong(arguments[index] + " without a value");
    }

    /// <summary>A number of minutes.</summary>
    public double Minutes(double otherwise) => Number("--minutes", otherwise, 0.01, 10_000);

    /// <summary>A number within bounds.</summary>
    public double Number(string name, double otherwise, double least, double most)
    {
        if (!given.TryGetValue(name, out var text))
            return otherwise;
        return double.TryParse(text, CultureInfo.InvariantCulture, out var number) && number >= least && number <= most
            ? number
            : throw Wrong(FormattableString.Invariant($"{name} {text}, a number from {least} to {most},"));
    }

    /// <summary>Free text.</summary>
    public string Text(string name, string otherwise) => given.GetValueOrDefault(name, otherwise);

    /// <summary>A folder, which is there afterwards.</summary>
    public string Folder(string otherwise)
    {
        var folder = Text("--out", otherwise);
        if (File.Exists(folder))
            throw Wrong($"--out {folder}, which is a file,");
        return Directory.CreateDirectory(folder).FullName;
    }

    /// <summary>The command that a report names: the verb and the options, except where the results go.</summary>
    public string Command(string verb) => string.Join(' ', given.Where(pair => pair.Key != "--out")
        .SelectMany(pair => new[] { pair.Key, pair.Value.Contains(' ', StringComparison.Ordinal) ? $"\"{pair.Value}\"" : pair.Value }).Prepend($"./build.sh {verb}"));

    private UsageException Wrong(string what) => new($"'{what}' is none of the options: {string.Join(", ", known)}.");
}

/// <summary>The command line is wrong; the message says how.</summary>
internal sealed class UsageException(string message) : Exception(message);
