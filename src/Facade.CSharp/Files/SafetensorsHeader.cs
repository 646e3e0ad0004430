using System.Buffers.Binary;
using System.Globalization;
using System.Text.Json;

namespace MappingNets;

/// <summary>The header of a safetensors file: what it says, checked against the format and the number of data bytes that follow.</summary>
/// <param name="Metadata">The free text pairs of "__metadata__".</param>
/// <param name="Entries">The tensors, in the order of their data.</param>
internal sealed record SafetensorsHeader(IReadOnlyDictionary<string, string> Metadata, IReadOnlyList<SafetensorsEntry> Entries)
{
    /// <summary>The key of the metadata, which no tensor may use.</summary>
    public const string MetadataKey = "__metadata__";

    /// <summary>The longest header that is read or written, in bytes, as in the reference implementation.</summary>
    public const int MaximumLength = 100_000_000;

    /// <summary>The length of a description, a header or a configuration, that is read whatever the limits: they are meant for tensors.</summary>
    private const long UsualLength = 1 << 20;

    /// <summary>The most dimensions of a tensor that is read: libtorch counts them in the bits of a word.</summary>
    private const int MaximumRank = 64;

    /// <summary>The bytes of the widest element that a tensor is read into.</summary>
    private const long WidestElement = 8;

    /// <summary>How many bytes the length of the header takes.</summary>
    public const int LengthBytes = 8;

    /// <summary>The longest description that is read, in bytes: JSON takes many times its length in memory.</summary>
    /// <param name="limits">What the file may cost.</param>
    public static long MostBytes(ReadLimits limits) => Math.Min(MaximumLength, Math.Max(limits.Bytes, UsualLength));

    /// <summary>Reads a header from the start of a file.</summary>
    /// <param name="stream">A seekable stream at the file's start; left at the first data byte.</param>
    /// <param name="fileName">Its name in messages.</param>
    /// <param name="limits">What the file may cost.</param>
    /// <exception cref="CheckpointFormatException">The file breaks the format, or its header is beyond the limits.</exception>
    public static SafetensorsHeader Read(Stream stream, string fileName, ReadLimits limits)
    {
        var fileLength = stream.Length;
        if (fileLength < LengthBytes)
            throw new CheckpointFormatException(
                fileName, $"is truncated: it has {fileLength} bytes, and the header's length alone takes {LengthBytes}.");
        Span<byte> lengthBytes = stackalloc byte[LengthBytes];
        stream.ReadExactly(lengthBytes);
        var length = BinaryPrimitives.ReadUInt64LittleEndian(lengthBytes);
        if (length > MaximumLength)
            throw new CheckpointFormatException(
                fileName, $"is no safetensors file or its header is too long: it announces {length} bytes; " +
                $"at most {MaximumLength} are allowed.");
        if ((long)length > MostBytes(limits))
            throw new CheckpointFormatException(
                fileName, $"has a header of {length} bytes; at most {ShapeText.Count(MostBytes(limits))} are read ({nameof(ReadLimits)}.{nameof(ReadLimits.Bytes)}).");
        if ((long)length > fileLength - LengthBytes)
            throw new CheckpointFormatException(
                fileName, $"is truncated: it announces a header of {length} bytes and ends after {fileLength - LengthBytes}.");
        var json = new byte[length];
        stream.ReadExactly(json);
        return Parse(json, fileLength - LengthBytes - (long)length, fileName);
    }

    private static SafetensorsHeader Parse(byte[] json, long dataLength, string fileName)
    {
        if (json.Length == 0 || json[0] != (byte)'{')
            throw new CheckpointFormatException(fileName, "has no valid header: a safetensors header starts with '{'.");
        try
        {
            using var document = JsonDocument.Parse(json, new() { MaxDepth = 8 });
            var metadata = new Dictionary<string, string>();
            var entries = new List<SafetensorsEntry>();
            foreach (var property in Distinct(document.RootElement, "the header", fileName))
                if (property.Name == MetadataKey)
                    metadata = ParseMetadata(property.Value, fileName);
                else
                    entries.Add(ParseEntry(property.Name, property.Value, fileName));
            entries.Sort(InOrder);
            CheckCoverage(entries, dataLength, fileName);
            return new SafetensorsHeader(metadata, entries);
        }
        // An unpaired surrogate in an escape is legal JSON until its text is asked for; then it is an invalid operation.
        catch (Exception cause) when (cause is JsonException or InvalidOperationException)
        {
            throw new CheckpointFormatException(fileName, "has no valid header: it is not JSON.", cause);
        }
    }

    // Empty tensors may share an offset; their order must not be that of the machine's language.
    private static int InOrder(SafetensorsEntry left, SafetensorsEntry right)
    {
        var order = (left.Offset, left.ByteCount).CompareTo((right.Offset, right.ByteCount));
        return order != 0 ? order : string.CompareOrdinal(left.Name, right.Name);
    }

