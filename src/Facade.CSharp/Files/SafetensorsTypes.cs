using System.Buffers.Binary;
using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>
/// The element types of safetensors by the names the format gives them: those that libtorch has too, those that are read into another
/// type that holds all of their values, and those that are known and not read.
/// </summary>
internal static class SafetensorsTypes
{
    private static readonly (string Name, ScalarType Type, int Bytes)[] All =
    [
        ("F64", ScalarType.Float64, 8),
        ("F32", ScalarType.Float32, 4),
        ("F16", ScalarType.Float16, 2),
        ("BF16", ScalarType.BFloat16, 2),
        ("I64", ScalarType.Int64, 8),
        ("I32", ScalarType.Int32, 4),
        ("I16", ScalarType.Int16, 2),
        ("I8", ScalarType.Int8, 1),
        ("U8", ScalarType.Byte, 1),
        ("BOOL", ScalarType.Bool, 1),
    ];

    // Read only: the type that an element becomes, the bytes it takes in the file, and how a run of them is widened.
    private static readonly (string Name, ScalarType Type, int Bytes, Widening Widen)[] Widened =
    [
        ("F8_E4M3", ScalarType.Float32, 1, (from, to) => Floats(from, to, EightBitFloats.E4M3)),
        ("F8_E5M2", ScalarType.Float32, 1, (from, to) => Floats(from, to, EightBitFloats.E5M2)),
        ("F8_E8M0", ScalarType.Float32, 1, (from, to) => Floats(from, to, EightBitFloats.E8M0)),
        ("F8_E4M3FNUZ", ScalarType.Float32, 1, (from, to) => Floats(from, to, EightBitFloats.E4M3FNUZ)),
        ("F8_E5M2FNUZ", ScalarType.Float32, 1, (from, to) => Floats(from, to, EightBitFloats.E5M2FNUZ)),
        // A pair of single-precision numbers, as libtorch holds it.
        ("C64", ScalarType.ComplexFloat32, 8, (from, to) => from.CopyTo(to)),
        ("U16", ScalarType.Int32, 2, (from, to) => Whole<int>(from, to, 2, bytes => BinaryPrimitives.ReadUInt16LittleEndian(bytes))),
        ("U32", ScalarType.Int64, 4, (from, to) => Whole<long>(from, to, 4, bytes => BinaryPrimitives.ReadUInt32LittleEndian(bytes))),
        // What does not fit comes out negative, for the reader to refuse.
        ("U64", ScalarType.Int64, 8, (from, to) => from.CopyTo(to)),
    ];

    // The format does not say in which order elements below a byte stand in it.
    private static readonly (string Name, int Bits)[] Unread = [("F4", 4), ("F6_E2M3", 6), ("F6_E3M2", 6)];

    /// <summary>Turns the bytes of some elements into those of their wider type.</summary>
    public delegate void Widening(ReadOnlySpan<byte> stored, Span<byte> widened);

    private delegate T Reading<T>(ReadOnlySpan<byte> bytes);

    /// <summary>The names that are written, for messages.</summary>
    public static string Names { get; } = string.Join(", ", All.Select(entry => entry.Name));

    /// <summary>The names that are read, for messages.</summary>
    public static string ReadableNames { get; } = string.Join(", ", All.Select(entry => entry.Name).Concat(Widened.Select(entry => entry.Name)));

    /// <summary>The libtorch type that holds the values of a stored type and the bits of one stored element; null for an unknown name.</summary>
    public static (ScalarType Type, int Bits)? Find(string name)
    {
        foreach (var (known, type, bytes) in All)
            if (known == name)
                return (type, 8 * bytes);
        foreach (var (known, type, bytes, _) in Widened)
            if (known == name)
                return (type, 8 * bytes);
        foreach (var (known, bits) in Unread)
            if (known == name)
                return (ScalarType.Float32, bits);
        return null;
    }

    /// <summary>The names of the types that weights and buffers may have, for messages.</summary>
    public static string WeightNames { get; } =
        string.Join(", ", All.Select(entry => entry.Name).Concat(Widened.Where(entry => entry.Type != ScalarType.ComplexFloat32).Select(entry => entry.Name)));

    /// <summary>Whether a tensor can be loaded and holds what weights or buffers may consist of: real numbers or booleans.</summary>
    public static bool HoldsWeights(SafetensorsEntry entry) => IsRead(entry.StoredType) && entry.DType != ScalarType.ComplexFloat32;

    /// <summary>Whether tensors of a known type can be loaded.</summary>
    public static bool IsRead(string name) => !Array.Exists(Unread, type => type.Name == name);

    /// <summary>How a stored type is widened and the bytes of one stored element; null where its bytes are libtorch's own.</summary>
    public static (Widening Widen, int Bytes)? WideningOf(string name)
    {
        foreach (var (known, _, bytes, widen) in Widened)
            if (known == name)
                return (widen, bytes);
        return null;
    }

    /// <summary>The name of a libtorch type, or null where the format has none.</summary>
    public static string? NameOf(ScalarType type) => All.SingleOrDefault(entry => entry.Type == type).Name;

    /// <summary>How many bytes an element of a type takes that is written or read into.</summary>
    public static int BytesOf(ScalarType type) => type == ScalarType.ComplexFloat32 ? 8 : All.Single(entry => entry.Type == type).Bytes;

    private static void Floats(ReadOnlySpan<byte> from, Span<byte> to, float[] table)
    {
        var floats = MemoryMarshal.Cast<byte, float>(to);
        for (var index = 0; index < from.Length; index++)
            floats[index] = table[from[index]];
    }

    private static void Whole<T>(ReadOnlySpan<byte> from, Span<byte> to, int size, Reading<T> read)
        where T : struct
    {
        var numbers = MemoryMarshal.Cast<byte, T>(to);
        for (var index = 0; index < numbers.Length; index++)
            numbers[index] = read(from.Slice(index * size, size));
    }
}
