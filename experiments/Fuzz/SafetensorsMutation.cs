using System.Buffers.Binary;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace MappingNets.Experiments.Fuzz;

/// <summary>
/// Changes of safetensors files that keep what surrounds them right: the header's length where the header changes, and often the hash of
/// the content, so that what is checked after it is reached too.
/// </summary>
internal static class SafetensorsMutation
{
    /// <summary>A changed file, and whether it was signed anew, so that another model than the first is no fault.</summary>
    public static (byte[] Bytes, bool IsSigned) Of(byte[] whole, IReadOnlyList<byte[]> others, Chance chance)
    {
        if (chance.OneIn(3) || Parts(whole) is not var (header, data))
            return (ByteMutation.Of(whole, others, chance), false);
        switch (chance.Below(5))
        {
            case 0:
                return (Joined(TextMutation.Of(header, chance), data), false);
            case 1:
                return (Joined(header, ByteMutation.Of(data, others, chance)), false);
            default:
                return Described(header, data, others, chance);
        }
    }

    private static (byte[], bool) Described(string header, byte[] data, IReadOnlyList<byte[]> others, Chance chance)
    {
        var root = JsonNode.Parse(header)!.AsObject();
        if (root["__metadata__"] is not JsonObject metadata || metadata.Count == 0)
            return (Joined(TextMutation.Of(header, chance), data), false);
        if (chance.OneIn(4) && data.Length > 0)
            data = SameLength(data, ByteMutation.Of(data, others, chance));
        var key = chance.Of([.. metadata.Select(pair => pair.Key)]);
        switch (chance.Below(6))
        {
            case 0:
                metadata.Remove(key);
                break;
            case 1:
                metadata["more"] = "1";
                if (chance.OneIn(2))
                    metadata["optional_fields"] = "[\"more\"]";
                break;
            default:
                metadata[key] = TextMutation.Of((string?)metadata[key] ?? "", chance);
                break;
        }

        // The writer's JSON may replace what no text holds.
        var text = root.ToJsonString();
        return chance.OneIn(4) || Resigned(text, data) is not { } signed ? (Joined(text, data), false) : (signed, true);
    }

    /// <summary>The file with the hash that its content has now; null where it cannot be read.</summary>
    private static byte[]? Resigned(string header, byte[] data)
    {
        var whole = Joined(header, data);
        string hash;
        try
        {
            using var file = SafetensorsFile.Read(new MemoryStream(whole), "mutated");
            if (!file.Metadata.ContainsKey(ContentHash.MetadataKey))
                return null;
            hash = file.HashContent();
        }
        catch (CheckpointFormatException)
        {
            return null;
        }

        var root = JsonNode.Parse(header)!.AsObject();
        root["__metadata__"]![ContentHash.MetadataKey] = hash;
        return Joined(root.ToJsonString(), data);
    }

    private static byte[] SameLength(byte[] old, byte[] changed)
    {
        var bytes = (byte[])old.Clone();
        changed.AsSpan(0, Math.Min(old.Length, changed.Length)).CopyTo(bytes);
        return bytes;
    }

    private static (string Header, byte[] Data)? Parts(byte[] whole)
    {
        if (whole.Length < 8 || BinaryPrimitives.ReadUInt64LittleEndian(whole) is var length && length > (ulong)whole.Length - 8)
            return null;
        return (Encoding.UTF8.GetString(whole, 8, (int)length), whole[(8 + (int)length)..]);
    }

    private static byte[] Joined(string header, byte[] data)
    {
        var json = Encoding.UTF8.GetBytes(header);
        var bytes = new byte[8 + json.Length + data.Length];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, (ulong)json.Length);
        json.CopyTo(bytes, 8);
        data.CopyTo(bytes, 8 + json.Length);
        return bytes;
    }
}
