using System.Globalization;

namespace MappingNets;

/// <summary>
/// The metadata that every file of trained tensors begins with: format, version, method where the format has one, and the target's
/// identity. It is written and checked here for all of them.
/// </summary>
/// <param name="Format">The name in the metadata.</param>
/// <param name="What">What messages call such a file.</param>
/// <param name="Version">The newest version that is read; all from 1 on are.</param>
/// <param name="Reader">What reads such a file, as a user calls it.</param>
internal sealed record AdapterHeader(string Format, string What, int Version, string Reader)
{
    /// <summary>The adapter of a model whose weights a mapping generates. Version 2 adds low rank, masks and encodings.</summary>
    public static AdapterHeader Mapped { get; } = new("mappingnets-adapter", "MappingNets adapter of a mapped model", 2, "MappedModel.LoadAdapter");

    /// <summary>The adapter of a fine-tuned model. Version 2 has a list of ways to change the base, and masks and encodings.</summary>
    public static AdapterHeader FineTuned { get; } =
        new("mappingnets-fine-tuning", "adapter of a fine-tuned network", 2, "FineTunedModel.LoadAdapter or AdapterHost.Add");

    /// <summary>The trained tensors of a model whose function is not in the file. Version 2 adds masks and encodings.</summary>
    public static AdapterHeader TrainedTensors { get; } =
        new("mappingnets-trained-tensors", "file of trained tensors", 2, "GeneratedModel.LoadTrained");

    /// <summary>The name in the metadata of a training run's file.</summary>
    public const string RunFormat = "mappingnets-run";

    /// <summary>The name in the metadata of exported weights, as PyTorch's own tools write it.</summary>
    public const string WeightsFormat = "pt";

    private const string MethodKey = "method";

    /// <summary>The metadata of a file to write.</summary>
    /// <param name="target">The network.</param>
    /// <param name="version">The oldest version that holds what is written, so that older readers take what they can.</param>
    /// <param name="method">The method, where the format has one.</param>
    public Dictionary<string, string> Write(TargetIdentity target, int version, string? method = null)
    {
        var metadata = new Dictionary<string, string>(target.Metadata())
        {
            ["format"] = Format,
            ["format_version"] = version.ToString(CultureInfo.InvariantCulture),
        };
        if (method is not null)
            metadata[MethodKey] = method;
        return metadata;
    }

    /// <summary>What to do with a file of another format, as the end of a message; empty where nothing here reads it.</summary>
    /// <param name="format">The name in its metadata.</param>
    public static string Remedy(string format)
    {
        var kinds = new[] { Mapped, FineTuned, TrainedTensors };
        return Array.Find(kinds, kind => kind.Format == format) is { } found
                ? $" It is the {found.What}; {found.Reader} reads it."
            : format == RunFormat ? " It is the state of a training run; Trainer.Fit with the same resumeFile goes on with it."
            : format == WeightsFormat ? " It has a network's weights; PretrainedWeights.FromFile or TargetNetwork.ReadWeights reads it."
            : "";
    }

    /// <summary>Refuses, where weights are read, a file of the library that has trained parameters instead.</summary>
    /// <exception cref="CheckpointFormatException">It is one; the message names what reads it.</exception>
    public static void RefuseInsteadOfWeights(TensorFile file)
    {
        var format = file.Metadata.GetValueOrDefault("format", "none");
        if (format != WeightsFormat && Remedy(format) is { Length: > 0 } remedy)
            throw new CheckpointFormatException(file.FileName, $"has no weights of a network.{remedy}");
    }

    /// <summary>Refuses a file of another format, version, method or target.</summary>
    /// <returns>The file's version.</returns>
    /// <exception cref="CheckpointFormatException">It is; the message says in what.</exception>
    public int Check(TensorFile file, TargetIdentity target, string? method = null)
    {
        var format = file.Metadata.GetValueOrDefault("format", "none");
        if (format != Format)
            throw new CheckpointFormatException(
                file.FileName, $"is a safetensors file, but no {What}: its metadata names the format '{format}', not '{Format}'.{Remedy(format)}");
        var text = file.Metadata.GetValueOrDefault("format_version", "missing");
        if (!int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var version) || version < 1 || version > Version)
            throw new CheckpointFormatException(
                file.FileName, $"is of another version: its format version is {text}; this library reads the versions 1 to {Version}.");
        if (method is not null && file.Metadata.GetValueOrDefault(MethodKey, "unnamed") is var other && other != method)
            throw new CheckpointFormatException(file.FileName, $"was made by another method, '{other}'; this model's is '{method}'.");
        if (file.Metadata.GetValueOrDefault("target_fingerprint") != target.Fingerprint)
            throw new CheckpointFormatException(
                file.FileName,
                $"was made for another target network, '{file.Metadata.GetValueOrDefault("target", "unnamed")}' with "
                + $"{file.Metadata.GetValueOrDefault("target_parameters", "?")} weights; this one is '{target.Name}' with "
                + $"{target.Parameters.ToString(CultureInfo.InvariantCulture)}, and the names or shapes of the weights differ.");
        return version;
    }
}
