using System.Buffers.Binary;

namespace MappingNets.Experiments.Fuzz;

/// <summary>Changes of bytes that know nothing of a format.</summary>
internal static class ByteMutation
{
    private static readonly long[] Telling =
        [0, 1, 2, 3, 7, 8, 63, 64, 127, 128, 255, 256, 32767, 65535, 65536, int.MaxValue, uint.MaxValue, 1L << 40, 1L << 62, long.MaxValue, -1, long.MinValue];

    /// <summary>One to four changes.</summary>
    public static byte[] Of(byte[] whole, IReadOnlyList<byte[]> others, Chance chance)
    {
        var bytes = (byte[])whole.Clone();
        for (var count = 1 + (chance.OneIn(3) ? chance.Below(4) : 0); count > 0; count--)
            bytes = Once(bytes, others, chance);
        return bytes;
    }

    private static byte[] Once(byte[] bytes, IReadOnlyList<byte[]> others, Chance chance)
    {
        if (bytes.Length == 0)
            return [(byte)chance.Next()];
        var place = chance.OneIn(3) ? chance.Below(Math.Min(64, bytes.Length)) : chance.Below(bytes.Length);
        var length = 1 + chance.Below(Math.Min(chance.OneIn(4) ? 4096 : 16, bytes.Length - place));
        switch (chance.Below(9))
        {
            case 0:
            case 1:
                bytes[place] ^= (byte)(1 << chance.Below(8));
                return bytes;
            case 2:
                bytes[place] = (byte)chance.Next();
                return bytes;
            case 3:
                return [.. bytes[..place], .. bytes[(place + length)..]];
            case 4:
                return [.. bytes[..place], .. bytes[place..(place + length)], .. bytes[place..]];
            case 5:
                return bytes[..place];
            case 6:
                Put(bytes.AsSpan(place), chance);
                return bytes;
            case 7:
                bytes.AsSpan(place, length).Fill(chance.OneIn(2) ? (byte)0 : (byte)chance.Next());
                return bytes;
            default:
                var other = chance.Of(others);
                var start = chance.Below(other.Length);
                return [.. bytes[..place], .. other[start..Math.Min(other.Length, start + length)], .. bytes[Math.Min(bytes.Length, place + length)..]];
        }
    }

    private static void Put(Span<byte> bytes, Chance chance)
    {
        var number = chance.Of(Telling);
        var isBig = chance.OneIn(2);
        switch (chance.Below(3))
        {
            case 0 when bytes.Length >= 8:
                if (isBig)
                    BinaryPrimitives.WriteInt64BigEndian(bytes, number);
                else
                    BinaryPrimitives.WriteInt64LittleEndian(bytes, number);
                break;
            case 1 when bytes.Length >= 4:
                if (isBig)
                    BinaryPrimitives.WriteInt32BigEndian(bytes, (int)number);
                else
                    BinaryPrimitives.WriteInt32LittleEndian(bytes, (int)number);
                break;
            default:
                bytes[0] = (byte)number;
                break;
        }
    }
}
