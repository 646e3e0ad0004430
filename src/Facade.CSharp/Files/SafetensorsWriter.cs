using System.Buffers.Binary;
using System.Text.Encodings.Web;
using System.Text.Json;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>
/// Lays tensors out as a safetensors file: the same tensors and metadata give the same bytes, in whatever order they come.
/// </summary>
internal static class SafetensorsWriter
{
    private static readonly JsonWriterOptions Json = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Refuses what the format cannot hold.</summary>
    public static void Check(IReadOnlyList<(string Name, Tensor Tensor)> tensors)
    {
        ArgumentNullException.ThrowIfNull(tensors);
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var (name, tensor) in tensors)
        {
            if (string.IsNullOrEmpty(name) || name == SafetensorsHeader.MetadataKey)
                throw new ArgumentException(
                    $"A tensor has the name '{name}'; it must neither be empty nor {SafetensorsHeader.MetadataKey}.", nameof(tensors));
            if (!IsText(name))
                throw new ArgumentException($"The tensor '{MessageText.Of(name)}' has half of a surrogate pair in its name.", nameof(tensors));
            if (!seen.Add(name))
                throw new ArgumentException($"Two tensors have the name '{name}'.", nameof(tensors));
            if (tensor is null)
                throw new ArgumentException($"The tensor '{name}' is null.", nameof(tensors));
            if (SafetensorsTypes.NameOf(tensor.dtype) is null)
                throw new ArgumentException(
                    $"The tensor '{name}' is {tensor.dtype}; a safetensors file holds {SafetensorsTypes.Names}.", nameof(tensors));
        }
    }

    /// <summary>Writes the header and the data of checked tensors.</summary>
    public static void Write(
        Stream stream, IReadOnlyList<(string Name, Tensor Tensor)> tensors, IReadOnlyDictionary<string, string>? metadata)
    {
        // Wide elements first, as the reference writer has it: every tensor then starts at a multiple of its element's size.
        var ordered = tensors
            .OrderByDescending(pair => SafetensorsTypes.BytesOf(pair.Tensor.dtype))
            .ThenBy(pair => pair.Name, StringComparer.Ordinal)
            .ToArray();

        stream.Write(Header(ordered, metadata));
        foreach (var (_, tensor) in ordered)
        {
            using var scope = NewDisposeScope();
            foreach (var part in TensorBytes.Parts(tensor.detach().cpu().contiguous()))
                stream.Write(part.bytes);
        }
    }

    private static byte[] Header((string Name, Tensor Tensor)[] tensors, IReadOnlyDictionary<string, string>? metadata)
    {
        using var buffer = new MemoryStream();
        buffer.Write(new byte[SafetensorsHeader.LengthBytes]);
        using (var json = new Utf8JsonWriter(buffer, Json))
        {
            json.WriteStartObject();
            if (metadata is { Count: > 0 })
                WriteMetadata(json, metadata);
            var offset = 0L;
            foreach (var (name, tensor) in tensors)
                WriteEntry(json, name, tensor, ref offset);
            json.WriteEndObject();
        }

        while (buffer.Length % SafetensorsHeader.LengthBytes != 0)
            buffer.WriteByte((byte)' ');
        var header = buffer.ToArray();
        var length = header.Length - SafetensorsHeader.LengthBytes;
        if (length > SafetensorsHeader.MaximumLength)
            throw new ArgumentException(
                $"The header takes {length} bytes; a safetensors file allows {SafetensorsHeader.MaximumLength}.", nameof(metadata));
        BinaryPrimitives.WriteUInt64LittleEndian(header, (ulong)length);
        return header;
    }

    private static void WriteMetadata(Utf8JsonWriter json, IReadOnlyDictionary<string, string> metadata)
    {
        json.WriteStartObject(SafetensorsHeader.MetadataKey);
        foreach (var (key, value) in metadata.OrderBy(pair => pair.Key, StringComparer.Ordinal))
        {
            if (value is null)
                throw new ArgumentException($"The metadata '{key}' is null.", nameof(metadata));
            if (!IsText(key) || !IsText(value))
                throw new ArgumentException(
                    $"The metadata '{MessageText.Of(key)}' has half of a surrogate pair in its name or its value, which no file can hold.", nameof(metadata));
            json.WriteString(key, value);
        }

        json.WriteEndObject();
    }

    /// <summary>Whether a text has no half of a surrogate pair, which would be written as another character.</summary>
    private static bool IsText(string text)
    {
        for (var index = 0; index < text.Length; index++)
            if (char.IsHighSurrogate(text[index]) && index + 1 < text.Length && char.IsLowSurrogate(text[index + 1]))
                index++;
            else if (char.IsSurrogate(text[index]))
                return false;
        return true;
    }

    private static void WriteEntry(Utf8JsonWriter json, string name, Tensor tensor, ref long offset)
    {
        json.WriteStartObject(name);
        json.WriteString("dtype", SafetensorsTypes.NameOf(tensor.dtype));
        json.WriteStartArray("shape");
        foreach (var size in tensor.shape)
            json.WriteNumberValue(size);
        json.WriteEndArray();
        json.WriteStartArray("data_offsets");
        json.WriteNumberValue(offset);
        offset += tensor.numel() * SafetensorsTypes.BytesOf(tensor.dtype);
        json.WriteNumberValue(offset);
        json.WriteEndArray();
        json.WriteEndObject();
    }
}
