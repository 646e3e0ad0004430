using System.Globalization;
using System.Text.Json;

namespace MappingNets;

/// <summary>
/// The metadata that every file of trained tensors begins with: format, version, method where the format has one, and the target's
/// identity. It is written and checked here for all of them.
/// </summary>
/// <param name="Format">The name in the metadata.</param>
/// <param name="What">What such a file is called in messages.</param>
/// <param name="Reader">What reads such a file, as a user calls it.</param>
/// <param name="Description">The keys of the metadata that this format has beside those of all formats.</param>
internal sealed record AdapterHeader(string Format, string What, string Reader, params string[] Description)
{
    /// <summary>The newest version, which is written; all from 1 on are read.</summary>
    /// <remarks>
    /// Version 2 added low rank, masks, encodings and the list of ways of fine-tuning. Version 3 added the hash of the content, and that
    /// unknown metadata is refused unless <see cref="OptionalKey"/> names it.
    /// </remarks>
    public const int Version = 3;

    /// <summary>The key whose value lists, as a JSON array, the keys that a reader who does not know them may ignore.</summary>
    public const string OptionalKey = "optional_fields";

    /// <summary>
    /// The key of the SHA-256 over the names and bits of the parameters that a module's owner froze. It is optional: a reader that knows no modules
    /// has nothing to hold it to.
    /// </summary>
    public const string FrozenKey = "frozen_sha256";

    /// <summary>The key of these parameters' types, optional too: in another type the same values have other bits.</summary>
    public const string FrozenTypeKey = "frozen_type";

    /// <summary>The name in the metadata of a training run's file.</summary>
    public const string RunFormat = "mappingnets-run";

    /// <summary>The name in the metadata of exported weights, as PyTorch's own tools write it.</summary>
    public const string WeightsFormat = "pt";

    private const string FormatKey = "format";
    private const string VersionKey = "format_version";
    private const string MethodKey = "method";
    private const int FirstWithHash = 3;

    private static readonly string[] CommonKeys =
    [
        FormatKey, VersionKey, OptionalKey, ContentHash.MetadataKey, TensorEncoding.MetadataKey,
        TargetIdentity.NameKey, TargetIdentity.ParametersKey, TargetIdentity.FingerprintKey,
    ];

    /// <summary>The adapter of a model whose weights a mapping generates.</summary>
    public static AdapterHeader Mapped { get; } =
        new("mappingnets-adapter", "MappingNets adapter of a mapped model", "MappedModel.LoadAdapter or AdapterHost.Add", "mapping",
            FrozenKey, FrozenTypeKey, PyTorchRule.FanInsKey, PyTorchRule.CentersKey);

    /// <summary>The adapter of a fine-tuned model.</summary>
    public static AdapterHeader FineTuned { get; } =
        new("mappingnets-fine-tuning", "adapter of a fine-tuned network", "FineTunedModel.LoadAdapter or AdapterHost.Add", "configuration", "base_weights_sha256",
            "base_buffers_sha256", FrozenKey, FrozenTypeKey, PyTorchRule.FanInsKey, PyTorchRule.CentersKey);

    /// <summary>The trained tensors of a model whose function is not in the file.</summary>
    public static AdapterHeader TrainedTensors { get; } =
        new("mappingnets-trained-tensors", "file of trained tensors", "GeneratedModel.LoadTrained", MethodKey, FrozenKey, FrozenTypeKey);

    /// <summary>Whether a name in metadata is that of a format of this library.</summary>
    public static bool IsKnown(string? format) => new[] { Mapped, FineTuned, TrainedTensors }.Any(header => header.Format == format);

    /// <summary>Whether a file or folder is of this format.</summary>
    /// <param name="path">The file, or the folder.</param>
    /// <param name="limits">What it may cost.</param>
    public bool IsOf(string path, ReadLimits limits)
    {
        using var scope = TorchSharp.torch.NewDisposeScope();
        using var file = TensorFile.Open(path, limits);
        return IsOf(file);
    }

    /// <summary>Whether an open file is of this format.</summary>
    public bool IsOf(TensorFile file) => file.Metadata.GetValueOrDefault(FormatKey) == Format;

    /// <summary>The metadata of a file to write.</summary>
    /// <param name="target">The network.</param>
    /// <param name="method">The method, where the format has one.</param>
    public Dictionary<string, string> Write(TargetIdentity target, string? method = null)
    {
        var metadata = new Dictionary<string, string>(target.Metadata())
        {
            [FormatKey] = Format,
            [VersionKey] = Version.ToString(CultureInfo.InvariantCulture),
        };
        if (method is not null)
            metadata[MethodKey] = method;
        return metadata;
    }

    /// <summary>Adds a field that a reader who does not know it may ignore.</summary>
    public static void AddOptional(Dictionary<string, string> metadata, string key, string value)
    {
        string[] others = metadata.TryGetValue(OptionalKey, out var list) ? FileJson.Read<string[]>(list, FileJson.Strict) : [];
        metadata[key] = value;
        metadata[OptionalKey] = JsonSerializer.Serialize<string[]>([.. others, key], FileJson.Strict);
    }

