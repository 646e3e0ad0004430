using System.Runtime.InteropServices;
using Onnx;
using TorchSharp;
using static TorchSharp.torch;
using Kind = Onnx.TensorProto.Types.DataType;

namespace MappingNets;

/// <summary>
/// A tensor that an ONNX file stores: its type, its shape and a way to its bytes, which are checked against the shape but not read until
/// they are needed. One of a type that is not supported is kept as it is, for files of which other parts are used.
/// </summary>
internal sealed class StoredTensor
{
    private readonly string file;
    private readonly TensorProto proto;

    private StoredTensor(string file, TensorProto proto, long[] shape, long length, Func<ReadOnlyMemory<byte>>? bytes, TensorPlace place)
    {
        (this.file, this.proto) = (file, proto);
        Bytes = bytes;
        Shape = shape;
        Place = place;
        StoredBytes = length + proto.CalculateSize();
    }

    /// <summary>The tensor's name.</summary>
    public string Name => proto.Name;

    /// <summary>Its shape; empty for a single number.</summary>
    public IReadOnlyList<long> Shape { get; }

    /// <summary>How many elements it has.</summary>
    public long Count => ShapeText.Product(Shape);

    /// <summary>The type of its elements, as ONNX numbers them.</summary>
    public Kind Type => (Kind)proto.DataType;

    /// <summary>The bytes that its values take in memory; none where they cannot be loaded.</summary>
    public long LoadedBytes => SizeOf(Type) == 0 ? 0 : Count * (Loaded switch { ScalarType.Bool => 1, ScalarType.Float32 => 4, _ => 8 });

    /// <summary>The most bytes that it takes in a model's file.</summary>
    public long StoredBytes { get; }

    /// <summary>Whether its elements are floating-point numbers.</summary>
    public bool IsFloat => Type is Kind.Float or Kind.Float16 or Kind.Double or Kind.Bfloat16;

    /// <summary>Where its bytes lie in the file.</summary>
    public TensorPlace Place { get; }

    /// <summary>A way to its bytes; null where it is stored as numbers in the model itself.</summary>
    public Func<ReadOnlyMemory<byte>>? Bytes { get; }

    /// <summary>The external file's name, the first byte in it and how many; null where the tensor lies in the model's own file.</summary>
    public ExternalPlace? External { get; private init; }

    /// <summary>Checks a tensor of a node's attribute, or of a branch.</summary>
    /// <exception cref="CheckpointFormatException">Its size and its bytes disagree.</exception>
    /// <exception cref="NotSupportedException">It lies in an external file.</exception>
    public static StoredTensor Of(OnnxNode node, TensorProto tensor) => tensor.DataLocation == TensorProto.Types.DataLocation.External
        ? throw node.Fault("a tensor of its attributes lies in an external file, where only initializers of the graph may")
        : Of(node.ToString(), null, tensor, default);

    /// <summary>Checks a tensor of a file.</summary>
    /// <exception cref="CheckpointFormatException">Its size and its bytes disagree, or its external file is missing or elsewhere.</exception>
    /// <exception cref="NotSupportedException">It is of a type that is not supported, in an external file.</exception>
    public static StoredTensor Of(string file, byte[]? model, TensorProto tensor, TensorPlace place)
    {
        var shape = tensor.Dims.ToArray();
        var name = MessageText.Of(tensor.Name);
        var size = SizeOf((Kind)tensor.DataType);
        var length = LengthOf(file, name, shape, Math.Max(size, 1));
        if (tensor.DataLocation == TensorProto.Types.DataLocation.External)
        {
            // How many bytes it has there is not known.
            if (size == 0)
                throw Unsupported(file, tensor);
            var external = ExternalPlace.Of(file, tensor, length);
            return new(file, tensor, shape, length, external.Read, default) { External = external };
        }

        if (model is not null && place.Length > 0)
        {
            Require(size == 0 || place.Length == length, $"has {place.Length} bytes in '{name}'; its shape {ShapeText.Of(shape)} takes {length}.");
            return new(file, tensor, shape, place.Length, () => model.AsMemory(place.Start, place.Length), place);
        }

        if (size == 0)
            return new(file, tensor, shape, 0, null, default);
        if (tensor.RawData.Length > 0)
        {
            Require(
                tensor.RawData.Length == length,
                $"has {tensor.RawData.Length} bytes in '{name}'; its shape {ShapeText.Of(shape)} takes {length}.");
            return new(file, tensor, shape, length, () => tensor.RawData.Memory, default);
        }

        // Each type has its list; what others hold counts for nothing.
        var values = (Kind)tensor.DataType switch
        {
            Kind.Float => tensor.FloatData.Count,
            Kind.Double => tensor.DoubleData.Count,
            Kind.Int64 => tensor.Int64Data.Count,
            _ => tensor.Int32Data.Count,
        };
        Require(values == length / size, $"has {values} numbers in '{name}'; its shape {ShapeText.Of(shape)} takes {length / size}.");
        return new(file, tensor, shape, length, null, default);

        void Require(bool condition, string fault)
        {
            if (!condition)
                throw new CheckpointFormatException(file, fault);
        }
    }

