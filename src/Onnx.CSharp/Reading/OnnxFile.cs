using Google.Protobuf;
using Onnx;

namespace MappingNets;

/// <summary>
/// An ONNX file in memory: its graph without the large tensors' bytes, and the bytes of the whole file, in which those lie. What no ONNX
/// model may be is refused when it is read.
/// </summary>
internal sealed class OnnxFile
{
    /// <summary>The versions of the operators ("opset") that are understood.</summary>
    public const long OldestOpset = 8, NewestOpset = 21;

    private const long UsualDescription = 16 << 20;

    private OnnxFile(
        string path, byte[] bytes, ModelProto model, long opset, IReadOnlyDictionary<string, StoredTensor> initializers, long loadedBytes, ReadLimits limits)
    {
        LoadedBytes = loadedBytes;
        Path = path;
        Limits = limits;
        Bytes = bytes;
        Model = model;
        Opset = opset;
        Initializers = initializers;
    }

    /// <summary>The file's path, or what it was made from.</summary>
    public string Path { get; }

    /// <summary>What it may cost.</summary>
    public ReadLimits Limits { get; }

    /// <summary>The file, to the byte.</summary>
    public byte[] Bytes { get; }

    /// <summary>What the file says; initialisers lack their raw bytes, which <see cref="Initializers"/> knows.</summary>
    public ModelProto Model { get; }

    /// <summary>The version of the operators of the standard domain.</summary>
    public long Opset { get; }

    /// <summary>The stored tensors by name.</summary>
    public IReadOnlyDictionary<string, StoredTensor> Initializers { get; }

    /// <summary>The bytes that these and the tensors of branches take in memory.</summary>
    public long LoadedBytes { get; }

