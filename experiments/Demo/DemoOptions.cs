namespace MappingNets.Experiments.Demo;

/// <summary>What the demo's command line says.</summary>
/// <param name="Output">The folder for the results.</param>
/// <param name="Data">The folder of the IDX files; null looks in the usual places.</param>
/// <param name="Seed">The seed of every run.</param>
/// <param name="Document">A document whose section "demo table" is to hold the results; null for none.</param>
internal sealed record DemoOptions(string Output, string? Data, ulong Seed, string? Document)
{
    public static DemoOptions Parse(string[] arguments)
    {
        var options = new DemoOptions(Path.Combine("artifacts", "demo"), null, 1, null);
        for (var index = 0; index < arguments.Length; index += 2)
        {
            var name = arguments[index];
            var value = index + 1 < arguments.Length
                ? arguments[index + 1]
                : throw new ArgumentException($"'{name}' needs a value; --help lists the options.");
            options = name switch
            {
                "--out" => options with { Output = value },
                "--data" => options with { Data = value },
                "--update" => options with { Document = value },
                "--seed" => options with
                {
                    Seed = ulong.TryParse(value, out var seed)
                        ? seed
                        : throw new ArgumentException($"--seed takes a whole number of at least 0; '{value}' is none."),
                },
                _ => throw new ArgumentException($"There is no option '{name}'; --help lists the options."),
            };
        }

        return options;
    }
}
