using System.Buffers.Binary;
using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>
/// The element types of safetensors by the names the format gives them: those that libtorch has too, and those that are read into a
/// wider type that holds all of their values.
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
        ("U16", ScalarType.Int32, 2, (from, to) => Whole<int>(from, to, 2, bytes => BinaryPrimitives.ReadUInt16LittleEndian(bytes))),
        ("U32", ScalarType.Int64, 4, (from, to) => Whole<long>(from, to, 4, bytes => BinaryPrimitives.ReadUInt32LittleEndian(bytes))),
        // What does not fit comes out negative, for the reader to refuse.
        ("U64", ScalarType.Int64, 8, (from, to) => from.CopyTo(to)),
    ];

    /// <summary>Turns the bytes of some elements into those of their wider type.</summary>
    public delegate void Widening(ReadOnlySpan<byte> stored, Span<byte> widened);

    private delegate T Reading<T>(ReadOnlySpan<byte> bytes);

    /// <summary>The names that are written, for messages.</summary>
    public static string Names { get; } = string.Join(", ", All.Select(entry => entry.Name));

    /// <summary>The names that are read, for messages.</summary>
    public static string ReadableNames { get; } = string.Join(", ", All.Select(entry => entry.Name).Concat(Widened.Select(entry => entry.Name)));

    /// <summary>The libtorch type that a stored type is read into and the bytes of one stored element, or null where it is not read.</summary>
    public static (ScalarType Type, int Bytes)? Find(string name)
    {
        foreach (var (known, type, bytes) in All)
            if (known == name)
                return (type, bytes);
        foreach (var (known, type, bytes, _) in Widened)
            if (known == name)
                return (type, bytes);
        return null;
    }

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

    /// <summary>How many bytes an element of a written type takes.</summary>
    public static int BytesOf(ScalarType type) => All.Single(entry => entry.Type == type).Bytes;

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
