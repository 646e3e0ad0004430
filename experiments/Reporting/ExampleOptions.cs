namespace MappingNets.Experiments.Reporting;

/// <summary>The command line of an example.</summary>
/// <param name="Data">The folder of real data; null where the example is to make its own.</param>
/// <param name="Output">The folder for the results.</param>
/// <param name="Seed">The seed of every run, and of synthetic data.</param>
/// <param name="Epochs">Epochs of every training; null takes the example's own number.</param>
public sealed record ExampleOptions(string? Data, string Output, ulong Seed, int? Epochs)
{
    /// <summary>Reads [FOLDER] [--out FOLDER] [--seed N] [--epochs N].</summary>
    /// <param name="arguments">The words.</param>
    /// <param name="output">The default folder for the results.</param>
    /// <exception cref="ArgumentException">A word is not understood; the message says which.</exception>
    public static ExampleOptions Parse(IReadOnlyList<string> arguments, string output)
    {
        ArgumentNullException.ThrowIfNull(arguments);
        var options = new ExampleOptions(null, output, 1, null);
        for (var index = 0; index < arguments.Count; index++)
        {
            var name = arguments[index];
            options = name switch
            {
                "--out" => options with { Output = Value() },
                "--seed" => options with
                {
                    Seed = ulong.TryParse(Value(), out var seed)
                        ? seed
                        : throw new ArgumentException($"--seed takes a whole number of at least 0; '{arguments[index]}' is none."),
                },
                "--epochs" => options with
                {
                    Epochs = int.TryParse(Value(), out var epochs) && epochs > 0
                        ? epochs
                        : throw new ArgumentException($"--epochs takes a whole number of at least 1; '{arguments[index]}' is none."),
                },
                _ when name.StartsWith('-') => throw new ArgumentException($"There is no option '{name}'; --help lists the options."),
                _ when options.Data is not null => throw new ArgumentException($"'{name}' is a second folder; one is enough."),
                _ => options with { Data = name },
            };

            string Value() => ++index < arguments.Count
                ? arguments[index]
                : throw new ArgumentException($"'{name}' needs a value; --help lists the options.");
        }

        return options;
    }
}
