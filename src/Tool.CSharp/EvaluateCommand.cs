using System.CommandLine;
using System.Text.Json.Nodes;

namespace MappingNets.Tool;

/// <summary>evaluate: how often an adapter's network is right.</summary>
internal static class EvaluateCommand
{
    public static Command Build(TextWriter output)
    {
        var verb = new Command("evaluate", "Evaluates an adapter on data: on the test part where there is one.")
        {
            Commands.Adapter, Commands.Data, Commands.Network, Commands.Base, Commands.Side, Commands.Grey, Commands.Json,
        };
        verb.SetAction((parsed, stop) => Task.Run(() => Evaluate(parsed, output, stop), CancellationToken.None));
        return verb;
    }

    private static int Evaluate(ParseResult parsed, TextWriter output, CancellationToken stop)
    {
        var adapter = parsed.GetValue(Commands.Adapter)!;
        var recipe = Recipe.Of(
            adapter, parsed.GetValue(Commands.Network), parsed.GetValue(Commands.Base), parsed.GetValue(Commands.Data), parsed.GetValue(Commands.Side),
            parsed.GetValue(Commands.Grey));
        using var data = recipe.OpenData();
        using var loaded = recipe.Load(adapter);
        var found = Evaluation.Of(loaded.Model, data, cancellation: stop);
        if (parsed.GetValue(Commands.Json))
            output.WriteLine(new JsonObject
            {
                ["adapter"] = adapter,
                ["data"] = recipe.Data,
                ["samples"] = found.Count,
                ["loss"] = Commands.JsonNumber(found.Loss),
                ["accuracy"] = found.Accuracy,
            }.ToJsonString());
        else
            output.WriteLine($"{adapter} on {MessageText.Of(recipe.Data)}{(parsed.GetValue(Commands.Data) is null && !recipe.HasTestPart ? ", what it was trained on" : "")}: {found}");
        return 0;
    }
}
