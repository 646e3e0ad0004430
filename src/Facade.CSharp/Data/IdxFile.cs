using System.Buffers.Binary;
using System.Globalization;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>
/// An IDX file of unsigned bytes, the format of MNIST and FashionMNIST: two zero bytes, the type (8), the rank, one
/// big-endian 32-bit size per dimension, then the values, last dimension fastest. Plain or gzip, told apart by content.
/// </summary>
public sealed class IdxFile
{
    private const byte UnsignedByte = 0x08;
    private const int MaximumRank = 4;

    private IdxFile(string fileName, long[] shape, byte[] values) => (FileName, Shape, Values) = (fileName, shape, values);

    /// <summary>The file, as messages name it.</summary>
    public string FileName { get; }

    /// <summary>The sizes, outermost first: one to four.</summary>
    public IReadOnlyList<long> Shape { get; }

    /// <summary>The values, last dimension fastest: as many as the product of <see cref="Shape"/>.</summary>
    public ReadOnlyMemory<byte> Values { get; }

    /// <summary>Reads a file.</summary>
    /// <param name="path">The file, plain or gzip; gzip data has its whole trailer, and nothing after it.</param>
    /// <param name="limits">What the file may cost; <see cref="ReadLimits.Default"/> where none are given.</param>
    /// <exception cref="DatasetFormatException">
    /// It is no IDX file, holds another type than unsigned bytes or more than four dimensions, has too little or too much data, or more
    /// than the limits allow.
    /// </exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static IdxFile Read(string path, ReadLimits? limits = null)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        using var stream = InputFile.Open(path);
        return Read(stream, path, limits);
    }

    /// <summary>Reads a stream to its end.</summary>
    /// <param name="stream">Readable and seekable, at its start; plain or gzip.</param>
    /// <param name="fileName">Its name in messages.</param>
    /// <param name="limits">As for a file.</param>
    /// <exception cref="DatasetFormatException">As for a file.</exception>
    public static IdxFile Read(Stream stream, string fileName, ReadLimits? limits = null)
    {
        ArgumentNullException.ThrowIfNull(stream);
        Span<byte> start = stackalloc byte[2];
        var length = stream.ReadAtLeast(start, start.Length, throwOnEndOfStream: false);
        stream.Seek(-length, SeekOrigin.Current);
        if (length < 2 || start is not [0x1F, 0x8B])
            return ReadPlain(stream, fileName, Available(stream), limits ?? ReadLimits.Default);

        using var plain = new GzipData(stream, fileName);
        return ReadPlain(plain, fileName, GzipData.LargestOf(Available(stream)), limits ?? ReadLimits.Default);
    }

    /// <summary>The values as a new tensor of unsigned bytes in <see cref="Shape"/>.</summary>
    public Tensor ToTensor()
    {
        var result = empty([.. Shape], ScalarType.Byte, device: CPU);
        var rest = Values.Span;
        foreach (var part in TensorBytes.Parts(result))
        {
            var bytes = part.bytes;
            rest[..bytes.Length].CopyTo(bytes);
            rest = rest[bytes.Length..];
        }

        return result;
    }

    private static long Available(Stream stream) => stream.Length - stream.Position;

    // What can come bounds what is taken for it, so that a header that lies cannot claim memory.
    private static IdxFile ReadPlain(Stream stream, string fileName, long most, ReadLimits limits)
    {
        var magic = Header(stream, 4, fileName);
        if (magic[0] != 0 || magic[1] != 0)
            throw new DatasetFormatException(
                fileName, $"is no IDX file: it starts with the bytes {Convert.ToHexString(magic)}; an IDX file starts with 0000.");
        if (magic[2] != UnsignedByte)
            throw new DatasetFormatException(
                fileName, $"holds values of type 0x{magic[2]:X2} ({TypeName(magic[2])}); only unsigned bytes (0x08) are supported.");
        if (magic[3] is < 1 or > MaximumRank)
            throw new DatasetFormatException(fileName, $"has {magic[3]} dimensions; 1 to {MaximumRank} are supported.");

        var sizes = Header(stream, 4 * magic[3], fileName);
        var shape = Enumerable.Range(0, magic[3])
            .Select(dimension => (long)BinaryPrimitives.ReadUInt32BigEndian(sizes.AsSpan(4 * dimension)))
            .ToArray();
        if (shape.Aggregate((UInt128)1, (product, size) => product * (UInt128)size) is var count && count > (UInt128)Math.Min(Array.MaxLength, limits.Bytes))
            throw new DatasetFormatException(
                fileName,
                $"announces the shape {ShapeText.Of(shape)}, {count.ToString(CultureInfo.InvariantCulture)} bytes; at most "
                + $"{Math.Min(Array.MaxLength, limits.Bytes)} are read ({nameof(ReadLimits)}.{nameof(ReadLimits.Bytes)}).");
        // A size of 0 leaves nothing to read and still has strides, which the other sizes must leave within 64 bits.
        if (shape.Aggregate((UInt128)1, (product, size) => product * (UInt128)Math.Max(1, size)) > (UInt128)long.MaxValue)
            throw new DatasetFormatException(fileName, $"announces the shape {ShapeText.Of(shape)}, whose sizes are beyond 64 bits together.");

        var values = Data(stream, (int)count, most, fileName, shape);
        if (stream.ReadByte() >= 0)
            throw new DatasetFormatException(
                fileName, $"has trailing data after the {count} bytes of the shape {ShapeText.Of(shape)} that it announces.");
        return new IdxFile(fileName, shape, values);
    }

    private static byte[] Header(Stream stream, int count, string fileName)
    {
        var bytes = new byte[count];
        if (stream.ReadAtLeast(bytes, count, throwOnEndOfStream: false) < count)
            throw new DatasetFormatException(fileName, "is no IDX file: it ends inside the header.");
        return bytes;
    }

    private static byte[] Data(Stream stream, int count, long most, string fileName, long[] shape)
    {
        // More than can come is read only to say how much there is.
        var values = GC.AllocateUninitializedArray<byte>((int)Math.Min(count, most));
        var filled = stream.ReadAtLeast(values, values.Length, throwOnEndOfStream: false);
        return filled == count
            ? values
            : throw new DatasetFormatException(
                fileName, $"is short: it announces the shape {ShapeText.Of(shape)}, {count} bytes, and ends after {filled}.");
    }

    private static string TypeName(byte type) => type switch
    {
        0x09 => "signed bytes",
        0x0B => "16-bit integers",
        0x0C => "32-bit integers",
        0x0D => "32-bit floats",
        0x0E => "64-bit floats",
        _ => "unknown",
    };
}
