using System.Buffers.Binary;
using System.Text;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>A storage that a pickle names: the entry with its numbers, and their type.</summary>
internal sealed record StoredStorage(string Key, ScalarType Type, long Count);

/// <summary>A tensor that a pickle describes: a view of a storage.</summary>
internal sealed record StoredView(StoredStorage Storage, long Offset, long[] Shape, long[] Strides);

/// <summary>
/// Reads the pickle of a state_dict. A pickle is a program; this machine knows only the instructions that describe numbers, words, lists,
/// dictionaries and tensors, and calls nothing: a name outside a short list is refused. The instructions are those of Python's pickletools.
/// </summary>
internal sealed class TensorPickle(byte[] bytes)
{
    /// <summary>
    /// The most instructions that are followed; an entry of a dictionary, a size or a stride that is copied counts as one. A tensor takes about fifty, and none
    /// leaves more than about a hundred and fifty bytes in memory, as a name with its two words does.
    /// </summary>
    private const int MostSteps = 2_000_000;

    /// <summary>The most dimensions of a tensor: libtorch counts them in the bits of a word.</summary>
    private const int MostDimensions = 64;

    private static readonly Dictionary<string, ScalarType> Storages = new(StringComparer.Ordinal)
    {
        ["DoubleStorage"] = ScalarType.Float64,
        ["FloatStorage"] = ScalarType.Float32,
        ["HalfStorage"] = ScalarType.Float16,
        ["BFloat16Storage"] = ScalarType.BFloat16,
        ["LongStorage"] = ScalarType.Int64,
        ["IntStorage"] = ScalarType.Int32,
        ["ShortStorage"] = ScalarType.Int16,
        ["CharStorage"] = ScalarType.Int8,
        ["ByteStorage"] = ScalarType.Byte,
        ["BoolStorage"] = ScalarType.Bool,
    };

    private static readonly object Mark = new();

    private readonly List<object?> stack = [];
    private readonly Dictionary<long, object?> memo = [];
    private int at;
    private long steps;

    private sealed record Name(string Module, string Word)
    {
        public override string ToString() => $"{Module}.{Word}";
    }

    /// <summary>A key that is no text, as text: of the texts alone no file can foresee which ones a dictionary confuses.</summary>
    private sealed record OtherKey(string Text)
    {
        public override string ToString() => Text;
    }

    /// <summary>What the pickle describes.</summary>
    /// <exception cref="InvalidDataException">It is damaged or names something other than tensors; a sentence without a subject.</exception>
    public object? Read()
    {
        while (true)
        {
            var place = at;
            Count(1);
            var code = Take(1)[0];
            switch (code)
            {
                case 0x80: // PROTO
                    if (Take(1)[0] is < 2 or > 5)
                        throw Fault($"has a pickle of the protocol {bytes[place + 1]}; 2 to 5 are read.");
                    break;
                case 0x95: Take(8); break; // FRAME
                case (byte)'.': return Pop(); // STOP
                case (byte)'(': stack.Add(Mark); break;
                case (byte)'N': stack.Add(null); break;
                case 0x88: stack.Add(true); break;
                case 0x89: stack.Add(false); break;
                case (byte)'J': stack.Add((long)BinaryPrimitives.ReadInt32LittleEndian(Take(4))); break;
                case (byte)'K': stack.Add((long)Take(1)[0]); break;
                case (byte)'M': stack.Add((long)BinaryPrimitives.ReadUInt16LittleEndian(Take(2))); break;
                case 0x8A: stack.Add(Long()); break;
                case (byte)'G': stack.Add(BinaryPrimitives.ReadDoubleBigEndian(Take(8))); break;
                case (byte)'X': stack.Add(Words(BinaryPrimitives.ReadUInt32LittleEndian(Take(4)))); break;
                case 0x8C: stack.Add(Words(Take(1)[0])); break;
                case (byte)'}': stack.Add(new Dictionary<object, object?>()); break;
                case (byte)']': stack.Add(new List<object?>()); break;
                case (byte)')': stack.Add(Array.Empty<object?>()); break;
                case 0x85: stack.Add(Last(1)); break;
                case 0x86: stack.Add(Last(2)); break;
                case 0x87: stack.Add(Last(3)); break;
                case (byte)'t': stack.Add(ToMark()); break;
                case (byte)'a': Append([.. Last(1)]); break;
                case (byte)'e': Append(ToMark()); break;
                case (byte)'s': Set(Last(2)); break;
                case (byte)'u': Set(ToMark()); break;
                case (byte)'q': memo[Take(1)[0]] = Top(); break;
                case (byte)'r': memo[BinaryPrimitives.ReadUInt32LittleEndian(Take(4))] = Top(); break;
                case 0x94: memo[memo.Count] = Top(); break;
                case (byte)'h': stack.Add(Known(Take(1)[0])); break;
                case (byte)'j': stack.Add(Known(BinaryPrimitives.ReadUInt32LittleEndian(Take(4)))); break;
                case (byte)'c': stack.Add(Named(Line(), Line())); break;
                case 0x93: // STACK_GLOBAL
                    stack.Add(Last(2) is [string module, string word] ? Named(module, word) : throw Damaged());
                    break;
                case (byte)'Q': stack.Add(Persistent(Pop())); break;
                case (byte)'R':
                    stack.Add(Last(2) is [Name name, object?[] arguments] ? Call(name, arguments) : throw Damaged());
                    break;
                case (byte)'b': // BUILD: an ordered dictionary's attributes, which are versions of modules.
                    if (Last(2) is not [Dictionary<object, object?> built, Dictionary<object, object?>])
                        throw Fault("sets attributes of something other than a dictionary, as a whole model does; save its state_dict.");
                    stack.Add(built);
                    break;
                default:
                    throw Fault($"has the instruction 0x{code:X2} in its pickle, which no state_dict needs.");
            }
        }
    }

