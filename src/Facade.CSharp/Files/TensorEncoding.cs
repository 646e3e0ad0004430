using System.Text.Json;
using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>
/// How a tensor that is not stored as it is stands in a file. The metadata's "encodings" has one such description for each by name. The
/// tensor of that name holds what is stored: half-precision numbers, codes of 8 bits, or two codes of 4 bits a byte, in the order of the
/// values. Codes have their steps in NAME_scale, half precision, one for each group of neighbours; a tensor with a group whose step half
/// precision does not have is stored in single precision instead. A sparse tensor stores the values that are kept, in order, and which these
/// are in NAME_mask, as bits.
/// </summary>
internal sealed record TensorEncoding
{
    /// <summary>The key of the metadata.</summary>
    public const string MetadataKey = "encodings";

    /// <summary>What follows the name of the tensor with the steps.</summary>
    public const string StepsSuffix = "_scale";

    /// <summary>What follows the name of the tensor with the mask.</summary>
    public const string MaskSuffix = "_mask";

    /// <summary>How many neighbouring numbers of a vector share a step.</summary>
    private const long VectorGroup = 64;

    /// <summary>"single", "half", "int8" or "int4".</summary>
    public required string Precision { get; init; }

    /// <summary>The tensor's shape.</summary>
    public required IReadOnlyList<long> Shape { get; init; }

    /// <summary>How many neighbours share a step; null where there are no steps.</summary>
    public long? Group { get; init; }

    /// <summary>Whether only the values that the mask keeps are stored.</summary>
    public bool Sparse { get; init; }

    private int Bits => Precision switch
    {
        "int8" => 8,
        "int4" => 4,
        _ => 0,
    };

    private long Count => ShapeText.Product(Shape);

    /// <summary>Turns tensors into what a file holds, and describes them in its metadata. In the caller's dispose scope.</summary>
    /// <exception cref="InvalidOperationException">
    /// A tensor holds a number too large for its precision, or has the name under which another's steps or mask are stored.
    /// </exception>
    public static IReadOnlyList<(string Name, Tensor Tensor)> Encode(IEnumerable<TensorToStore> tensors, IDictionary<string, string> metadata)
    {
        var stored = new List<(string, Tensor)>();
        var names = new HashSet<string>(StringComparer.Ordinal);
        var encodings = new SortedDictionary<string, TensorEncoding>(StringComparer.Ordinal);
        foreach (var asked in tensors)
        {
            var tensor = WithFittingPrecision(asked with { Values = asked.Values.detach().cpu() });
            var values = tensor.Values;
            names.Add(tensor.Name);
            if (!values.is_floating_point() || (tensor.Precision == StoredPrecision.Single && tensor.Kept is null))
            {
                stored.Add((tensor.Name, values));
                continue;
            }

            var encoding = For(tensor);
            encodings[tensor.Name] = encoding;
            stored.AddRange(encoding.Stored(tensor.Name, values.to(float32).reshape(-1), tensor.Kept?.cpu()));
        }

        RequireFree(encodings, names);
        if (encodings.Count > 0)
            metadata[MetadataKey] = JsonSerializer.Serialize(encodings, FileJson.Strict);
        return stored;
    }

    /// <summary>The encodings of a file by name; none where it has no encoded tensor.</summary>
    /// <exception cref="CheckpointFormatException">The description is damaged, or a tensor does not fit it.</exception>
    public static IReadOnlyDictionary<string, TensorEncoding> Of(SafetensorsFile file)
    {
        if (!file.Metadata.TryGetValue(MetadataKey, out var json))
            return new Dictionary<string, TensorEncoding>();
        try
        {
            var encodings = FileJson.Read<Dictionary<string, TensorEncoding>>(json, FileJson.Strict);
            foreach (var (name, encoding) in encodings)
                (encoding ?? throw new JsonException($"The description of '{MessageText.Of(name)}' is null.")).Check(file, name);
            RequireApart(encodings);
            return encodings;
        }
        catch (Exception fault) when (fault is JsonException or OverflowException)
        {
            throw new CheckpointFormatException(file.FileName, $"has a damaged description of its encodings: {MessageText.Of(fault.Message)}", fault);
        }
    }

