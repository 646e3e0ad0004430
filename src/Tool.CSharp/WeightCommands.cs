using System.CommandLine;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using TorchSharp;

namespace MappingNets.Tool;

/// <summary>merge, export and convert: from an adapter to weights, and from one form of it to the other.</summary>
internal static class WeightCommands
{
    private static readonly Argument<string> Output = new("output") { Description = "The file to write." };
    private static readonly Option<string> Precision = Commands.Choice("--precision", "How numbers are stored", "single", "half", "int8", "int4");

    public static Command Merge(TextWriter output)
    {
        var verb = new Command("merge", "Writes all weights of an adapter's network as a safetensors file, in single precision.")
        {
            Commands.Adapter, Output, Commands.Network, Commands.Base, Commands.Data, Commands.Side, Commands.Grey, Commands.Json,
        };
        verb.SetAction((parsed, stop) => Task.Run(() => WriteSafetensors(parsed, output, stop), CancellationToken.None));
        return verb;
    }

    public static Command Export(TextWriter output)
    {
        var verb = new Command("export", "Writes all weights of an adapter's network: OUTPUT.safetensors, or OUTPUT.onnx for ONNX Runtime.")
        {
            Commands.Adapter, Output, Precision, Commands.Network, Commands.Base, Commands.Data, Commands.Side, Commands.Grey, Commands.Json,
        };
        verb.SetAction((parsed, stop) => Task.Run(
            () => Write(parsed, output, Enum.Parse<StoredPrecision>(parsed.GetValue(Precision)!, ignoreCase: true), stop), CancellationToken.None));
        return verb;
    }

    public static Command Convert(TextWriter output)
    {
        var verb = new Command("convert", "Turns an adapter's file into a folder with adapter_config.json and adapter_model.safetensors, or such a folder into a file.")
        {
            Commands.Adapter, Output, Commands.Json,
        };
        verb.SetAction((parsed, stop) => Task.Run(() => Turn(parsed, output, stop), CancellationToken.None));
        return verb;
    }

    private static int WriteSafetensors(ParseResult parsed, TextWriter output, CancellationToken stop) =>
        IsOnnx(parsed.GetValue(Output)!)
            ? throw new ArgumentException($"merge writes safetensors, and '{parsed.GetValue(Output)}' has the ending of ONNX; export writes that.")
            : Write(parsed, output, StoredPrecision.Single, stop);

    private static bool IsOnnx(string path) => path.EndsWith(".onnx", StringComparison.OrdinalIgnoreCase);

    private static int Write(ParseResult parsed, TextWriter output, StoredPrecision precision, CancellationToken stop)
    {
        var (adapter, path) = (parsed.GetValue(Commands.Adapter)!, parsed.GetValue(Output)!);
        var recipe = Recipe.Of(
            adapter, parsed.GetValue(Commands.Network), parsed.GetValue(Commands.Base), parsed.GetValue(Commands.Data), parsed.GetValue(Commands.Side),
            parsed.GetValue(Commands.Grey));
        NamedFile.KeepApart(
            [new("the output", path)],
            [.. NamedFile.OfAdapter(adapter), NamedFile.DescriptionOf(adapter), .. NamedFile.OfSources(recipe.Network, recipe.Base, recipe.Data)]);
        NamedFile.RequireWritable(path);
        stop.ThrowIfCancellationRequested();
        using var loaded = recipe.Load(adapter);
        stop.ThrowIfCancellationRequested();
        if (IsOnnx(path))
            loaded.Model.ExportOnnx(path, precision);
        else
            loaded.Model.Export(path, precision);
        return Tell(parsed, output, path, $"{InspectCommand.BytesOf(path):N0} bytes, {loaded.Model.Target.ParameterCount:N0} weights");
    }

    private static int Turn(ParseResult parsed, TextWriter output, CancellationToken stop)
    {
        var (adapter, path) = (parsed.GetValue(Commands.Adapter)!, parsed.GetValue(Output)!);
        NamedFile.KeepApart(
            [.. Directory.Exists(adapter) ? [new("the output", path)] : NamedFile.OfAdapter(path)],
            [.. NamedFile.OfAdapter(adapter), NamedFile.DescriptionOf(adapter)]);
        if (Directory.Exists(adapter))
            NamedFile.RequireWritable(path);
        using var scope = torch.NewDisposeScope();
        using var file = AdapterFolder.Open(adapter, ReadLimits.Default);
        RequireSound(file);
        stop.ThrowIfCancellationRequested();
        // As they are stored, so that nothing is decoded and encoded again.
        (string, torch.Tensor)[] tensors = [.. file.Entries.Select(entry => (entry.Name, file.Load(entry.Name)))];
        if (Directory.Exists(adapter))
            SafetensorsFile.Write(path, tensors, file.Metadata);
        else
            AdapterFolder.Write(path, tensors, file.Metadata);
        return Tell(parsed, output, path, $"{(Directory.Exists(adapter) ? "a file" : "a folder")} with {file.Entries.Count} tensors");
    }

    // What is written again carries the old hash, and what is widened would not have it.
    private static void RequireSound(SafetensorsFile file)
    {
        var format = file.Metadata.GetValueOrDefault("format", "none");
        if (!AdapterHeader.IsKnown(format))
            throw new CheckpointFormatException(
                file.FileName, $"is no adapter of this library, and convert takes these alone: its metadata names the format '{MessageText.Of(format)}'.");
        AdapterHeader.CheckVersion(file.FileName, file.Metadata);
        if (file.Entries.FirstOrDefault(entry => entry.StoredType != SafetensorsTypes.NameOf(entry.DType)) is { } foreign)
            throw new CheckpointFormatException(file.FileName, $"has the tensor {foreign}, whose type is read but not written; adapters of this library have none.");
        file.CheckContent();
    }

    private static int Tell(ParseResult parsed, TextWriter output, string path, string text)
    {
        if (!parsed.GetValue(Commands.Json))
        {
            output.WriteLine($"{path}: {text}");
            return 0;
        }

        // Of a folder the hash is that of the file with its tensors.
        using var stream = File.OpenRead(Directory.Exists(path) ? Path.Combine(path, AdapterFolder.ModelName) : path);
        output.WriteLine(new JsonObject
        {
            ["output"] = path,
            ["bytes"] = InspectCommand.BytesOf(path),
            ["sha256"] = System.Convert.ToHexStringLower(SHA256.HashData(stream)),
        }.ToJsonString());
        return 0;
    }
}
