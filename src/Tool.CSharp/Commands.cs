using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Numerics;
using System.Text.Json.Nodes;

namespace MappingNets.Tool;

/// <summary>The verbs, and the arguments and options that several of them share.</summary>
internal static class Commands
{
    public static readonly Argument<string> Adapter = new("adapter") { Description = "The adapter: a .safetensors file, or a folder with adapter_config.json." };

    public static readonly Option<string?> Data = new("--data") { Description = DataSource.Help };

    public static readonly Option<string?> Network = new("--network") { Description = NetworkSource.Help };

    public static readonly Option<string?> Base = new("--base")
    {
        Description = "The pretrained weights, a safetensors file. An ONNX network brings its own.",
    };

    public static readonly Option<int?> Side = new("--side") { Description = "The side in pixels that pictures of a folder are scaled to; 32 where it is not named." };

    public static readonly Option<bool> Grey = new("--grey") { Description = "Pictures of a folder have one channel instead of three." };

    public static readonly Option<bool> Json = new("--json") { Description = "Prints one JSON object instead of text." };

    public static RootCommand Root(TextWriter output)
    {
        var root = new RootCommand("Trains neural networks through a small latent vector, and works with the adapters they leave.");
        foreach (var verb in new[]
        {
            TrainCommand.Build(output), EvaluateCommand.Build(output), PredictCommand.Build(output), InspectCommand.Build(output),
            WeightCommands.Merge(output), WeightCommands.Export(output), WeightCommands.Convert(output),
        })
            root.Subcommands.Add(verb);
        return root;
    }

    /// <summary>A number in JSON, which has none that is not finite: such a one is its name, such as "NaN".</summary>
    public static JsonNode? JsonNumber(double? value) =>
        value is { } number && !double.IsFinite(number) ? number.ToString(CultureInfo.InvariantCulture) : (JsonNode?)value;

    /// <summary>An option for a number within bounds.</summary>
    public static Option<T> Number<T>(string name, string description, T standard, T least, T most)
        where T : IComparable<T>, IParsable<T>
    {
        return new Option<T>(name)
        {
            Description = $"{description}; {standard} where it is not named.",
            DefaultValueFactory = _ => standard,
            CustomParser = result => Parsed<T>(result, name, out var value) && (value.CompareTo(least) < 0 || value.CompareTo(most) > 0)
                ? Refused<T>(result, string.Create(CultureInfo.InvariantCulture, $"{name} takes a number from {least} to {most}; {value} is none."))
                : value,
        };
    }

    /// <summary>An option for a positive number, null where it is not named.</summary>
    public static Option<double?> Positive(string name, string description) => new(name)
    {
        Description = description,
        CustomParser = result => Parsed<double>(result, name, out var value) && !(value > 0 && value <= 1e30)
            ? Refused<double?>(result, string.Create(CultureInfo.InvariantCulture, $"{name} takes a number above 0 and at most 1E+30; {value} is none."))
            : value,
    };

    // The library's own parser reads a comma as a thousands separator, wherever it stands: 0,001 would be 1.
    private static bool Parsed<T>(ArgumentResult result, string name, out T value)
        where T : IParsable<T>
    {
        var text = result.Tokens[0].Value;
        if (!text.Contains(',') && T.TryParse(text, CultureInfo.InvariantCulture, out value!))
            return true;
        result.AddError(BigInteger.TryParse(text, CultureInfo.InvariantCulture, out _) && !text.Contains(',')
            ? $"{name} is beyond its range: {text}."
            : $"{name} takes a number; '{text}' is none.");
        value = default!;
        return false;
    }

    private static T? Refused<T>(ArgumentResult result, string why)
    {
        result.AddError(why);
        return default;
    }

    /// <summary>An option for one of some words.</summary>
    public static Option<string> Choice(string name, string description, params string[] words)
    {
        var option = new Option<string>(name)
        {
            Description = $"{description}: {string.Join(", ", words)}; {words[0]} where it is not named.",
            DefaultValueFactory = _ => words[0],
        };
        option.Validators.Add(result =>
        {
            if (result.Tokens.Count == 1 && !words.Contains(result.Tokens[0].Value, StringComparer.Ordinal))
                result.AddError($"{name} takes one of {string.Join(", ", words)}; '{result.Tokens[0].Value}' is none.");
        });
        option.CompletionSources.Add(words);
        return option;
    }
}
