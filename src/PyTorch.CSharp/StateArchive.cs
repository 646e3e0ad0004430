using System.Globalization;
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

    /// <summary>The part of the limit that one tensor may take which repeats the elements of its storage, as one over this.</summary>
    private const long ShareOfRepeated = 4;

    private readonly string path;
    private readonly ZipArchive archive;
    private readonly string root;

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
            if (archive.GetEntry(root + "byteorder") is { } order && Text(path, order) != "little")
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

    /// <summary>The tensors of the state_dict, once their descriptions and sizes are checked. Each is disposed when the next is asked for.</summary>
    /// <param name="key">The key of the state_dict in a checkpoint, or null.</param>
    /// <param name="limits">What the tensors may take in memory.</param>
    /// <exception cref="CheckpointFormatException">The file is damaged, describes something other than tensors, or is beyond the limits.</exception>
    /// <exception cref="ArgumentException">There is no such key, or one is needed.</exception>
    public IEnumerable<(string Name, Tensor Tensor)> Tensors(string? key, ReadLimits limits)
    {
        var state = Views(key);
        CheckStorages(state.Select(pair => pair.View.Storage).Distinct().ToArray());
        CheckSize(state, limits);
        return Load(state);
    }

    /// <summary>Closes the file.</summary>
    public void Dispose() => archive.Dispose();

    private IReadOnlyList<(string Name, StoredView View)> Views(string? key)
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
        return [.. state.Select(pair => ((string)pair.Key, (StoredView)pair.Value!))];
    }

    private byte[] Pickle()
    {
        var entry = archive.GetEntry(root + "data.pkl")!;
        if (entry.Length > LongestPickle)
            throw new CheckpointFormatException(path, $"describes its tensors in {entry.Length} bytes; {LongestPickle} are read.");
        return Bytes(path, entry, entry.Length);
    }

    private void CheckStorages(IReadOnlyCollection<StoredStorage> storages)
    {
        if (storages.GroupBy(storage => storage.Key, StringComparer.Ordinal).FirstOrDefault(same => same.Count() > 1) is { } twice)
            throw new CheckpointFormatException(path, $"describes the storage '{MessageText.Of(twice.Key)}' in two ways.");
        foreach (var storage in storages)
        {
            var size = SafetensorsTypes.BytesOf(storage.Type);
            var entry = EntryOf(storage);
            if (storage.Count < 0 || storage.Count > int.MaxValue / size || entry.Length != storage.Count * size)
                throw new CheckpointFormatException(
                    path,
                    $"has {entry.Length} bytes in the storage '{MessageText.Of(storage.Key)}', which should hold {storage.Count} numbers of {size}, at most 2 GiB.");
        }
    }

    // Packed zeros and views that share their storage take many times their bytes of the file.
    private void CheckSize(IReadOnlyList<(string Name, StoredView View)> state, ReadLimits limits)
    {
        var tensors = (Int128)0;
        foreach (var (name, view) in state)
        {
            var count = Elements(name, view);
            var own = (Int128)count * BytesInMemory(view.Storage.Type);
            // As expand makes it: no bytes of the file stand for its size.
            if (count > view.Storage.Count && own > limits.Bytes / ShareOfRepeated)
                throw new CheckpointFormatException(
                    path,
                    $"has '{MessageText.Of(name)}' of the shape {ShapeText.Of(view.Shape)}, which repeats the {view.Storage.Count} elements of its storage in "
                    + $"{own.ToString(CultureInfo.InvariantCulture)} bytes; at most {ShapeText.Count(limits.Bytes / ShareOfRepeated)} are made so, a quarter of "
                    + $"{nameof(ReadLimits)}.{nameof(ReadLimits.Bytes)}. Save a contiguous tensor.");
            tensors += own;
        }

        var bytes = tensors + state.Max(pair => (Int128)pair.View.Storage.Count * SafetensorsTypes.BytesOf(pair.View.Storage.Type));
        if (bytes > limits.Bytes)
            throw new CheckpointFormatException(
                path,
                $"takes {bytes.ToString(CultureInfo.InvariantCulture)} bytes, its tensors and the largest storage beside them; at most "
                + $"{ShapeText.Count(limits.Bytes)} are read ({nameof(ReadLimits)}.{nameof(ReadLimits.Bytes)}).");
    }

    private static int BytesInMemory(ScalarType type) => SafetensorsTypes.BytesOf(FloatTypes.Contains(type) ? ScalarType.Float32 : type);

    /// <summary>How many elements a tensor has, which lies in its storage; one whose strides of 0 repeat elements has more than that.</summary>
    private long Elements(string name, StoredView view)
    {
        // A storage has less than 2^31 elements, so that no sum below leaves 64 bits.
        if (view.Shape.Length != view.Strides.Length || view.Offset < 0 || view.Offset > view.Storage.Count)
            throw Misfit();
        // Without elements it takes nothing of its storage, whatever its other sizes and its strides are.
        var isEmpty = view.Shape.Contains(0);
        var count = 1L;
        var last = view.Offset;
        foreach (var (size, stride) in view.Shape.Zip(view.Strides))
        {
            // Each step to the last place stays below the storage's number of elements, or the tensor is refused before the next.
            if (size < 0 || stride < 0 || (!isEmpty && size > 1 && stride > view.Storage.Count / (size - 1)))
                throw Misfit();
            // Also an empty tensor gets strides, which its other sizes must leave within 64 bits.
            if (count > long.MaxValue / sizeof(double) / Math.Max(size, 1))
                throw Fault("which has more elements than any machine holds");
            count *= Math.Max(size, 1);
            last += isEmpty ? 0 : (size - 1) * stride;
        }

        if (isEmpty)
            return 0;
        return last < view.Storage.Count ? count : throw Misfit();

        Exception Misfit() => Fault($"which does not lie in its storage of {view.Storage.Count} elements");

        Exception Fault(string why) => new CheckpointFormatException(
            path, $"has '{MessageText.Of(name)}' of the shape {ShapeText.Of(view.Shape)}, {why}.");
    }

    private IEnumerable<(string Name, Tensor Tensor)> Load(IReadOnlyList<(string Name, StoredView View)> state)
    {
        foreach (var shared in state.GroupBy(pair => pair.View.Storage))
        {
            using var storage = Load(shared.Key);
            foreach (var (name, view) in shared)
            {
                using var tensor = view.Shape.Contains(0)
                    ? empty(view.Shape, dtype: storage.dtype, device: CPU)
                    : storage.as_strided(view.Shape, view.Strides, view.Offset);
                yield return (name, tensor);
            }
        }
    }

    private Tensor Load(StoredStorage storage)
    {
        var values = empty(storage.Count, dtype: storage.Type, device: CPU);
        if (storage.Count > 0)
            Fill(path, EntryOf(storage), values.bytes);
        return values;
    }

    private ZipArchiveEntry EntryOf(StoredStorage storage) => archive.GetEntry($"{root}data/{storage.Key}")
        ?? throw new CheckpointFormatException(path, $"lacks the storage '{MessageText.Of(storage.Key)}'.");

    private static string Keys(Dictionary<object, object?> content) =>
        content.Count == 0 ? "nothing" : MessageText.Names(content.Keys.Take(20).Select(key => $"'{key}'")) + (content.Count > 20 ? ", ..." : "");

    private static string Text(string path, ZipArchiveEntry entry) => Encoding.ASCII.GetString(Bytes(path, entry, Math.Min(entry.Length, 16)));

    private static byte[] Bytes(string path, ZipArchiveEntry entry, long count)
    {
        var bytes = new byte[count];
        Fill(path, entry, bytes);
        return bytes;
    }

    private static void Fill(string path, ZipArchiveEntry entry, Span<byte> bytes)
    {
        try
        {
            using var stream = entry.Open();
            stream.ReadExactly(bytes);
        }
        catch (Exception fault) when (fault is InvalidDataException or EndOfStreamException)
        {
            throw new CheckpointFormatException(path, $"is damaged: '{MessageText.Of(entry.FullName)}' is cut off or cannot be unpacked.", fault);
        }
    }
}
