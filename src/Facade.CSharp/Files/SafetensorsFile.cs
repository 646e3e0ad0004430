using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>
/// A safetensors file: named tensors and free text, readable by every library that knows the format. The header's length
/// (8 bytes, little-endian), a JSON header, then the tensors' bytes end to end. Types that libtorch lacks are read into wider ones: 8-bit
/// floats (F8_E4M3, F8_E5M2, F8_E8M0, F8_E4M3FNUZ, F8_E5M2FNUZ) into single precision, U16 into int32, U32 and U64 into int64. A file
/// with tensors of 4 or 6 bits an element (F4, F6_E2M3, F6_E3M2) opens, and only these tensors are refused.
/// </summary>
public sealed class SafetensorsFile : IDisposable
{
    /// <summary>What a processor's cache holds besides the place that it goes to.</summary>
    private const long ElementsPerPiece = 1 << 18;

    /// <summary>How many bytes of a stream memory is taken for before any has come: 64 MiB.</summary>
    private const long MostAtOnce = 1 << 26;

    private readonly Stream stream;
    private readonly long dataStart;
    private readonly Dictionary<string, SafetensorsEntry> byName;

    // The stream belongs to this object from here on, also where the header is refused.
    private SafetensorsFile(Stream stream, string fileName, ReadLimits limits)
    {
        try
        {
            var header = SafetensorsHeader.Read(stream, fileName, limits);
            (this.stream, FileName, Metadata, Entries) = (stream, fileName, header.Metadata, header.Entries);
            dataStart = stream.Position;
            byName = header.Entries.ToDictionary(entry => entry.Name, StringComparer.Ordinal);
        }
        catch
        {
            stream.Dispose();
            throw;
        }
    }

    /// <summary>The file, as messages name it.</summary>
    public string FileName { get; }

    /// <summary>The free text pairs of the header; empty where there are none.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; }

    /// <summary>What the file holds, in the order of the data.</summary>
    public IReadOnlyList<SafetensorsEntry> Entries { get; }

