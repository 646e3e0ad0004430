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
        var graphs = WireFormat.Fields(bytes, 0, bytes.Length).Where(field => field.Number == Graph).ToArray();
        if (graphs.Length > 1)
            throw new InvalidDataException("it has more than one graph");
        return
        [
            .. graphs.SelectMany(graph => WireFormat.Fields(bytes, graph.Start, graph.Length))
                .Where(field => field.Number == Initializer)
                .Select(tensor => PlaceIn(bytes, tensor)),
        ];
    }

    private static TensorPlace PlaceIn(byte[] bytes, WireFormat.Field tensor)
    {
        WireFormat.Field[] data = [.. WireFormat.Fields(bytes, tensor.Start, tensor.Length).Where(field => field.Number is FloatData or RawData)];
        // The last raw_data counts, as in every reader; several runs of float_data add up.
        if (data.LastOrDefault(field => field.Number == RawData) is { Number: RawData, IsBytes: true } raw)
            return new(raw.Start, raw.Length, data.Length == 1);
        return data is [{ IsBytes: true } packed] ? new(packed.Start, packed.Length, true) : default;
    }
}