    // Every name of the file passes here, before anything is done with it.
    private static Name Named(string module, string word) => (module, word) switch
    {
        ("collections", "OrderedDict") or ("torch._utils", "_rebuild_tensor_v2" or "_rebuild_parameter") => new(module, word),
        ("torch", _) when Storages.ContainsKey(word) => new(module, word),
        _ => throw Fault(
            $"names '{MessageText.Of($"{module}.{word}")}', which is no tensor; a file that may run code is not read. Save the state_dict: torch.save(model.state_dict(), path)."),
    };

    private object Call(Name name, object?[] arguments) => (name.Word, arguments) switch
    {
        ("OrderedDict", []) => new Dictionary<object, object?>(),
        ("OrderedDict", [Dictionary<object, object?> pairs]) => Copy(pairs),
        ("OrderedDict", [List<object?> pairs]) => Ordered(pairs),
        // TorchSharp.PyBridge gives an empty tuple.
        ("OrderedDict", [object?[] pairs]) => Ordered(pairs),
        ("_rebuild_parameter", [StoredView view, ..]) => view,
        ("_rebuild_tensor_v2", [StoredStorage storage, long offset, object?[] shape, object?[] strides, ..]) =>
            new StoredView(storage, offset, Numbers(shape), Numbers(strides)),
        _ => throw Fault($"calls '{name}' with something other than a tensor."),
    };

    private Dictionary<object, object?> Copy(Dictionary<object, object?> pairs)
    {
        Count(pairs.Count);
        return new(pairs);
    }

    // As Python 2 and other writers of pickles give them: a list or tuple of pairs.
    private Dictionary<object, object?> Ordered(IReadOnlyList<object?> pairs)
    {
        Count(pairs.Count);
        var dictionary = new Dictionary<object, object?>();
        foreach (var pair in pairs)
        {
            var (key, value) = pair switch
            {
                object?[] and [string first, var second] => (first, second),
                List<object?> and [string first, var second] => (first, second),
                _ => throw Damaged(),
            };
            dictionary[key] = value;
        }

        return dictionary;
    }

    private static StoredStorage Persistent(object? id) => id is object?[] and ["storage", Name { Module: "torch" } type, string key, string, long count]
        && Storages.TryGetValue(type.Word, out var scalar)
        ? new(key, scalar, count)
        : throw Fault("refers to something other than a storage of numbers.");

    // What the pickle keeps once it may name many times, and each time it is copied here.
    private long[] Numbers(object?[] values)
    {
        if (values.Length > MostDimensions)
            throw Fault($"has a tensor of {values.Length} dimensions; at most {MostDimensions} are read.");
        Count(values.Length);
        return [.. values.Select(value => value is long number ? number : throw Damaged())];
    }

    private void Count(int more)
    {
        steps += more;
        if (steps > MostSteps)
            throw Fault($"describes its tensors in more than {ShapeText.Count(MostSteps)} steps.");
    }

    private void Append(object?[] values)
    {
        if (Top() is not List<object?> list)
            throw Damaged();
        list.AddRange(values);
    }

    private void Set(object?[] pairs)
    {
        if (pairs.Length % 2 != 0 || Top() is not Dictionary<object, object?> dictionary)
            throw Damaged();
        for (var index = 0; index < pairs.Length; index += 2)
            dictionary[KeyOf(pairs[index])] = pairs[index + 1];
    }

    private static object KeyOf(object? key) => key switch
    {
        string => key,
        long or bool or double => new OtherKey(FormattableString.Invariant($"{key}")),
        _ => throw Damaged(),
    };

    private object?[] ToMark()
    {
        var mark = stack.FindLastIndex(value => ReferenceEquals(value, Mark));
        if (mark < 0)
            throw Damaged();
        object?[] values = [.. stack.Skip(mark + 1)];
        stack.RemoveRange(mark, stack.Count - mark);
        return values;
    }

    private object?[] Last(int count)
    {
        if (stack.Count < count)
            throw Damaged();
        object?[] values = [.. stack.Skip(stack.Count - count)];
        stack.RemoveRange(stack.Count - count, count);
        return values;
    }

    private object? Pop() => Last(1)[0];

    private object? Top() => stack.Count > 0 ? stack[^1] : throw Damaged();

    private object? Known(long place) => memo.TryGetValue(place, out var value) ? value : throw Damaged();

    private object Long()
    {
        var digits = Take(Take(1)[0]);
        var number = new System.Numerics.BigInteger(digits);
        return number >= long.MinValue && number <= long.MaxValue ? (long)number : throw Fault("has a number of more than 64 bits.");
    }

    private string Words(long length) => Encoding.UTF8.GetString(Take(length));

    private string Line()
    {
        var end = Array.IndexOf(bytes, (byte)'\n', at);
        if (end < 0)
            throw Damaged();
        var text = Encoding.UTF8.GetString(bytes, at, end - at);
        at = end + 1;
        return text;
    }

    private ReadOnlySpan<byte> Take(long count)
    {
        if (count > bytes.Length - at)
            throw Damaged();
        at += (int)count;
        return bytes.AsSpan(at - (int)count, (int)count);
    }

    private static InvalidDataException Damaged() => Fault("is damaged: its pickle makes no sense.");

    private static InvalidDataException Fault(string sentence) => new(sentence);
}
