using System.Buffers.Binary;
using System.IO.Compression;

namespace MappingNets;

/// <summary>
/// What gzip data (RFC 1952) unpacks to, as a stream that ends well only where every member has its whole trailer, with the checksum and
/// the length of what was unpacked, and nothing follows the last one. .NET's own stream takes a file without its trailer.
/// </summary>
internal sealed class GzipData : ForwardStream
{
    private const int TrailerBytes = 8;
    private const int HeaderChecksum = 2, ExtraField = 4, Name = 8, Comment = 16, ReservedFlags = 0xE0;

    private static readonly uint[] Table = [.. Enumerable.Range(0, 256).Select(Entry)];

    private readonly Stream packed;
    private readonly string fileName;
    private DeflateStream? member;
    private Blocks? input;
    private uint checksum;
    private uint length;

    /// <summary>Unpacks a stream.</summary>
    /// <param name="packed">Seekable, at the start of the gzip data, which goes to its end. It stays open.</param>
    /// <param name="fileName">Its name in messages.</param>
    /// <exception cref="DatasetFormatException">Here and in reading: it breaks the format.</exception>
    public GzipData(Stream packed, string fileName)
    {
        (this.packed, this.fileName) = (packed, fileName);
        StartMember();
    }

    /// <summary>The most bytes that so many packed ones can unpack to: deflate packs 1,032 into one at best.</summary>
    public static long LargestOf(long packedBytes) => packedBytes > long.MaxValue / 1032 ? long.MaxValue : packedBytes * 1032;

    /// <inheritdoc/>
    public override int Read(Span<byte> buffer)
    {
        while (member is not null && buffer.Length > 0)
        {
            var count = Unpacked(buffer);
            if (count > 0)
                return count;
            FinishMember();
            if (packed.Position < packed.Length)
                StartMember();
        }

        return 0;
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        member?.Dispose();
        base.Dispose(disposing);
    }

    private int Unpacked(Span<byte> buffer)
    {
        try
        {
            var count = member!.Read(buffer);
            foreach (var value in buffer[..count])
                checksum = Table[(byte)(checksum ^ value)] ^ (checksum >> 8);
            length += (uint)count;
            return count;
        }
        catch (Exception fault) when (fault is InvalidDataException or IOException and not DatasetFormatException)
        {
            throw new DatasetFormatException(fileName, "is damaged: its gzip data cannot be decompressed.", fault);
        }
    }

    private void StartMember()
    {
        var isFirst = input is null;
        var start = packed.Length - packed.Position >= 10 || isFirst ? Header(10) : [];
        if (start is not [0x1F, 0x8B, ..])
            throw new DatasetFormatException(fileName, "has trailing data after its gzip data.");
        if (start[2] != 8 || (start[3] & ReservedFlags) != 0)
            throw new DatasetFormatException(fileName, "is damaged: its gzip data cannot be decompressed.");
        var flags = start[3];
        if ((flags & ExtraField) != 0)
            Skip(BinaryPrimitives.ReadUInt16LittleEndian(Header(2)));
        if ((flags & Name) != 0)
            SkipText();
        if ((flags & Comment) != 0)
            SkipText();
        if ((flags & HeaderChecksum) != 0)
            Skip(2);
        input = new(packed);
        member = new DeflateStream(input, CompressionMode.Decompress);
        (checksum, length) = (uint.MaxValue, 0);
    }

    private void FinishMember()
    {
        member!.Dispose();
        member = null;
        var trailer = new byte[TrailerBytes];
        BinaryPrimitives.WriteUInt32LittleEndian(trailer, ~checksum);
        BinaryPrimitives.WriteUInt32LittleEndian(trailer.AsSpan(4), length);
        // The decompressor does not tell how much of its last block belonged to the data. What follows the data tells it.
        packed.Position = input!.LastBlock;
        var last = new byte[Math.Min(input.LastEnd + TrailerBytes, packed.Length) - input.LastBlock];
        packed.ReadExactly(last);
        var place = last.AsSpan().IndexOf(trailer);
        if (place < 0)
            throw new DatasetFormatException(
                fileName, "is cut short or damaged: its gzip data cannot be decompressed to what its checksum and length say, or ends before them.");
        packed.Position = input.LastBlock + place + TrailerBytes;
    }

    private byte[] Header(int count)
    {
        var bytes = new byte[count];
        return packed.ReadAtLeast(bytes, count, throwOnEndOfStream: false) == count
            ? bytes
            : throw new DatasetFormatException(fileName, "is cut short: it ends inside the gzip header, so that it cannot be decompressed.");
    }

    private void Skip(int count) => Header(count);

    private void SkipText()
    {
        while (Header(1)[0] != 0)
        {
        }
    }

    /// <summary>The rest of a stream, which remembers where the last block that was asked for lies.</summary>
    private sealed class Blocks(Stream packed) : ForwardStream
    {
        public long LastBlock { get; private set; } = packed.Position;

        public long LastEnd { get; private set; } = packed.Position;

        public override int Read(Span<byte> buffer)
        {
            var start = packed.Position;
            var count = packed.Read(buffer);
            if (count > 0)
                (LastBlock, LastEnd) = (start, start + count);
            return count;
        }
    }

    private static uint Entry(int index)
    {
        const uint polynomial = 0xEDB88320;
        var value = (uint)index;
        for (var bit = 0; bit < 8; bit++)
            value = (value & 1) == 0 ? value >> 1 : (value >> 1) ^ polynomial;
        return value;
    }
}
