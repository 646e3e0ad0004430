using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>
/// A .npy file of NumPy: the bytes 93 "NUMPY", a version, the length of a header in Python's notation, and the numbers. Read are
/// little-endian floats and integers in C order.
/// </summary>
public static partial class NpyFile
{
    private static readonly Dictionary<string, ScalarType> Types = new()
    {
        ["<f8"] = ScalarType.Float64,
        ["<f4"] = ScalarType.Float32,
        ["<f2"] = ScalarType.Float16,
        ["<i8"] = ScalarType.Int64,
        ["<i4"] = ScalarType.Int32,
        ["<i2"] = ScalarType.Int16,
        ["|i1"] = ScalarType.Int8,
        ["|u1"] = ScalarType.Byte,
    };

    /// <summary>Reads a file.</summary>
    /// <param name="path">The file.</param>
    /// <returns>A new tensor on the CPU in the file's shape and type, in the caller's dispose scope.</returns>
    /// <exception cref="DatasetFormatException">The file is no .npy file, is cut short, or is of a kind that is not read.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static Tensor Read(string path)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        using var stream = File.OpenRead(path);
        var (type, shape) = Header(stream, path);
        var bytes = shape.Aggregate((UInt128)Size(type), (product, size) => product * (UInt128)size);
        if ((UInt128)(stream.Length - stream.Position) != bytes)
            throw new DatasetFormatException(
                path, $"announces {type}{ShapeText.Of(shape)}, {bytes} bytes, and has {stream.Length - stream.Position}.");
        var result = empty(shape, type);
        foreach (var part in TensorBytes.Parts(result))
            stream.ReadExactly(part.bytes);
        return result;
    }

    private static (ScalarType Type, long[] Shape) Header(FileStream stream, string path)
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
        var text = new byte[length];
        stream.ReadExactly(text);
        return Described(Encoding.UTF8.GetString(text), path);
    }

    private static (ScalarType, long[]) Described(string header, string path)
    {
        var match = Description().Match(header);
        if (!match.Success)
            throw new DatasetFormatException(path, $"has a header that is not understood: {header.Trim()}");
        if (!Types.TryGetValue(match.Groups["type"].Value, out var type))
            throw new DatasetFormatException(
                path, $"holds numbers of type '{match.Groups["type"].Value}'; {string.Join(", ", Types.Keys)} are read.");
        if (match.Groups["order"].Value == "True")
            throw new DatasetFormatException(path, "is in Fortran order; only C order is read (numpy.ascontiguousarray makes it).");
        return (
            type,
            [.. match.Groups["shape"].Value.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
                .Select(size => int.TryParse(size, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
                    ? number
                    : throw new DatasetFormatException(path, $"has the size {size} in its shape; at most {int.MaxValue} is read."))]);
    }

    private static int Size(ScalarType type) => type switch
    {
        ScalarType.Float64 or ScalarType.Int64 => 8,
        ScalarType.Float32 or ScalarType.Int32 => 4,
        ScalarType.Float16 or ScalarType.Int16 => 2,
        _ => 1,
    };

    [GeneratedRegex(@"^\{\s*'descr':\s*'(?<type>[^']*)',\s*'fortran_order':\s*(?<order>True|False),\s*'shape':\s*\((?<shape>[\d, ]*)\),?\s*\}\s*$")]
    private static partial Regex Description();
}
