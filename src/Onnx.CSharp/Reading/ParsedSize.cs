using Google.Protobuf.Reflection;

namespace MappingNets;

/// <summary>
/// What a message of Protocol Buffers takes in memory when it is parsed, reckoned from its bytes before an object of it is made: an empty node is two
/// bytes in a file and hundreds in memory.
/// </summary>
internal static class ParsedSize
{
    // Objects with a list for each repeated field; a list is doubled when it is full.
    private const long MessageBytes = 512, TextBytes = 64, NumberBytes = 16;

    // As deep as the parser goes.
    private const int DeepestMessage = 100;

    /// <summary>The bytes, without those of numbers that are packed at their own size, such as a tensor's: the file has as many.</summary>
    /// <param name="bytes">The message.</param>
    /// <param name="kind">What it is.</param>
    /// <exception cref="InvalidDataException">The bytes are no such message.</exception>
    public static long Of(byte[] bytes, MessageDescriptor kind) => Of(bytes, 0, bytes.Length, kind, 1);

    private static long Of(byte[] bytes, int start, int length, MessageDescriptor kind, int depth)
    {
        if (depth > DeepestMessage)
            throw new InvalidDataException($"it has more than {DeepestMessage} messages in one another at byte {start}");
        var sum = MessageBytes;
        foreach (var field in WireFormat.Fields(bytes, start, length))
            sum += (kind.FindFieldByNumber(field.Number), field.IsBytes) switch
            {
                // The parser keeps what it does not know.
                (null, _) => MessageBytes + field.Length,
                ({ FieldType: FieldType.Message } known, true) => Of(bytes, field.Start, field.Length, known.MessageType, depth + 1),
                ({ FieldType: FieldType.String }, _) => TextBytes + (2L * field.Length),
                ({ FieldType: FieldType.Bytes }, _) => TextBytes,
                ({ FieldType: FieldType.Float or FieldType.Double or FieldType.Fixed32 or FieldType.Fixed64 }, true) => 0,
                (_, true) => NumberBytes * field.Length,
                _ => NumberBytes,
            };
        return sum;
    }
}