    /// <summary>The SHA-256 of a field; null where the file does not have it.</summary>
    /// <exception cref="CheckpointFormatException">It has another text there, which nothing could have as its fingerprint.</exception>
    public static string? HashIn(TensorFile file, string key) =>
        file.Metadata.GetValueOrDefault(key) is { } hash && (hash.Length != 64 || !hash.All(char.IsAsciiHexDigitLower))
            ? throw new CheckpointFormatException(file.FileName, $"has '{MessageText.Of(hash)}' as '{key}', which is no SHA-256 in lower-case hexadecimal.")
            : file.Metadata.GetValueOrDefault(key);

    /// <summary>What to do with a file of another format, as the end of a message; empty where nothing here reads it.</summary>
    /// <param name="format">The name in its metadata.</param>
    public static string Remedy(string format)
    {
        var kinds = new[] { Mapped, FineTuned, TrainedTensors };
        return Array.Find(kinds, kind => kind.Format == format) is { } found
                ? $" {found.Reader} reads it."
            : format == RunFormat ? " Trainer.Fit with it as resumeFile goes on with that run."
            : format == WeightsFormat ? " PretrainedWeights.FromFile or TargetNetwork.ReadWeights reads it."
            : "";
    }

    /// <summary>Refuses, where weights are read, a file of the library that has trained parameters instead.</summary>
    /// <exception cref="CheckpointFormatException">It is one; the message names what reads it.</exception>
    public static void RefuseInsteadOfWeights(TensorFile file)
    {
        var format = file.Metadata.GetValueOrDefault(FormatKey, "none");
        if (format != WeightsFormat && Remedy(format) is { Length: > 0 } remedy)
            throw new CheckpointFormatException(file.FileName, $"has no weights of a network.{remedy}");
    }

    /// <summary>Refuses a file of another format or version, a damaged one, and one of another method or target.</summary>
    /// <returns>The file's version.</returns>
    /// <exception cref="CheckpointFormatException">It is; the message says in what.</exception>
    public int Check(TensorFile file, TargetIdentity target, string? method = null)
    {
        var format = file.Metadata.GetValueOrDefault(FormatKey, "none");
        if (format != Format)
            throw new CheckpointFormatException(
                file.FileName, $"is a safetensors file, but no {What}: its metadata names the format '{MessageText.Of(format)}', not '{Format}'.{Remedy(format)}");
        var version = CheckVersion(file.FileName, file.Metadata);
        file.CheckContent();
        if (version >= FirstWithHash)
            CheckFields(file);
        if (method is not null && file.Metadata.GetValueOrDefault(MethodKey, "unnamed") is var other && other != method)
            throw new CheckpointFormatException(
                file.FileName, $"was made by another method, '{MessageText.Of(other)}'; this model's is '{method}'.");
        if (file.Metadata.GetValueOrDefault(TargetIdentity.FingerprintKey) != target.Fingerprint)
            throw new CheckpointFormatException(
                file.FileName,
                $"was made for another target network, '{MessageText.Of(file.Metadata.GetValueOrDefault(TargetIdentity.NameKey, "unnamed"))}' with "
                + $"{MessageText.Of(file.Metadata.GetValueOrDefault(TargetIdentity.ParametersKey, "?"))} weights; this one is '{target.Name}' with "
                + $"{target.Parameters.ToString(CultureInfo.InvariantCulture)}, and the names or shapes of the weights differ.");
        return version;
    }

    /// <summary>Refuses a file of another version, and one without the hash that its version carries.</summary>
    /// <returns>The file's version.</returns>
    /// <exception cref="CheckpointFormatException">It is; the message says in what.</exception>
    public static int CheckVersion(string fileName, IReadOnlyDictionary<string, string> metadata)
    {
        var text = metadata.GetValueOrDefault(VersionKey, "missing");
        if (!int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var version) || version < 1 || version > Version)
            throw new CheckpointFormatException(
                fileName, $"is of another version: its format version is {MessageText.Of(text)}; this library reads the versions 1 to {Version}.");
        return version < FirstWithHash || metadata.ContainsKey(ContentHash.MetadataKey)
            ? version
            : throw new CheckpointFormatException(
                fileName, $"is damaged: a file of format version {version} carries the SHA-256 of its content in '{ContentHash.MetadataKey}'.");
    }

    // What a reader does not know may change what the file means, unless the file says that it does not.
    private void CheckFields(TensorFile file)
    {
        string[] optional = [];
        if (file.Metadata.TryGetValue(OptionalKey, out var list))
            try
            {
                optional = FileJson.Read<string[]>(list, FileJson.Strict);
            }
            catch (JsonException fault)
            {
                throw new CheckpointFormatException(
                    file.FileName, $"has '{OptionalKey}' that are no list of names: {MessageText.Of(fault.Message)}", fault);
            }

        if (file.Metadata.Keys.Except(CommonKeys).Except(Description).Except(optional).Order(StringComparer.Ordinal).FirstOrDefault() is { } unknown)
            throw new CheckpointFormatException(
                file.FileName,
                $"has the field '{MessageText.Of(unknown)}', which this library does not know and '{OptionalKey}' does not name; a newer library may read it.");
    }
}
