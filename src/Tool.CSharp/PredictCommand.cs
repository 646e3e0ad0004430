using System.CommandLine;
using System.Text.Json.Nodes;
using TorchSharp;

namespace MappingNets.Tool;

/// <summary>predict: the classes of some pictures.</summary>
internal static class PredictCommand
{
    private static readonly Argument<string[]> PictureFiles = new("pictures") { Description = "PNG or JPEG files.", Arity = ArgumentArity.OneOrMore };
    private static readonly Option<bool> Json = new("--json") { Description = "Prints a JSON array with one object for each picture instead of text." };

    public static Command Build(TextWriter output)
    {
        var verb = new Command("predict", "Names the classes of pictures.")
        {
            Commands.Adapter, PictureFiles, Commands.Data, Commands.Network, Commands.Base, Commands.Side, Commands.Grey, Json,
        };
        verb.SetAction((parsed, stop) => Task.Run(() => Predict(parsed, output, stop), CancellationToken.None));
        return verb;
    }

    private static int Predict(ParseResult parsed, TextWriter output, CancellationToken stop)
    {
        var adapter = parsed.GetValue(Commands.Adapter)!;
        var recipe = Recipe.Of(
            adapter, parsed.GetValue(Commands.Network), parsed.GetValue(Commands.Base), parsed.GetValue(Commands.Data), parsed.GetValue(Commands.Side),
            parsed.GetValue(Commands.Grey));
        if (recipe.InputShape is not [var channels, var height, var width])
            throw new ArgumentException($"'{adapter}' takes samples of the shape ({string.Join(", ", recipe.InputShape)}), which are no pictures.");
        var (mean, deviation) = recipe.Scale;
        using var loaded = recipe.Load(adapter);
        // A description may say anything; what is made of it below is as large as it says.
        if (!recipe.InputShape.SequenceEqual(loaded.Model.Target.InputShape))
            throw new ArgumentException(
                $"The description of '{adapter}' has samples of ({string.Join(", ", recipe.InputShape)}); its network takes ({string.Join(", ", loaded.Model.Target.InputShape)}).");
        var all = new JsonArray();
        foreach (var file in parsed.GetValue(PictureFiles)!)
        {
            stop.ThrowIfCancellationRequested();
            using var scope = torch.NewDisposeScope();
            double[] Each(double value) => [.. Enumerable.Repeat(value, (int)channels)];
            var picture = Picture.Read(file, (int)height, (int)width, (int)channels, Each(mean), Each(deviation));
            var shares = torch.nn.functional.softmax(loaded.Model.Predict(picture), 1)[0].data<float>().ToArray();
            var best = Array.IndexOf(shares, shares.Max());
            if (parsed.GetValue(Json))
                all.Add(new JsonObject { ["picture"] = file, ["class"] = recipe.ClassNames[best], ["probability"] = Commands.JsonNumber(shares[best]) });
            else
                output.WriteLine($"{file}: {MessageText.Of(recipe.ClassNames[best])} ({shares[best]:P1})");
        }

        if (parsed.GetValue(Json))
            output.WriteLine(all.ToJsonString());
        return 0;
    }
}
