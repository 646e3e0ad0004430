using System.IO.Compression;
using System.Text;
using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>A zip archive that torch.save wrote: a pickle that describes tensors, and one entry for each storage.</summary>
internal sealed class StateArchive : IDisposable
{
    /// <summary>The longest description that is read; those of the largest models have a few megabytes.</summary>
    private const long LongestPickle = 64 << 20;

    private readonly string path;
    private readonly ZipArchive archive;
    private readonly string root;
    private readonly Dictionary<string, Tensor> storages = new(StringComparer.Ordinal);

    private StateArchive(string path, ZipArchive archive, string root) => (this.path, this.archive, this.root) = (path, archive, root);

    /// <summary>Opens a file.</summary>
    /// <exception cref="CheckpointFormatException">It is no such archive.</exception>
    public static StateArchive Open(string path)
    {
        var stream = InputFile.Open(path);
        try
        {
            var archive = new ZipArchive(stream, ZipArchiveMode.Read);
            var pickles = archive.Entries.Where(entry => entry.FullName == "data.pkl" || entry.FullName.EndsWith("/data.pkl", StringComparison.Ordinal)).ToArray();
            if (pickles is not [var pickle])
                throw new CheckpointFormatException(path, $"has {pickles.Length} entries data.pkl; what torch.save writes has one.");
            var root = pickle.FullName[..^"data.pkl".Length];
            if (archive.GetEntry(root + "constants.pkl") is not null)
                throw new CheckpointFormatException(path, "is a TorchScript archive; save its state_dict: torch.save(model.state_dict(), path).");
            if (archive.GetEntry(root + "byteorder") is { } order && Text(order) != "little")
                throw new CheckpointFormatException(path, "was written on a machine with big-endian numbers, which is not supported.");
            return new(path, archive, root);
        }
        catch (InvalidDataException fault)
        {
            stream.Dispose();
            throw new CheckpointFormatException(
                path, "is no zip archive, as PyTorch writes since 1.6, or is damaged; save it again with a newer PyTorch.", fault);
        }
        catch
        {
            stream.Dispose();
            throw;
        }
    }

    /// <summary>The tensors of the state_dict, in the caller's dispose scope.</summary>
    /// <param name="key">The key of the state_dict in a checkpoint, or null.</param>
    public IReadOnlyList<(string Name, Tensor Tensor)> Tensors(string? key)
    {
        object? content;
        try
        {
            content = new TensorPickle(Pickle()).Read();
        }
        catch (InvalidDataException fault)
        {
            throw new CheckpointFormatException(path, fault.Message, fault);
        }

        if (content is not Dictionary<object, object?> top)
            throw new CheckpointFormatException(path, "holds no dictionary; save the state_dict: torch.save(model.state_dict(), path).");
        var state = top;
        if (key is not null)
            state = top.GetValueOrDefault(key) as Dictionary<object, object?>
                ?? throw new ArgumentException($"'{path}' has no dictionary '{key}'; it has {Keys(top)}.", nameof(key));
        if (state.Count == 0 || state.Any(pair => pair is not { Key: string, Value: StoredView }))
            throw new ArgumentException(
                $"'{path}' holds{(key is null ? "" : $" under '{key}'")} not only tensors but {Keys(state)}; the key of its state_dict must be given.",
                nameof(key));
        try
        {
            return [.. state.Select(pair => ((string)pair.Key, Load((string)pair.Key, (StoredView)pair.Value!)))];
        }
        catch (InvalidDataException fault)
        {
            throw new CheckpointFormatException(path, $"is damaged: {fault.Message}", fault);
        }
    }

    /// <summary>Closes the file.</summary>
    public void Dispose() => archive.Dispose();

    private byte[] Pickle()
    {
        var entry = archive.GetEntry(root + "data.pkl")!;
        if (entry.Length > LongestPickle)
            throw new CheckpointFormatException(path, $"describes its tensors in {entry.Length} bytes; {LongestPickle} are read.");
        return Bytes(entry, entry.Length);
    }

    private Tensor Load(string name, StoredView view)
    {
        var count = 1L;
        var last = view.Offset;
        foreach (var (size, stride) in view.Shape.Zip(view.Strides))
        {
            // Each product stays below the storage's number of elements, or the tensor is refused before the next.
            if (size < 0 || stride < 0 || (size > 0 && count > view.Storage.Count / size) || (size > 1 && stride > view.Storage.Count / (size - 1)))
                throw Misfit();
            count *= size;
            last += Math.Max(size - 1, 0) * stride;
        }

        if (view.Shape.Length != view.Strides.Length || view.Offset < 0 || count > view.Storage.Count || (count > 0 && last >= view.Storage.Count))
            throw Misfit();
        return Storage(view.Storage).as_strided(view.Shape, view.Strides, view.Offset).clone();

        Exception Misfit() => new CheckpointFormatException(
            path, $"has '{name}' of the shape {ShapeText.Of(view.Shape)}, which does not lie in its storage of {view.Storage.Count} elements.");
    }

    private Tensor Storage(StoredStorage storage)
    {
        if (storages.TryGetValue(storage.Key, out var known))
            return known.dtype == storage.Type && known.numel() == storage.Count
                ? known
                : throw new CheckpointFormatException(path, $"describes the storage '{storage.Key}' in two ways.");
        var entry = archive.GetEntry($"{root}data/{storage.Key}")
            ?? throw new CheckpointFormatException(path, $"lacks the storage '{storage.Key}'.");
        var size = storage.Type switch
        {
            ScalarType.Float64 or ScalarType.Int64 => 8,
            ScalarType.Float32 or ScalarType.Int32 => 4,
            ScalarType.Float16 or ScalarType.BFloat16 or ScalarType.Int16 => 2,
            _ => 1,
        };
        if (storage.Count < 0 || storage.Count > int.MaxValue / size || entry.Length != storage.Count * size)
            throw new CheckpointFormatException(
                path, $"has {entry.Length} bytes in the storage '{storage.Key}', which should hold {storage.Count} numbers of {size}, at most 2 GiB.");
        var values = empty(storage.Count, dtype: storage.Type);
        if (storage.Count > 0)
            Bytes(entry, entry.Length).CopyTo(values.bytes);
        return storages[storage.Key] = values;
    }

    private static string Keys(Dictionary<object, object?> content) =>
        content.Count == 0 ? "nothing" : string.Join(", ", content.Keys.Take(20).Select(key => $"'{key}'")) + (content.Count > 20 ? ", ..." : "");

    private static string Text(ZipArchiveEntry entry) => Encoding.ASCII.GetString(Bytes(entry, Math.Min(entry.Length, 16)));

    private static byte[] Bytes(ZipArchiveEntry entry, long count)
    {
        var bytes = new byte[count];
        using var stream = entry.Open();
        try
        {
            stream.ReadExactly(bytes);
        }
        catch (EndOfStreamException fault)
        {
            throw new InvalidDataException($"'{entry.FullName}' is cut off", fault);
        }

        return bytes;
    }
}
