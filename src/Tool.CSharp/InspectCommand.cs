using System.CommandLine;
using System.Text.Json.Nodes;
using TorchSharp;

namespace MappingNets.Tool;

/// <summary>inspect: what a file of this library holds, without a network.</summary>
internal static class InspectCommand
{
    private static readonly Argument<string> Path = new("file") { Description = "An adapter's file or folder, exported weights, or the file of a run." };

    public static Command Build(TextWriter output)
    {
        var verb = new Command("inspect", "Tells what an adapter or another safetensors file holds.") { Path, Commands.Json };
        verb.SetAction((parsed, stop) => Task.Run(() => Inspect(parsed, output, stop), CancellationToken.None));
        return verb;
    }

    private static int Inspect(ParseResult parsed, TextWriter output, CancellationToken stop)
    {
        var path = parsed.GetValue(Path)!;
        using var scope = torch.NewDisposeScope();
        using var file = TensorFile.Open(path, ReadLimits.Default);
        file.CheckContent();
        stop.ThrowIfCancellationRequested();
        var tensors = new JsonArray([
            .. file.Entries.Select(entry => (JsonNode)new JsonObject
            {
                ["name"] = entry.Name,
                ["type"] = entry.StoredType,
                ["shape"] = new JsonArray([.. entry.Shape.Select(size => (JsonNode)size)]),
            }),
        ]);
        var metadata = new JsonObject(file.Metadata.OrderBy(pair => pair.Key, StringComparer.Ordinal)
            .Select(pair => KeyValuePair.Create(pair.Key, Parsed(pair.Value))));
        var (radius, bounds, missing) = BoundsOf(path);
        var found = new JsonObject
        {
            ["file"] = path,
            ["bytes"] = BytesOf(path),
            ["integrity"] = file.HasHash ? "the content has the hash it was written with" : "no hash in the file",
            ["metadata"] = metadata,
            ["tensors"] = tensors,
        };
        if (bounds is not null)
        {
            found["radius"] = radius;
            found["bounds"] = bounds;
        }

        if (parsed.GetValue(Commands.Json))
        {
            if (missing is not null)
                found["boundsNotKnown"] = missing;
            output.WriteLine(found.ToJsonString());
            return 0;
        }

        Tell(found, output, "");
        if (missing is not null)
            output.WriteLine($"bounds: not known, because {missing}");
        return 0;
    }

    /// <summary>How many bytes a file, or the files of an adapter's folder, have.</summary>
    public static long BytesOf(string path) =>
        File.Exists(path) ? Length(path) : Directory.GetFiles(path).Sum(Length);

    // Of the file behind a link, whose own length is that of its text.
    private static long Length(string path)
    {
        using var stream = InputFile.Open(path);
        return stream.Length;
    }

    /// <summary>How far weights and outputs can move where the trained parameters do, if the network is known from the recipe beside the adapter.</summary>
    private static (double Radius, JsonObject? Bounds, string? Missing) BoundsOf(string path)
    {
        const double radius = 0.01;
        if (!File.Exists(Recipe.FileOf(path)) || !AdapterHeader.Mapped.IsOf(path, ReadLimits.Default))
            return (radius, null, null);
        try
        {
            return (radius, BoundsOf(path, radius), null);
        }
        catch (Exception fault) when (Program.IsAnswer(fault))
        {
            // What the adapter itself holds is known all the same.
            return (radius, null, Program.OneLine(fault));
        }
    }

    private static JsonObject BoundsOf(string path, double radius)
    {
        using var loaded = Recipe.Of(path, null, null, null, null, isGrey: false).Load(path);
        var bounds = ((MappedModel)loaded.Model).Bounds(radius);
        return new(bounds.Constants.Append(bounds.WeightShift).DistinctBy(constant => constant.Name).Select(constant => KeyValuePair.Create(
            constant.Name, (JsonNode?)(double.IsFinite(constant.Value) ? constant.Value : constant.ToString()))));
    }

    // Descriptions are JSON in JSON.
    private static JsonNode? Parsed(string value)
    {
        try
        {
            return value.StartsWith('{') || value.StartsWith('[') ? FileJson.Node(value) : value;
        }
        catch (System.Text.Json.JsonException)
        {
            return value;
        }
    }

    private static void Tell(JsonObject values, TextWriter output, string indent)
    {
        // A terminal obeys what a file hides in its text.
        foreach (var (key, value) in values.Select(pair => (MessageText.Shown(pair.Key), pair.Value)))
            switch (value)
            {
                case null:
                    break;
                case JsonObject inner:
                    output.WriteLine($"{indent}{key}");
                    Tell(inner, output, indent + "  ");
                    break;
                case JsonArray list when list.FirstOrDefault() is JsonObject:
                    output.WriteLine($"{indent}{key}");
                    foreach (var one in list.OfType<JsonObject>())
                        output.WriteLine($"{indent}  {MessageText.Shown(string.Join("  ", one.Select(pair => pair.Value is JsonArray sizes ? $"({string.Join(", ", sizes)})" : $"{pair.Value}")))}");
                    break;
                default:
                    output.WriteLine($"{indent}{key,-14} {MessageText.Shown(value is JsonArray plain ? string.Join(", ", plain.Select(each => $"{each}")) : value.ToString())}");
                    break;
            }
    }
}
