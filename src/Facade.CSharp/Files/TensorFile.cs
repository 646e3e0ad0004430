using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>
/// A safetensors file as what it stands for: encoded tensors appear in single precision and in their own shape, without the tensors
/// that hold their steps and masks.
/// </summary>
internal sealed class TensorFile : IDisposable
{
    private readonly SafetensorsFile file;
    private readonly IReadOnlyDictionary<string, TensorEncoding> encodings;

    private TensorFile(SafetensorsFile file)
    {
        this.file = file;
        try
        {
            encodings = TensorEncoding.Of(file);
        }
        catch
        {
            file.Dispose();
            throw;
        }

        var companions = encodings.SelectMany(pair => pair.Value.Companions(pair.Key)).ToHashSet(StringComparer.Ordinal);
        Entries =
        [
            .. file.Entries.Where(entry => !companions.Contains(entry.Name)).Select(entry => encodings.TryGetValue(entry.Name, out var encoding)
                ? entry with { DType = ScalarType.Float32, Shape = encoding.Shape }
                : entry),
        ];
    }

    /// <summary>The file, as messages name it.</summary>
    public string FileName => file.FileName;

    /// <summary>The free text pairs of the header.</summary>
    public IReadOnlyDictionary<string, string> Metadata => file.Metadata;

    /// <summary>The tensors that it stands for.</summary>
    public IReadOnlyList<SafetensorsEntry> Entries { get; }

    /// <summary>Opens a file.</summary>
    /// <exception cref="CheckpointFormatException">It breaks the format, or an encoding does not fit its tensors.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static TensorFile Read(string path) => new(SafetensorsFile.Read(path));

    /// <summary>Writes a file whole or not at all.</summary>
    /// <exception cref="InvalidOperationException">A tensor holds a number that its precision cannot.</exception>
    public static void Write(string path, IEnumerable<TensorToStore> tensors, IReadOnlyDictionary<string, string> metadata) =>
        Encode(tensors, metadata, (stored, described) => SafetensorsFile.Write(path, stored, described));

    /// <summary>Writes an adapter's folder.</summary>
    /// <exception cref="InvalidOperationException">A tensor holds a number that its precision cannot.</exception>
    public static void WriteFolder(string folder, IEnumerable<TensorToStore> tensors, IReadOnlyDictionary<string, string> metadata) =>
        Encode(tensors, metadata, (stored, described) => AdapterFolder.Write(folder, stored, described));

    /// <summary>Copies one tensor into memory, in the caller's dispose scope.</summary>
    public Tensor Load(string name) => encodings.TryGetValue(name, out var encoding) ? encoding.Decode(file, name) : file.Load(name);

    /// <summary>Closes the file.</summary>
    public void Dispose() => file.Dispose();

    private static void Encode(
        IEnumerable<TensorToStore> tensors, IReadOnlyDictionary<string, string> metadata,
        Action<IReadOnlyList<(string, Tensor)>, IReadOnlyDictionary<string, string>> write)
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        var described = new Dictionary<string, string>(metadata);
        write(TensorEncoding.Encode(tensors, described), described);
    }
}
