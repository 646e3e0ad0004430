namespace MappingNets;

/// <summary>Where the bytes of an initialiser lie in a file.</summary>
/// <param name="Start">The first byte.</param>
/// <param name="Length">How many bytes; 0 where the tensor has none in this form.</param>
/// <param name="IsWhole">Whether one run of bytes holds all of them, so that they can be replaced where they lie.</param>
internal readonly record struct TensorPlace(int Start, int Length, bool IsWhole);

/// <summary>
/// Finds the bytes of all initialisers in the wire format of Protocol Buffers, so that they can be read as views of the file and
/// replaced in it without touching another byte. The numbers of the fields are those of onnx.proto: ModelProto.graph = 7,
/// GraphProto.initializer = 5, TensorProto.float_data = 4 and raw_data = 9.
/// </summary>
internal static class TensorPlaces
{
    private const int Graph = 7, Initializer = 5, FloatData = 4, RawData = 9;

    /// <summary>One place for each initialiser, in the order of the file.</summary>
    /// <exception cref="InvalidDataException">The bytes are no model.</exception>
    public static IReadOnlyList<TensorPlace> In(byte[] bytes)
    {
        var graphs = Fields(bytes, 0, bytes.Length).Where(field => field.Number == Graph).ToArray();
        if (graphs.Length > 1)
            throw new InvalidDataException("it has more than one graph");
        return
        [
            .. graphs.SelectMany(graph => Fields(bytes, graph.Start, graph.Length))
                .Where(field => field.Number == Initializer)
                .Select(tensor => PlaceIn(bytes, tensor)),
        ];
    }

    private static TensorPlace PlaceIn(byte[] bytes, Field tensor)
    {
        Field[] data = [.. Fields(bytes, tensor.Start, tensor.Length).Where(field => field.Number is FloatData or RawData)];
        // The last raw_data counts, as in every reader; several runs of float_data add up.
        if (data.LastOrDefault(field => field.Number == RawData) is { Number: RawData, IsBytes: true } raw)
            return new(raw.Start, raw.Length, data.Length == 1);
        return data is [{ IsBytes: true } packed] ? new(packed.Start, packed.Length, true) : default;
    }

    private readonly record struct Field(int Number, int Start, int Length, bool IsBytes);

    private static IEnumerable<Field> Fields(byte[] bytes, int start, int length)
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
