using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;

namespace MappingNets.Examples.Reproduce;

/// <summary>The verbs and the options that all of them share.</summary>
internal static class CommandLine
{
    private static readonly Option<string> Dataset = new("--dataset")
    {
        Description = "fashion-mnist, mnist, or a folder with the four IDX files.",
        DefaultValueFactory = _ => "fashion-mnist",
    };

    private static readonly Option<ulong[]> Seeds = new("--seeds")
    {
        Description = "The seeds, such as 1,2,3.",
        CustomParser = ParseSeeds,
        DefaultValueFactory = _ => [1],
    };

    private static readonly Option<int?> Epochs = new("--epochs")
    {
        Description = "Epochs of each training; the experiment's own number where it is not named.",
    };

    private static readonly Option<bool> Quick = new("--quick")
    {
        Description = "Fewer images and epochs: under two minutes on two cores.",
    };

    private static readonly Option<string?> Output = new("--out")
    {
        Description = "The folder for report.json and the plots; artifacts/reproduce/<experiment> where it is not named.",
    };

    public static RootCommand Build(CancellationToken stop)
    {
        Epochs.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int?>() is < 1)
                result.AddError("--epochs takes a whole number of at least 1.");
        });
        var root = new RootCommand("Reproduces the tables and figures of the paper; each verb is one experiment.");
        var list = new Command("list", "Lists the experiments.");
        list.SetAction(_ => List());
        root.Subcommands.Add(list);
        foreach (var experiment in Experiments.All)
            root.Subcommands.Add(VerbOf(experiment, stop));
        return root;
    }

    private static void List()
    {
        foreach (var experiment in Experiments.All)
            Console.WriteLine($"{experiment.Name,-22}{experiment.Summary}");
    }

    private static Command VerbOf(IExperiment experiment, CancellationToken stop)
    {
        var verb = new Command(experiment.Name, experiment.Summary) { Dataset, Seeds, Epochs, Quick, Output };
        verb.SetAction(parsed => experiment.Run(
            new(
                parsed.GetRequiredValue(Dataset),
                parsed.GetRequiredValue(Seeds),
                parsed.GetValue(Epochs),
                parsed.GetValue(Quick),
                parsed.GetValue(Output) ?? Path.Combine("artifacts", "reproduce", experiment.Name)),
            stop));
        return verb;
    }

    private static ulong[] ParseSeeds(ArgumentResult result)
    {
        var parts = result.Tokens.SelectMany(token => token.Value.Split(',', StringSplitOptions.RemoveEmptyEntries)).ToArray();
        var seeds = new List<ulong>();
        foreach (var part in parts)
        {
            if (ulong.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out var seed))
                seeds.Add(seed);
            else
                result.AddError($"--seeds takes whole numbers of at least 0, such as 1,2,3; '{part}' is none.");
        }

        if (parts.Length == 0)
            result.AddError("--seeds needs at least one seed.");
        return [.. seeds];
    }
}