    private static IEnumerable<JsonProperty> Distinct(JsonElement element, string where, string fileName)
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var property in element.EnumerateObject())
        {
            if (!seen.Add(property.Name))
                throw new CheckpointFormatException(fileName, $"has the name '{MessageText.Of(property.Name)}' twice in {where}.");
            yield return property;
        }
    }

    private static Dictionary<string, string> ParseMetadata(JsonElement element, string fileName)
    {
        if (element.ValueKind != JsonValueKind.Object)
            throw new CheckpointFormatException(fileName, $"has a {MetadataKey} that is no object.");
        var metadata = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var property in Distinct(element, MetadataKey, fileName))
            metadata[property.Name] = property.Value.ValueKind == JsonValueKind.String
                ? property.Value.GetString()!
                : throw new CheckpointFormatException(fileName, $"has the value of '{MessageText.Of(property.Name)}' in {MetadataKey} as no text.");
        return metadata;
    }

    private static SafetensorsEntry ParseEntry(string name, JsonElement element, string fileName)
    {
        CheckpointFormatException Fault(string fault) => new(fileName, $"describes the tensor '{MessageText.Of(name)}' wrongly: {fault}");

        if (element.ValueKind != JsonValueKind.Object)
            throw Fault("its description is no object.");
        var fields = Distinct(element, $"the description of '{MessageText.Of(name)}'", fileName)
            .ToDictionary(property => property.Name, property => property.Value);
        if (fields.Keys.Except(["dtype", "shape", "data_offsets"]).FirstOrDefault() is { } unknown)
            throw Fault($"the field '{MessageText.Of(unknown)}' is unknown.");

        JsonElement Field(string field, JsonValueKind kind) =>
            fields.TryGetValue(field, out var value) && value.ValueKind == kind
                ? value
                : throw Fault($"its {field} is missing or no {kind.ToString().ToLowerInvariant()}.");

        // No more than tell that there are too many.
        long[] Numbers(string field) =>
            [.. Field(field, JsonValueKind.Array).EnumerateArray().Take(MaximumRank + 1).Select(item =>
                item.ValueKind == JsonValueKind.Number && item.TryGetInt64(out var number) && number >= 0
                    ? number
                    : throw Fault($"its {field} holds {MessageText.Of(item.GetRawText())}, which is no whole number from 0 to 2^63 - 1."))];

        var typeName = Field("dtype", JsonValueKind.String).GetString()!;
        var (type, bits) = SafetensorsTypes.Find(typeName)
            ?? throw Fault($"the dtype '{MessageText.Of(typeName)}' is unknown; known are {SafetensorsTypes.ReadableNames}.");
        var shape = Numbers("shape");
        var offsets = Numbers("data_offsets");
        if (offsets.Length != 2 || offsets[0] > offsets[1])
            throw Fault($"its data_offsets are [{MessageText.Names(offsets.Select(Invariant))}]; they must be [start, end] with start <= end.");
        if (shape.Length > MaximumRank)
            throw Fault($"its shape has {fields["shape"].GetArrayLength()} dimensions; at most {MaximumRank} are read.");
        if (ByteCount(shape, bits) is var needed && needed != offsets[1] - offsets[0])
            throw Fault(
                $"{typeName}{ShapeText.Of(shape)} takes {(needed is null ? "more than 2^63" : needed is -1 ? "no whole number of" : needed)} bytes, " +
                $"its data_offsets [{offsets[0]}, {offsets[1]}] span {offsets[1] - offsets[0]}.");
        return new SafetensorsEntry(name, type, shape, offsets[0], offsets[1] - offsets[0]) { StoredType = typeName };
    }

    private static string Invariant(long number) => number.ToString(CultureInfo.InvariantCulture);

    // Also an empty tensor has strides, which its other sizes must leave within 64 bits, in the wider type that it is read into.
    private static long? ByteCount(long[] shape, int bits)
    {
        try
        {
            var count = checked(ShapeText.Product(shape.Select(length => Math.Max(1, length))) * WidestElement) / WidestElement;
            // Elements below a byte need not fill the last one; then their bytes are none that data_offsets could span.
            return shape.Contains(0) ? 0 : bits % 8 == 0 ? count * (bits / 8) : count * bits % 8 == 0 ? count * bits / 8 : -1;
        }
        catch (OverflowException)
        {
            return null;
        }
    }

    // Sorted by offset, the tensors must lie end to end from the first data byte to the last.
    private static void CheckCoverage(List<SafetensorsEntry> entries, long dataLength, string fileName)
    {
        var end = 0L;
        var previous = "the header";
        foreach (var entry in entries)
        {
            if (entry.Offset < end)
                throw new CheckpointFormatException(
                    fileName, $"has overlapping tensors: '{MessageText.Of(entry.Name)}' starts at byte {entry.Offset}, before {previous} ends at {end}.");
            if (entry.Offset > end)
                throw new CheckpointFormatException(
                    fileName, $"has a hole: bytes {end} to {entry.Offset}, between {previous} and '{MessageText.Of(entry.Name)}', belong to no tensor.");
            if (entry.ByteCount > dataLength - entry.Offset)
                throw new CheckpointFormatException(
                    fileName, $"is truncated or has offsets out of range: '{MessageText.Of(entry.Name)}' needs {entry.ByteCount} bytes " +
                    $"from byte {entry.Offset}, and there are {dataLength} bytes of data.");
            end = entry.Offset + entry.ByteCount;
            previous = $"'{MessageText.Of(entry.Name)}'";
        }

        if (end < dataLength)
            throw new CheckpointFormatException(
                fileName, $"has trailing bytes: {dataLength} bytes of data, of which {previous} ends at {end}.");
    }
}
