using System.Buffers.Binary;
using System.Text;

namespace MappingNets.Tests;

/// <summary>Writes pickles of protocol 2 as torch.save does, and such as no one should load.</summary>
internal sealed class PickleText
{
    private readonly List<byte> _bytes = [0x80, 2];

    public byte[] Bytes() => [.. _bytes, (byte)'.'];

    public PickleText Number(long value) =>
        value is >= int.MinValue and <= int.MaxValue ? Raw((byte)'J').Raw(Int((int)value)) : Raw(0x8A, 8).Raw(BitConverter.GetBytes(value));

    public PickleText Word(string value) => Raw((byte)'X').Raw(Int(Encoding.UTF8.GetByteCount(value))).Raw(Encoding.UTF8.GetBytes(value));

    public PickleText Dictionary(params (string Key, Action<PickleText> Value)[] pairs)
    {
        Global("collections", "OrderedDict").Raw((byte)')', (byte)'R', (byte)'(');
        foreach (var (key, value) in pairs)
        {
            Word(key);
            value(this);
        }

        return Raw((byte)'u');
    }

    public PickleText View(string type, string key, long count, long offset, long[] shape, long[] strides)
    {
        Global("torch._utils", "_rebuild_tensor_v2").Raw((byte)'(', (byte)'(');
        Word("storage").Global("torch", type).Word(key).Word("cpu").Number(count).Raw((byte)'t', (byte)'Q').Number(offset);
        foreach (var sizes in new[] { shape, strides })
        {
            Raw((byte)'(');
            foreach (var size in sizes)
                Number(size);
            Raw((byte)'t');
        }

        return Raw(0x89).Global("collections", "OrderedDict").Raw((byte)')', (byte)'R', (byte)'t', (byte)'R');
    }

    public PickleText Call(string module, string word, string argument) => Global(module, word).Word(argument).Raw(0x85, (byte)'R');

    public PickleText Global(string module, string word) => Raw((byte)'c').Raw(Encoding.ASCII.GetBytes($"{module}\n{word}\n"));

    public PickleText Raw(params byte[] bytes)
    {
        _bytes.AddRange(bytes);
        return this;
    }

    private static byte[] Int(int value)
    {
        var bytes = new byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, value);
        return bytes;
    }
}