    /// <summary>The values, in the caller's dispose scope: whole numbers as int64, truth values as bool, floats in single precision.</summary>
    /// <exception cref="NotSupportedException">Its type is not supported.</exception>
    public Tensor Load()
    {
        if (SizeOf(Type) == 0)
            throw Unsupported(file, proto);
        using var scope = NewDisposeScope();
        return Typed().to(Loaded).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// The bytes that stand for values of this tensor's type; the values are finite and in single precision on the CPU. Where a value is still the
    /// one that a stored double becomes, the double keeps its other digits.
    /// </summary>
    /// <exception cref="InvalidOperationException">A value is too large for the type.</exception>
    public byte[] Encode(Tensor values)
    {
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        var encoded = values.to(ScalarTypeOf(Type)).cpu().contiguous();
        if (Type == Kind.Double)
        {
            var before = MemoryMarshal.Cast<byte, double>(Typed().contiguous().bytes);
            var after = MemoryMarshal.Cast<byte, double>(encoded.bytes);
            for (var index = 0; index < after.Length; index++)
                if (BitConverter.SingleToInt32Bits((float)before[index]) == BitConverter.SingleToInt32Bits((float)after[index]))
                    after[index] = before[index];
        }

        return Type is not (Kind.Float16 or Kind.Bfloat16) || encoded.isfinite().all().item<bool>()
            ? encoded.bytes.ToArray()
            : throw new InvalidOperationException(
                $"'{MessageText.Of(Name)}' holds a number that is too large for half precision ({Type}), in which its file stores it.");
    }

    private ScalarType Loaded => Type switch
    {
        Kind.Bool => ScalarType.Bool,
        _ when IsFloat => Type == Kind.Double ? ScalarType.Float64 : ScalarType.Float32,
        _ => ScalarType.Int64,
    };

    private Tensor Typed()
    {
        long[] shape = [.. Shape];
        if (Bytes is not null)
        {
            var result = empty(shape, dtype: ScalarTypeOf(Type), device: CPU);
            if (Count > 0)
                Bytes().Span.CopyTo(result.bytes);
            return result;
        }

        // Numbers that are not stored as bytes are few: exporters write weights as bytes.
        return Type switch
        {
            Kind.Float => tensor(proto.FloatData.ToArray(), shape, device: CPU),
            Kind.Double => tensor(proto.DoubleData.ToArray(), shape, device: CPU),
            Kind.Int64 => tensor(proto.Int64Data.ToArray(), shape, device: CPU),
            Kind.Bool => tensor(proto.Int32Data.Select(value => value != 0).ToArray(), shape, device: CPU),
            Kind.Float16 => tensor(proto.Int32Data.Select(value => (float)BitConverter.UInt16BitsToHalf((ushort)value)).ToArray(), shape, device: CPU),
            Kind.Bfloat16 => tensor(proto.Int32Data.Select(value => BitConverter.Int32BitsToSingle(value << 16)).ToArray(), shape, device: CPU),
            _ => tensor(proto.Int32Data.Select(value => (long)value).ToArray(), shape, device: CPU),
        };
    }

    private static ScalarType ScalarTypeOf(Kind type) => type switch
    {
        Kind.Float => ScalarType.Float32,
        Kind.Double => ScalarType.Float64,
        Kind.Float16 => ScalarType.Float16,
        Kind.Bfloat16 => ScalarType.BFloat16,
        Kind.Int64 => ScalarType.Int64,
        Kind.Int32 => ScalarType.Int32,
        Kind.Int16 => ScalarType.Int16,
        Kind.Int8 => ScalarType.Int8,
        Kind.Uint8 => ScalarType.Byte,
        _ => ScalarType.Bool,
    };

    // The bytes of an element; 0 for a type that is not supported.
    private static int SizeOf(Kind type) => type switch
    {
        Kind.Float or Kind.Int32 => 4,
        Kind.Double or Kind.Int64 => 8,
        Kind.Float16 or Kind.Bfloat16 or Kind.Int16 => 2,
        Kind.Int8 or Kind.Uint8 or Kind.Bool => 1,
        _ => 0,
    };

    private static NotSupportedException Unsupported(string file, TensorProto tensor) =>
        new($"'{file}' has the tensor '{MessageText.Of(tensor.Name)}' of the type {(Kind)tensor.DataType}, which is not supported.");

    private static long LengthOf(string file, string name, long[] shape, int size)
    {
        try
        {
            // An empty axis excuses no other: sizes are reckoned with further on.
            var most = shape.Any(length => length < 0)
                ? throw new OverflowException()
                : shape.Aggregate((long)size, (product, length) => checked(product * Math.Max(length, 1)));
            return shape.Contains(0) ? 0 : most;
        }
        catch (OverflowException)
        {
            throw new CheckpointFormatException(file, $"gives '{name}' the impossible shape {ShapeText.Of(shape)}.");
        }
    }
}
