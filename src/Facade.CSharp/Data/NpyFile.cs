using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>
/// A .npy file of NumPy: the bytes 93 "NUMPY", a version, the length of a header that is a Python dict literal, and the numbers. Read are
/// floats of 2, 4 and 8 bytes, complex numbers of 8 and 16, integers and booleans, in either order of bytes, in C order; u2, u4 and u8,
/// which libtorch lacks, become int32 and int64. All other types, such as text, dates, records and long doubles, are refused by name.
/// </summary>
public static class NpyFile
{
    /// <summary>The most dimensions that NumPy gives an array.</summary>
    private const int MaximumRank = 64;

    /// <summary>The longest header that is read, in bytes; NumPy's own are some hundred.</summary>
    private const int MaximumHeader = 1 << 20;

    // By what stands after the byte order. A unit is what the order of bytes is about: half of a complex number.
    private static readonly Dictionary<string, (string Name, ScalarType Type, int Bytes, int Unit)> Types = new(StringComparer.Ordinal)
    {
        ["c16"] = ("C128", ScalarType.ComplexFloat64, 16, 8),
        ["c8"] = ("C64", ScalarType.ComplexFloat32, 8, 4),
        ["f8"] = ("F64", ScalarType.Float64, 8, 8),
        ["f4"] = ("F32", ScalarType.Float32, 4, 4),
        ["f2"] = ("F16", ScalarType.Float16, 2, 2),
        ["i8"] = ("I64", ScalarType.Int64, 8, 8),
        ["i4"] = ("I32", ScalarType.Int32, 4, 4),
        ["i2"] = ("I16", ScalarType.Int16, 2, 2),
        ["i1"] = ("I8", ScalarType.Int8, 1, 1),
        ["u8"] = ("U64", ScalarType.Int64, 8, 8),
        ["u4"] = ("U32", ScalarType.Int64, 4, 4),
        ["u2"] = ("U16", ScalarType.Int32, 2, 2),
        ["u1"] = ("U8", ScalarType.Byte, 1, 1),
        ["b1"] = ("BOOL", ScalarType.Bool, 1, 1),
    };

    // The format allows all that numpy.dtype takes: its names and characters beside the codes, in the machine's order of bytes.
    private static readonly Dictionary<string, string> OtherNames = new(StringComparer.Ordinal)
    {
        ["complex128"] = "c16",
        ["D"] = "c16",
        ["complex64"] = "c8",
        ["F"] = "c8",
        ["float64"] = "f8",
        ["double"] = "f8",
        ["d"] = "f8",
        ["float32"] = "f4",
        ["single"] = "f4",
        ["f"] = "f4",
        ["float16"] = "f2",
        ["half"] = "f2",
        ["e"] = "f2",
        ["int64"] = "i8",
        ["q"] = "i8",
        ["int32"] = "i4",
        ["i"] = "i4",
        ["int16"] = "i2",
        ["h"] = "i2",
        ["int8"] = "i1",
        ["b"] = "i1",
        ["uint64"] = "u8",
        ["Q"] = "u8",
        ["uint32"] = "u4",
        ["I"] = "u4",
        ["uint16"] = "u2",
        ["H"] = "u2",
        ["uint8"] = "u1",
        ["B"] = "u1",
        ["bool"] = "b1",
        ["?"] = "b1",
    };

