using System.Globalization;
using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>
/// A safetensors file as what it stands for: encoded tensors appear in single precision and in their own shape, without the tensors that
/// hold their steps and masks. A file that is written here carries the hash of its content.
/// </summary>
internal sealed class TensorFile : IDisposable
{
    private readonly SafetensorsFile file;
    private readonly IReadOnlyDictionary<string, TensorEncoding> encodings;
    private readonly Dictionary<string, SafetensorsEntry> byName;

    private TensorFile(SafetensorsFile file, ReadLimits limits)
    {
        this.file = file;
        try
        {
            encodings = TensorEncoding.Of(file);
            var companions = encodings.SelectMany(pair => pair.Value.Companions(pair.Key)).ToHashSet(StringComparer.Ordinal);
            Entries =
            [
                .. file.Entries.Where(entry => !companions.Contains(entry.Name)).Select(entry => encodings.TryGetValue(entry.Name, out var encoding)
                    ? entry with { DType = ScalarType.Float32, StoredType = "F32", Shape = encoding.Shape }
                    : entry),
            ];
            byName = Entries.ToDictionary(entry => entry.Name, StringComparer.Ordinal);
            CheckSize(limits);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>The file, as messages name it.</summary>
    public string FileName => file.FileName;

    /// <summary>The free text pairs of the header.</summary>
    public IReadOnlyDictionary<string, string> Metadata => file.Metadata;

    /// <summary>The tensors that it stands for.</summary>
    public IReadOnlyList<SafetensorsEntry> Entries { get; }

    /// <summary>Opens a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="limits">What its tensors may take in memory; <see cref="ReadLimits.Default"/> where null.</param>
    /// <exception cref="CheckpointFormatException">It breaks the format, an encoding does not fit its tensors, or it is beyond the limits.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static TensorFile Read(string path, ReadLimits? limits = null) =>
        new(SafetensorsFile.Read(path, limits ?? ReadLimits.Default), limits ?? ReadLimits.Default);

    /// <summary>Opens an adapter that is given as a file or as a folder.</summary>
    /// <param name="path">The file or the folder.</param>
    /// <param name="limits">What its tensors may take in memory.</param>
    /// <exception cref="CheckpointFormatException">As for a file, or the folder's two files do not belong together.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static TensorFile Open(string path, ReadLimits limits) => new(AdapterFolder.Open(path, limits), limits);

    /// <summary>Writes a file whole or not at all.</summary>
    /// <exception cref="InvalidOperationException">A tensor holds a number that its precision cannot, or has the name of what belongs to another.</exception>
    public static void Write(string path, IEnumerable<TensorToStore> tensors, IReadOnlyDictionary<string, string> metadata) =>
        Encode(tensors, metadata, (stored, described) => SafetensorsFile.Write(path, stored, described));

    /// <summary>Writes an adapter's folder.</summary>
    /// <exception cref="InvalidOperationException">A tensor holds a number that its precision cannot, or has the name of what belongs to another.</exception>
    public static void WriteFolder(string folder, IEnumerable<TensorToStore> tensors, IReadOnlyDictionary<string, string> metadata) =>
        Encode(tensors, metadata, (stored, described) => AdapterFolder.Write(folder, stored, described));

    /// <summary>The tensor of a name; null where there is none.</summary>
    public SafetensorsEntry? Find(string name) => byName.GetValueOrDefault(name);

    /// <summary>Whether the file carries the hash of its content.</summary>
    public bool HasHash => Metadata.ContainsKey(ContentHash.MetadataKey);

    /// <summary>Refuses a file whose content is not what it was written with; one that carries no hash passes.</summary>
    /// <exception cref="CheckpointFormatException">It is damaged.</exception>
    public void CheckContent() => file.CheckContent();

    /// <summary>Copies one tensor into memory, in the caller's dispose scope.</summary>
    public Tensor Load(string name) => encodings.TryGetValue(name, out var encoding) ? encoding.Decode(file, name) : file.Load(name);

    /// <summary>Whether a tensor stands in the file without what was pruned, so that it cannot be read piece by piece.</summary>
    public bool IsSparse(string name) => encodings.TryGetValue(name, out var encoding) && encoding.Sparse;

    /// <summary>As <see cref="SafetensorsFile.ReadPieces"/>; codes as the numbers that they stand for. Not of a sparse tensor.</summary>
    public void ReadPieces(string name, Action<Tensor, long> take)
    {
        if (encodings.TryGetValue(name, out var encoding))
            encoding.DecodePieces(file, name, take);
        else
            file.ReadPieces(name, take);
    }

    /// <summary>As <see cref="SafetensorsFile.Stamp"/>.</summary>
    public (long Length, DateTime Written)? Stamp() => file.Stamp();

    /// <summary>Closes the file.</summary>
    public void Dispose() => file.Dispose();

    // The header has held each shape to 64 bits; encoded tensors may stand for many times their own bytes.
    private void CheckSize(ReadLimits limits)
    {
        var bytes = Entries.Aggregate((Int128)0, (sum, entry) => sum + ((Int128)ShapeText.Product(entry.Shape) * SafetensorsTypes.BytesOf(entry.DType)));
        if (bytes > limits.Bytes)
            throw new CheckpointFormatException(
                FileName,
                $"holds tensors of {bytes.ToString(CultureInfo.InvariantCulture)} bytes; at most {ShapeText.Count(limits.Bytes)} are read "
                + $"({nameof(ReadLimits)}.{nameof(ReadLimits.Bytes)}).");
    }

    private static void Encode(
        IEnumerable<TensorToStore> tensors, IReadOnlyDictionary<string, string> metadata,
        Action<IReadOnlyList<(string, Tensor)>, IReadOnlyDictionary<string, string>> write)
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        var described = new Dictionary<string, string>(metadata);
        var stored = TensorEncoding.Encode(tensors, described);
        described[ContentHash.MetadataKey] = HashOf(stored, described);
        write(stored, described);
    }

    /// <summary>The <see cref="ContentHash"/> that a file of these tensors and this metadata carries.</summary>
    internal static string HashOf(IReadOnlyList<(string Name, Tensor Tensor)> tensors, IReadOnlyDictionary<string, string> metadata)
    {
        var byName = tensors.ToDictionary(pair => pair.Name, pair => pair.Tensor, StringComparer.Ordinal);
        return ContentHash.Of(
            metadata,
            tensors.Select(pair => (
                pair.Name, SafetensorsTypes.NameOf(pair.Tensor.dtype) ?? "", (IReadOnlyList<long>)pair.Tensor.shape,
                pair.Tensor.numel() * pair.Tensor.element_size())),
            (name, consume) =>
            {
                using var scope = NewDisposeScope();
                foreach (var part in TensorBytes.Parts(byName[name].detach().cpu().contiguous()))
                    consume(part.bytes);
            });
    }
}