    /// <summary>
    /// Writes a file whole or not at all. The same tensors and metadata give the same bytes: tensors stand by the size of their
    /// elements, widest first, then by name.
    /// </summary>
    /// <param name="path">The file; replaced where it exists. Its folder must exist.</param>
    /// <param name="tensors">The tensors by name, on any device; F64, F32, F16, BF16, I64, I32, I16, I8, U8 or BOOL.</param>
    /// <param name="metadata">Free text for the header, or null.</param>
    /// <exception cref="ArgumentException">A name is empty, repeated or reserved, or a type has no place in the format.</exception>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public static void Write(
        string path, IReadOnlyList<(string Name, Tensor Tensor)> tensors, IReadOnlyDictionary<string, string>? metadata = null)
    {
        SafetensorsWriter.Check(tensors);
        AtomicFile.Write(path, stream => SafetensorsWriter.Write(stream, tensors, metadata));
    }

    /// <summary>Writes the same bytes to a stream.</summary>
    /// <param name="stream">Where to.</param>
    /// <param name="tensors">The tensors by name.</param>
    /// <param name="metadata">Free text for the header, or null.</param>
    /// <exception cref="ArgumentException">As for a file.</exception>
    public static void Write(
        Stream stream, IReadOnlyList<(string Name, Tensor Tensor)> tensors, IReadOnlyDictionary<string, string>? metadata = null)
    {
        ArgumentNullException.ThrowIfNull(stream);
        SafetensorsWriter.Check(tensors);
        SafetensorsWriter.Write(stream, tensors, metadata);
    }

    /// <summary>Opens a file and reads its header; the tensors stay on the disk until they are asked for.</summary>
    /// <param name="path">The file. It stays open until this object is disposed, so that a replacement cannot mix in.</param>
    /// <exception cref="CheckpointFormatException">The file breaks the format in any way; the message says in which.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static SafetensorsFile Read(string path) => Read(path, ReadLimits.Default);

    /// <summary>Reads a stream to its end into memory.</summary>
    /// <param name="stream">Readable, at the start of the safetensors data, with less than 2 GiB of it.</param>
    /// <param name="fileName">Its name in messages.</param>
    /// <exception cref="ArgumentException">The stream has more than an array holds; <see cref="Read(string)"/> reads files of any length.</exception>
    /// <exception cref="CheckpointFormatException">As for a file.</exception>
    public static SafetensorsFile Read(Stream stream, string fileName = "stream")
    {
        ArgumentNullException.ThrowIfNull(stream);
        var announced = stream.CanSeek ? Math.Max(0, stream.Length - stream.Position) : 0;
        RequireFits(announced, nameof(stream));
        // A part of what is announced, which may never come, and such a one that doubling it arrives there.
        var first = announced;
        while (first > MostAtOnce)
            first = (first + 1) / 2;
        var copy = new MemoryStream((int)first);
        var piece = new byte[1 << 16];
        for (int count; (count = stream.Read(piece)) > 0;)
        {
            RequireFits(copy.Length + count, nameof(stream));
            copy.Write(piece, 0, count);
        }

        copy.Position = 0;
        return new SafetensorsFile(copy, fileName, ReadLimits.Default);
    }

    /// <summary>Opens a file whose header is held to limits.</summary>
    /// <exception cref="CheckpointFormatException">As for any file, or the header is beyond the limits.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    internal static SafetensorsFile Read(string path, ReadLimits limits)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        return new SafetensorsFile(InputFile.Open(path), path, limits);
    }

    /// <summary>Copies one tensor into memory. Several threads may load at once.</summary>
    /// <param name="name">Its name.</param>
    /// <returns>A new tensor on the CPU, in the caller's dispose scope.</returns>
    /// <exception cref="KeyNotFoundException">There is no such tensor.</exception>
    /// <exception cref="CheckpointFormatException">
    /// The file was cut since it was opened, a BOOL is neither 0 nor 1, a U64 is beyond 2^63 - 1, or the tensor is F4, F6_E2M3 or F6_E3M2.
    /// </exception>
    public Tensor Load(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        if (!byName.TryGetValue(name, out var entry))
            throw new KeyNotFoundException(
                $"'{FileName}' holds no tensor '{name}'; it holds {MessageText.Names(Entries.Select(other => other.Name))}.");
        if (!SafetensorsTypes.IsRead(entry.StoredType))
            throw new CheckpointFormatException(FileName, $"has the tensor {entry}, whose type is not read; read are {SafetensorsTypes.ReadableNames}.");
        var tensor = empty([.. entry.Shape], entry.DType, device: CPU);
        var stored = SafetensorsTypes.WideningOf(entry.StoredType) is { } widening ? new StoredRun(widening.Widen, widening.Bytes) : null;
        try
        {
            lock (stream)
            {
                stream.Position = dataStart + entry.Offset;
                foreach (var part in TensorBytes.Parts(tensor))
                    if (stored is null)
                        Fill(part.bytes, entry);
                    else
                        Fill(part, entry, stored);
            }

            return tensor;
        }
        catch
        {
            tensor.Dispose();
            throw;
        }
    }

    /// <summary>Copies all tensors into memory.</summary>
    /// <returns>New tensors on the CPU by name, in the caller's dispose scope.</returns>
    /// <exception cref="CheckpointFormatException">As for one tensor.</exception>
    public IReadOnlyDictionary<string, Tensor> LoadAll() =>
        Entries.ToDictionary(entry => entry.Name, entry => Load(entry.Name), StringComparer.Ordinal);

    /// <summary>Closes the file.</summary>
    public void Dispose() => stream.Dispose();

    /// <summary>The header's description of a tensor; null where the file has none of that name.</summary>
    internal SafetensorsEntry? Find(string name) => byName.GetValueOrDefault(name);

    /// <summary>Reads a tensor a piece at a time, for tensors that are not to be held whole. Several threads may read at once.</summary>
    /// <param name="name">Its name; its type is one that libtorch has.</param>
    /// <param name="take">Gets each piece, a vector of the stored type that is overwritten after it returns, and the place of its first element.</param>
    /// <exception cref="CheckpointFormatException">The file was cut since it was opened.</exception>
    internal void ReadPieces(string name, Action<Tensor, long> take)
    {
        var entry = byName[name];
        var count = ShapeText.Product(entry.Shape);
        using var piece = empty(Math.Min(count, ElementsPerPiece), entry.DType, device: CPU);
        var size = piece.element_size();
        for (var done = 0L; done < count; done += ElementsPerPiece)
        {
            using var part = piece.narrow(0, 0, Math.Min(ElementsPerPiece, count - done));
            lock (stream)
            {
                stream.Position = dataStart + entry.Offset + (done * size);
                Fill(part.bytes, entry);
            }

            take(part, done);
        }
    }

    /// <summary>The file's length and when it was last written to; null for what is in memory.</summary>
    internal (long Length, DateTime Written)? Stamp() =>
        stream is FileStream file ? (RandomAccess.GetLength(file.SafeFileHandle), File.GetLastWriteTimeUtc(file.SafeFileHandle)) : null;

    /// <summary>The <see cref="ContentHash"/> of what the file holds; it reads all of it, a piece at a time.</summary>
    /// <exception cref="CheckpointFormatException">The file was cut since it was opened.</exception>
    internal string HashContent()
    {
        var piece = new byte[1 << 16];
        return ContentHash.Of(
            Metadata,
            Entries.Select(entry => (entry.Name, entry.StoredType, entry.Shape, entry.ByteCount)),
            (name, consume) =>
            {
                var entry = byName[name];
                lock (stream)
                    for (var done = 0L; done < entry.ByteCount;)
                    {
                        var part = piece.AsSpan(0, (int)Math.Min(piece.Length, entry.ByteCount - done));
                        stream.Position = dataStart + entry.Offset + done;
                        ReadExactly(part, entry);
                        consume(part);
                        done += part.Length;
                    }
            });
    }

    /// <summary>Refuses a file whose content is not what it was written with; one that carries no hash passes.</summary>
    /// <exception cref="CheckpointFormatException">It is damaged.</exception>
    internal void CheckContent()
    {
        if (Metadata.TryGetValue(ContentHash.MetadataKey, out var written) && written != HashContent())
            throw new CheckpointFormatException(FileName, "is damaged: its content does not have the SHA-256 that it was written with.");
    }

    private static void RequireFits(long bytes, string argument)
    {
        if (bytes > Array.MaxLength)
            throw new ArgumentException(
                $"The stream has {bytes} bytes or more; at most {ShapeText.Count(Array.MaxLength)} are read into memory. Write it into a file, of which "
                + "SafetensorsFile.Read(path) reads one tensor at a time.",
                argument);
    }

    private sealed record StoredRun(SafetensorsTypes.Widening Widen, int Bytes)
    {
        public byte[] Buffer { get; set; } = [];
    }

    private void Fill(Tensor part, SafetensorsEntry entry, StoredRun stored)
    {
        var count = checked((int)part.numel() * stored.Bytes);
        if (stored.Buffer.Length < count)
            stored.Buffer = new byte[count];
        var bytes = stored.Buffer.AsSpan(0, count);
        ReadExactly(bytes, entry);
        stored.Widen(bytes, part.bytes);
        if (entry.StoredType == "U64" && MemoryMarshal.Cast<byte, long>(part.bytes).ContainsAnyInRange(long.MinValue, -1))
            throw new CheckpointFormatException(FileName, $"has a number beyond 2^63 - 1 in the U64 tensor '{MessageText.Of(entry.Name)}'.");
    }

    private void ReadExactly(Span<byte> bytes, SafetensorsEntry entry)
    {
        if (stream.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false) < bytes.Length)
            throw new CheckpointFormatException(FileName, $"was cut while it was open: '{MessageText.Of(entry.Name)}' is incomplete.");
    }

    private void Fill(Span<byte> bytes, SafetensorsEntry entry)
    {
        ReadExactly(bytes, entry);
        // libtorch takes any other byte as a boolean that is neither true nor false.
        if (entry.DType == ScalarType.Bool && bytes.IndexOfAnyExceptInRange((byte)0, (byte)1) is >= 0 and var index)
            throw new CheckpointFormatException(
                FileName, $"has the byte {bytes[index]} in the BOOL tensor '{MessageText.Of(entry.Name)}'; only 0 and 1 are booleans.");
    }
}