    /// <summary>Reads a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="limits">What the file may cost; <see cref="ReadLimits.Default"/> where none are given.</param>
    /// <returns>A new tensor on the CPU in the file's shape and type, in the caller's dispose scope.</returns>
    /// <exception cref="DatasetFormatException">
    /// The file is no .npy file, is cut short, is of a kind that is not read, holds a u8 beyond 2^63 - 1 or a boolean that is neither 0 nor 1,
    /// or more than the limits allow.
    /// </exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static Tensor Read(string path, ReadLimits? limits = null)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        using var stream = InputFile.Open(path);
        var header = NpyHeader.Parse(HeaderText(stream, path), path);
        var code = header.Type is ['<' or '>' or '|' or '=', ..] ? header.Type[1..] : header.Type;
        if (!Types.TryGetValue(OtherNames.GetValueOrDefault(code, code), out var type))
            throw new DatasetFormatException(path, $"holds {KindOf(code)} of type '{MessageText.Of(header.Type)}'; {string.Join(", ", Types.Keys)} are read.");
        if (header.IsFortran && header.Shape.Count(size => size != 1) > 1)
            throw new DatasetFormatException(path, "is in Fortran order; only C order is read (numpy.ascontiguousarray makes it).");
        CheckSize(stream, header.Shape, type.Bytes, type.Name, path);
        RequireWithin(limits ?? ReadLimits.Default, header.Shape, type.Type, type.Name, path);
        var result = empty(header.Shape, type.Type, device: CPU);
        try
        {
            Fill(stream, result, type, swaps: header.Type is ['>', ..], path);
            return result;
        }
        catch
        {
            result.Dispose();
            throw;
        }
    }

    private static string KindOf(string code) => code.FirstOrDefault() switch
    {
        'S' or 'a' or 'U' => "text",
        'O' => "Python objects",
        'V' => "raw bytes",
        'M' or 'm' => "dates",
        'f' or 'g' or 'c' or 'G' => "long doubles",
        _ => "values",
    };

    private static void CheckSize(FileStream stream, long[] shape, int size, string type, string path)
    {
        if (shape.Length > MaximumRank)
            throw new DatasetFormatException(path, $"announces {shape.Length} dimensions; at most {MaximumRank} are read.");
        // No more than 2^63 together, also beside a 0: an empty tensor has strides.
        var together = shape.Aggregate((UInt128)16, (product, length) =>
            product > (UInt128)long.MaxValue ? product : product * (UInt128)Math.Max(1, length));
        var text = $"{type}{ShapeText.Of(shape.Take(8))}{(shape.Length > 8 ? "..." : "")}";
        if (together > (UInt128)long.MaxValue)
            throw new DatasetFormatException(
                path, $"announces {text}, more than 2^63 bytes, and has {stream.Length - stream.Position}.");
        var bytes = ShapeText.Product(shape) * size;
        if (stream.Length - stream.Position != bytes)
            throw new DatasetFormatException(path, $"announces {text}, {bytes} bytes, and has {stream.Length - stream.Position}.");
    }

    // What it takes in memory, where an element may be wider than in the file.
    private static void RequireWithin(ReadLimits limits, long[] shape, ScalarType type, string name, string path)
    {
        using var one = empty(1, type, device: CPU);
        if ((UInt128)ShapeText.Product(shape) * (UInt128)one.element_size() is var bytes && bytes > (UInt128)limits.Bytes)
            throw new DatasetFormatException(
                path, string.Create(CultureInfo.InvariantCulture, $"holds {name}{ShapeText.Of(shape)}, {bytes} bytes; at most {limits.Bytes} are read ({nameof(ReadLimits)}.{nameof(ReadLimits.Bytes)})."));
    }

    private static void Fill(FileStream stream, Tensor result, (string Name, ScalarType Type, int Bytes, int Unit) type, bool swaps, string path)
    {
        foreach (var part in TensorBytes.Parts(result))
        {
            var bytes = part.bytes;
            var count = (int)part.numel();
            // Wider than the file's: the numbers come last in the part's memory and move to their places from the first on.
            var stored = bytes[(bytes.Length - (count * type.Bytes))..];
            if (stream.ReadAtLeast(stored, stored.Length, throwOnEndOfStream: false) < stored.Length)
                throw new DatasetFormatException(path, "was cut while it was open.");
            if (swaps)
                Swap(stored, type.Unit);
            switch (type.Name)
            {
                case "U16":
                    for (var index = 0; index < count; index++)
                        BinaryPrimitives.WriteInt32LittleEndian(bytes[(4 * index)..], BinaryPrimitives.ReadUInt16LittleEndian(stored[(2 * index)..]));
                    break;
                case "U32":
                    for (var index = 0; index < count; index++)
                        BinaryPrimitives.WriteInt64LittleEndian(bytes[(8 * index)..], BinaryPrimitives.ReadUInt32LittleEndian(stored[(4 * index)..]));
                    break;
                case "U64":
                    for (var index = 0; index < count; index++)
                        if (BinaryPrimitives.ReadInt64LittleEndian(stored[(8 * index)..]) < 0)
                            throw new DatasetFormatException(path, "holds a number beyond 2^63 - 1.");
                    break;
                case "BOOL" when stored.IndexOfAnyExceptInRange((byte)0, (byte)1) is >= 0 and var place:
                    throw new DatasetFormatException(path, $"holds the byte {stored[place]} as a boolean; only 0 and 1 are booleans.");
            }
        }
    }

    private static void Swap(Span<byte> numbers, int unit)
    {
        switch (unit)
        {
            case 2:
                var two = MemoryMarshal.Cast<byte, short>(numbers);
                BinaryPrimitives.ReverseEndianness(two, two);
                break;
            case 4:
                var four = MemoryMarshal.Cast<byte, int>(numbers);
                BinaryPrimitives.ReverseEndianness(four, four);
                break;
            case 8:
                var eight = MemoryMarshal.Cast<byte, long>(numbers);
                BinaryPrimitives.ReverseEndianness(eight, eight);
                break;
        }
    }

    private static string HeaderText(FileStream stream, string path)
    {
        var start = new byte[8];
        if (stream.ReadAtLeast(start, 8, throwOnEndOfStream: false) < 8 || start[0] != 0x93 || !start.AsSpan(1, 5).SequenceEqual("NUMPY"u8))
            throw new DatasetFormatException(path, "is no .npy file: it does not start with 93 'NUMPY'.");
        if (start[6] is < 1 or > 3)
            throw new DatasetFormatException(path, $"is of version {start[6]} of the .npy format; 1 to 3 are read.");
        var size = new byte[start[6] == 1 ? 2 : 4];
        var cut = new DatasetFormatException(path, "is cut short: it ends inside the header.");
        if (stream.ReadAtLeast(size, size.Length, throwOnEndOfStream: false) < size.Length)
            throw cut;
        var length = size.Length == 2 ? BinaryPrimitives.ReadUInt16LittleEndian(size) : BinaryPrimitives.ReadUInt32LittleEndian(size);
        if (length > stream.Length - stream.Position)
            throw cut;
        if (length > MaximumHeader)
            throw new DatasetFormatException(path, $"has a header of {length.ToString(CultureInfo.InvariantCulture)} bytes; at most {MaximumHeader} are read.");
        var text = new byte[length];
        if (stream.ReadAtLeast(text, text.Length, throwOnEndOfStream: false) < text.Length)
            throw cut;
        return Encoding.UTF8.GetString(text);
    }
}