    /// <summary>The names of the tensors beside the main one.</summary>
    public IEnumerable<string> Companions(string name)
    {
        if (Bits > 0)
            yield return name + StepsSuffix;
        if (Sparse)
            yield return name + MaskSuffix;
    }

    /// <summary>The values that the file stands for, single precision in the tensor's shape, in the caller's dispose scope.</summary>
    public Tensor Decode(SafetensorsFile file, string name)
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        var mask = Sparse ? MaskBits.Unpack(file.Load(name + MaskSuffix), Count) : null;
        var kept = mask?.sum().ToInt64() ?? Count;
        var main = file.Load(name);
        if (main.numel() != StoredLength(kept))
            throw new CheckpointFormatException(
                file.FileName, $"has {main.numel()} stored numbers of '{MessageText.Of(name)}'; its mask keeps {kept}, which take {StoredLength(kept)}.");
        var stored = Bits > 0 ? Quantization.Unpack(main.reshape(-1), kept) : main.to(float32).reshape(-1);
        var values = mask is null ? stored : zeros(Count, dtype: float32, device: CPU).masked_scatter_(mask, stored);
        if (Bits > 0)
            values = Quantization.Multiplied(values, file.Load(name + StepsSuffix), Group!.Value);
        return values.view([.. Shape]).MoveToOuterDisposeScope();
    }

    /// <summary>The same values piece by piece, for tensors that are not to be held whole; not of a sparse one.</summary>
    /// <param name="file">The file.</param>
    /// <param name="name">The tensor's name.</param>
    /// <param name="take">Gets each piece, a vector of floats that is overwritten after it returns, and the place of its first element.</param>
    public void DecodePieces(SafetensorsFile file, string name, Action<Tensor, long> take)
    {
        if (Bits == 0)
        {
            file.ReadPieces(name, take);
            return;
        }

        using var stored = file.Load(name + StepsSuffix);
        using var steps = stored.to(float32);
        var codesAByte = 8 / Bits;
        file.ReadPieces(name, (codes, place) =>
        {
            using var scope = NewDisposeScope();
            using var noGradient = no_grad();
            var first = place * codesAByte;
            var count = Math.Min(Count - first, codes.numel() * codesAByte);
            var groups = arange(first, first + count, dtype: ScalarType.Int64, device: CPU).div(tensor(Group!.Value, device: CPU), RoundingMode.floor);
            take(Quantization.Unpack(codes, count).mul_(steps.index_select(0, groups)), first);
        });
    }

    // Codes of such a group would be zeros, or lose what little a few steps can tell.
    private static TensorToStore WithFittingPrecision(TensorToStore tensor) =>
        tensor.Values.is_floating_point() && For(tensor) is { Bits: > 0 } codes
        && Quantization.HasTooSmallStep(tensor.Values.to(float32).reshape(-1), codes.Bits, codes.Group!.Value)
            ? tensor with { Values = tensor.Values.to(float32), Precision = StoredPrecision.Single }
            : tensor;

    private static TensorEncoding For(TensorToStore tensor)
    {
        var shape = tensor.Values.shape;
        return new()
        {
            Precision = tensor.Precision.ToString().ToLowerInvariant(),
            Shape = shape,
            Group = tensor.Precision is not (StoredPrecision.Int8 or StoredPrecision.Int4) ? null
                : shape.Length > 1 ? Math.Max(1, ShapeText.Product(shape) / shape[0])
                : VectorGroup,
            Sparse = tensor.Kept is not null,
        };
    }

    private IEnumerable<(string, Tensor)> Stored(string name, Tensor values, Tensor? kept)
    {
        Tensor Chosen(Tensor all) => kept is null ? all : all.masked_select(kept);
        if (Bits > 0)
        {
            var steps = Quantization.StepsOf(values, Bits, Group!.Value);
            RequireFinite(name, steps);
            yield return (name, Quantization.Pack(Chosen(Quantization.WholeOf(values, steps, Bits, Group.Value)), Bits));
            yield return (name + StepsSuffix, steps);
        }
        else
        {
            var chosen = Chosen(Precision == "half" ? values.to(float16) : values);
            RequireFinite(name, chosen);
            yield return (name, kept is null ? chosen.view([.. Shape]) : chosen);
        }

        if (kept is not null)
            yield return (name + MaskSuffix, MaskBits.Pack(kept));
    }

    private void RequireFinite(string name, Tensor values)
    {
        if (!FiniteNumbers.AllIn(values))
            throw new InvalidOperationException(
                $"'{name}' holds a number that is not finite or too large for the precision {Precision}; its file is not written.");
    }

    private long StoredLength(long kept) => Bits == 4 ? (kept + 1) / 2 : kept;

    // Everything but the number of kept values, which only the mask tells.
    private void Check(SafetensorsFile file, string name)
    {
        var type = Precision switch
        {
            "single" => ScalarType.Float32,
            "half" => ScalarType.Float16,
            "int8" => ScalarType.Int8,
            "int4" => ScalarType.Byte,
            _ => throw new JsonException($"'{MessageText.Of(name)}' has the unknown precision '{MessageText.Of(Precision)}'."),
        };
        if (Shape.Count > 64 || Shape.Any(size => size < 1) || (Bits > 0) != Group is >= 1 || Count > long.MaxValue / 16)
            throw new JsonException($"The shape or the group of '{MessageText.Of(name)}' is out of range.");
        Require(file, name, type, Sparse ? null : StoredLength(Count), isCompanion: false);
        if (Bits > 0)
            Require(file, name + StepsSuffix, ScalarType.Float16, 1 + ((Count - 1) / Group!.Value), isCompanion: true);
        if (Sparse)
            Require(file, name + MaskSuffix, ScalarType.Byte, MaskBits.Length(Count), isCompanion: true);
    }

    private static void RequireFree(IReadOnlyDictionary<string, TensorEncoding> encodings, HashSet<string> names)
    {
        foreach (var (name, encoding) in encodings)
            if (encoding.Companions(name).FirstOrDefault(names.Contains) is { } taken)
                throw new InvalidOperationException(
                    $"'{taken}' is a tensor of the model and the name under which "
                    + (taken == name + StepsSuffix
                        ? $"the steps of '{name}' in {encoding.Precision} would be stored; its file is not written. Single or Half precision works, without steps."
                        : $"the mask of '{name}' would be stored; its file is not written. A file that is not sparse works, without masks."));
    }

    // A tensor that is another's steps or mask is not a tensor of the model besides.
    private static void RequireApart(Dictionary<string, TensorEncoding> encodings)
    {
        foreach (var (name, encoding) in encodings)
            if (encoding.Companions(name).FirstOrDefault(encodings.ContainsKey) is { } shared)
                throw new JsonException($"'{MessageText.Of(shared)}' is encoded itself and belongs to '{MessageText.Of(name)}'.");
    }

    // Steps and masks are vectors; codes have any shape of their count.
    private static void Require(SafetensorsFile file, string name, ScalarType type, long? count, bool isCompanion)
    {
        var entry = file.Find(name)
            ?? throw new CheckpointFormatException(file.FileName, $"has no tensor '{MessageText.Of(name)}', which its encodings name.");
        if (entry.StoredType != SafetensorsTypes.NameOf(type) || (count is { } needed && ShapeText.Product(entry.Shape) != needed)
            || (isCompanion && entry.Shape.Count != 1))
            throw new CheckpointFormatException(
                file.FileName, $"has the tensor {entry}; its encoding needs {SafetensorsTypes.NameOf(type)}{(count is null ? "" : isCompanion ? $"({count})" : $" with {count} numbers")}.");
    }
}