    /// <summary>Reads a file.</summary>
    /// <exception cref="CheckpointFormatException">It is damaged, no ONNX model, or beyond the limits.</exception>
    /// <exception cref="NotSupportedException">Its operators are of another version.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static OnnxFile Read(string path, ReadLimits limits)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        using var file = InputFile.Open(path);
        if (file.Length > int.MaxValue - 64)
            throw new CheckpointFormatException(
                path, $"has {file.Length} bytes; a model of 2 GiB or more keeps its tensors in external data files.");
        RequireWithin(path, limits, file.Length, "has");
        var bytes = new byte[file.Length];
        file.ReadExactly(bytes);
        return Parse(path, bytes, limits);
    }

    /// <summary>Understands the bytes of a file.</summary>
    /// <exception cref="CheckpointFormatException">They are damaged, no ONNX model, or beyond the limits.</exception>
    /// <exception cref="NotSupportedException">The operators are of another version.</exception>
    public static OnnxFile Parse(string path, byte[] bytes, ReadLimits limits)
    {
        ModelProto model;
        IReadOnlyList<TensorPlace> places;
        try
        {
            RequireWithin(path, limits, ParsedSize.Of(bytes, ModelProto.Descriptor), "describes a graph that takes");
            places = TensorPlaces.In(bytes);
            model = ModelProto.Parser.ParseFrom(bytes);
        }
        catch (Exception fault) when (fault is InvalidProtocolBufferException or InvalidDataException)
        {
            throw new CheckpointFormatException(path, $"is no ONNX model, or is damaged: {fault.Message}", fault);
        }

        if (model.Graph is not { } graph || graph.Node.Count == 0)
            throw new CheckpointFormatException(path, "is no ONNX model: it has no graph with nodes.");
        if (graph.SparseInitializer.Count > 0)
            throw new NotSupportedException($"'{path}' has sparse initializers, which are not supported.");
        if (model.Functions.Count > 0)
            throw new NotSupportedException($"'{path}' defines functions of its own ('{MessageText.Of(model.Functions[0].Name)}'), which are not supported.");
        var stored = Stored(path, bytes, graph, places, limits, out var loaded);
        return new(path, bytes, model, OpsetOf(path, model), stored, loaded, limits);
    }

    // The description of a graph is small, and a limit below this is meant for tensors.
    private static void RequireWithin(string path, ReadLimits limits, long bytes, string what)
    {
        if (bytes > Math.Max(limits.Bytes, UsualDescription))
            throw new CheckpointFormatException(
                path,
                $"{what} {bytes} bytes in memory; at most {ShapeText.Count(Math.Max(limits.Bytes, UsualDescription))} are read "
                + $"({nameof(ReadLimits)}.{nameof(ReadLimits.Bytes)}).");
    }

    /// <summary>A copy of the model with all tensors in it, external ones too, for another file.</summary>
    public ModelProto WholeModel()
    {
        var copy = Model.Clone();
        if (copy.IrVersion < 4)
        {
            // Until then every initialiser had to be an input too; from then on that means that a run may replace it, and a runtime then
            // fuses nothing.
            copy.IrVersion = 4;
            foreach (var input in copy.Graph.Input.Where(input => Initializers.ContainsKey(input.Name)).ToArray())
                copy.Graph.Input.Remove(input);
        }

        foreach (var tensor in copy.Graph.Initializer)
            if (Initializers[tensor.Name] is { Bytes: { } bytes })
            {
                tensor.ExternalData.Clear();
                tensor.DataLocation = TensorProto.Types.DataLocation.Default;
                tensor.ClearNumbers();
                tensor.RawData = ByteString.CopyFrom(bytes().Span);
            }

        return copy;
    }

    private static long OpsetOf(string path, ModelProto model)
    {
        var standard = model.OpsetImport.Where(import => import.Domain is "" or "ai.onnx").Select(import => import.Version).ToArray();
        if (standard is not [var opset])
            throw new CheckpointFormatException(path, $"names {standard.Length} versions of the standard operators; a model names one.");
        return opset is >= OldestOpset and <= NewestOpset
            ? opset
            : throw new NotSupportedException(
                $"'{path}' uses opset {opset}; opsets {OldestOpset} to {NewestOpset} are supported. Export it again with one of these.");
    }

    private static Dictionary<string, StoredTensor> Stored(
        string path, byte[] bytes, GraphProto graph, IReadOnlyList<TensorPlace> places, ReadLimits limits, out long loaded)
    {
        loaded = 0;
        var stored = new Dictionary<string, StoredTensor>(StringComparer.Ordinal);
        foreach (var (tensor, place) in graph.Initializer.Zip(places))
        {
            // The bytes lie in the file's already.
            tensor.RawData = ByteString.Empty;
            if (tensor.Name.Length == 0)
                throw new CheckpointFormatException(path, "has an initializer without a name.");
            if (!stored.TryAdd(tensor.Name, StoredTensor.Of(path, bytes, tensor, place)))
                throw new CheckpointFormatException(path, $"has two initializers '{MessageText.Of(tensor.Name)}'.");
            // Any number of them may name the same bytes of an external file, which may be none on the disk.
            loaded = Counted(loaded + stored[tensor.Name].LoadedBytes);
        }

        // Nodes that have branches load what lies in these, and refuse external ones.
        foreach (var tensor in InBranches(graph).Where(tensor => tensor.DataLocation != TensorProto.Types.DataLocation.External))
            loaded = Counted(loaded + StoredTensor.Of(path, null, tensor, default).LoadedBytes);
        return stored;

        long Counted(long bytes) => bytes <= limits.Bytes ? bytes : throw new CheckpointFormatException(
            path, $"holds tensors of more than {ShapeText.Count(limits.Bytes)} bytes; at most as many are read ({nameof(ReadLimits)}.{nameof(ReadLimits.Bytes)}).");
    }

    private static IEnumerable<TensorProto> InBranches(GraphProto graph) =>
        from node in graph.Node
        from attribute in node.Attribute
        from branch in attribute.G is { } only ? attribute.Graphs.Prepend(only) : attribute.Graphs
        from tensor in branch.Initializer.Concat(InBranches(branch))
        select tensor;
}
