namespace MappingNets;

/// <summary>The wire format of Protocol Buffers.</summary>
internal static class WireFormat
{
    /// <summary>A field.</summary>
    /// <param name="Number">Its number.</param>
    /// <param name="Start">The first byte of its content.</param>
    /// <param name="Length">How many bytes its content has.</param>
    /// <param name="IsBytes">Whether its length stands before it: bytes, a text, a message or packed numbers.</param>
    public readonly record struct Field(int Number, int Start, int Length, bool IsBytes);

    /// <summary>The fields of a message.</summary>
    /// <exception cref="InvalidDataException">The bytes are no message.</exception>
    public static IEnumerable<Field> Fields(byte[] bytes, int start, int length)
    {
        var (at, end) = (start, start + length);
        while (at < end)
        {
            var key = Varint(bytes, ref at, end);
            var from = at;
            ulong size = (key & 7) switch
            {
                0 => VarintLength(bytes, at, end),
                1 => 8,
                2 => Varint(bytes, ref from, end),
                5 => 4,
                _ => throw new InvalidDataException($"it has a field of an unknown form at byte {at}"),
            };
            if (size > (ulong)(end - from))
                throw new InvalidDataException($"a field at byte {at} is longer than what holds it");
            yield return new((int)(key >> 3), from, (int)size, (key & 7) == 2);
            at = from + (int)size;
        }
    }

    private static ulong VarintLength(byte[] bytes, int at, int end)
    {
        var next = at;
        Varint(bytes, ref next, end);
        return (ulong)(next - at);
    }

    private static ulong Varint(byte[] bytes, ref int at, int end)
    {
        var value = 0UL;
        for (var shift = 0; shift < 64; shift += 7)
        {
            if (at >= end)
                throw new InvalidDataException("it ends in the middle of a number");
            var part = bytes[at++];
            value |= (ulong)(part & 0x7F) << shift;
            if (part < 0x80)
                return value;
        }

        throw new InvalidDataException($"it has a number of more than 64 bits before byte {at}");
    }
}
