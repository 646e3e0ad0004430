using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using MappingNets.Experiments.Reporting;

namespace MappingNets.Experiments.Reproduce;

/// <summary>The verbs and the options that all of them share.</summary>
internal static class CommandLine
{
    private const int LongestList = 40;

    private static readonly Option<string> Dataset = new("--dataset")
    {
        Description = "fashion-mnist; mnist (the folder in MAPPINGNETS_MNIST) or mnist:FOLDER; or a folder with the four IDX files. "
            + "Experiments on other data say what folder they take.",
        DefaultValueFactory = _ => ExperimentOptions.DefaultDataset,
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
        CustomParser = result =>
        {
            var word = result.Tokens.Count == 1 ? result.Tokens[0].Value : "";
            if (int.TryParse(word, NumberStyles.None, CultureInfo.InvariantCulture, out var epochs) && epochs >= 1)
                return epochs;
            result.AddError($"--epochs takes a whole number from 1 to {int.MaxValue}; '{word}' is none.");
            return null;
        },
    };

    private static readonly Option<bool> Quick = new("--quick")
    {
        Description = "A first look with few images and epochs: under two minutes on two cores. Its numbers are no results.",
    };

    private static readonly Option<string?> Output = new("--out")
    {
        Description = "The folder for report.json, report.md and the plots; artifacts/reproduce/<experiment> where it is not named.",
    };

    private static readonly Option<bool> Resume = new("--resume")
    {
        Description = "Goes on where an interrupted command of the same options stopped: finished runs are taken from report.json, "
            + "an unfinished one continues after its last epoch, with the bits of an uninterrupted run.",
    };

    private static readonly Option<string?> Pretrained = new("--pretrained")
    {
        Description = "The folder or file of the pretrained network; the experiment says which.",
    };

    public static RootCommand Build(CancellationToken stop)
    {
        Output.Validators.Add(result =>
        {
            var folder = result.GetValueOrDefault<string?>();
            if (folder is "")
                result.AddError("--out takes the name of a folder; '' is none.");
            else if (File.Exists(folder))
                result.AddError($"--out takes a folder; '{folder}' is a file.");
        });
        var root = new RootCommand("Reproduces the tables and figures of the paper; each verb is one experiment.");
        var named = new Argument<string?>("experiment")
        {
            Description = "The experiment whose rows to list.",
            DefaultValueFactory = _ => null,
        };
        var list = new Command("list", "Lists the experiments, or the rows of one.") { named };
        list.SetAction(parsed => List(parsed.GetValue(named)));
        root.Subcommands.Add(list);
        foreach (var experiment in Experiments.All)
            root.Subcommands.Add(VerbOf(experiment, stop));
        root.Subcommands.Add(ReportCommand.Build());
        return root;
    }

    private static int List(string? named)
    {
        if (named is null)
        {
            foreach (var experiment in Experiments.All)
                Console.WriteLine($"{experiment.Name,-22}{experiment.Summary}");
            return 0;
        }

        if (Experiments.All.FirstOrDefault(experiment => experiment.Name == named) is not { } found)
        {
            Console.Error.WriteLine($"There is no experiment '{named}'; there are {string.Join(", ", Experiments.All.Select(experiment => experiment.Name))}.");
            return 1;
        }

        foreach (var row in found.Methods)
            Console.WriteLine(row);
        return 0;
    }

    private static Command VerbOf(IExperiment experiment, CancellationToken stop)
    {
        var methods = MethodsOf(experiment);
        var verb = new Command(experiment.Name, $"{experiment.Summary} {experiment.Usage}".TrimEnd()) { Dataset, Seeds, Epochs, Quick, Resume, Output };
        if (experiment.Methods.Count > 0)
            verb.Options.Add(methods);
        if (experiment.TakesPretrained)
            verb.Options.Add(Pretrained);
        verb.SetAction(parsed => experiment.Run(
            new(
                parsed.GetRequiredValue(Dataset),
                parsed.GetRequiredValue(Seeds),
                parsed.GetValue(Epochs),
                parsed.GetValue(Quick),
                parsed.GetValue(Output) ?? Path.Combine("artifacts", "reproduce", experiment.Name))
            {
                Methods = experiment.Methods.Count > 0 ? parsed.GetRequiredValue(methods) : [],
                Resume = parsed.GetValue(Resume),
                Pretrained = experiment.TakesPretrained ? parsed.GetValue(Pretrained) : null,
            },
            stop));
        return verb;
    }

    private static Option<string[]> MethodsOf(IExperiment experiment) => new("--methods")
    {
        Description = $"The rows to run, with * for any characters; all where it is not named: {Names(experiment)}.",
        DefaultValueFactory = _ => [],
        AllowMultipleArgumentsPerToken = true,
        CustomParser = result =>
        {
            string[] patterns = [.. Words(result)];
            if (patterns.Length == 0 && result.Tokens.Count > 0)
                result.AddError($"--methods needs the name of a row; {experiment.Name} has {Names(experiment)}.");
            foreach (var pattern in patterns.Where(pattern => !experiment.Methods.Any(row => MethodPattern.Matches(pattern, row))))
                result.AddError($"--methods knows no '{pattern}'; {experiment.Name} has {Names(experiment)}.");
            return patterns;
        },
    };

    private static string Names(IExperiment experiment) => experiment.Methods.Count <= LongestList
        ? string.Join(", ", experiment.Methods)
        : $"{string.Join(", ", experiment.Methods.Take(3))} and {experiment.Methods.Count - 3} more, which 'list {experiment.Name}' shows";

    private static IEnumerable<string> Words(ArgumentResult result) => result.Tokens.SelectMany(
        token => token.Value.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries));

    private static ulong[] ParseSeeds(ArgumentResult result)
    {
        var parts = Words(result).ToArray();
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
        return [.. seeds.Distinct()];
    }
}
