using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>Where a tensor's elements lie in native memory, whatever handles lead to it.</summary>
/// <param name="Storage">The address of the storage.</param>
/// <param name="Start">The first byte of the tensor in it.</param>
/// <param name="End">The byte after the tensor's last one.</param>
/// <param name="Form">Shape and strides.</param>
internal readonly record struct TensorMemory(nint Storage, long Start, long End, string Form)
{
    /// <summary>The memory of a tensor of floats.</summary>
    public static TensorMemory Of(Tensor tensor)
    {
        using var scope = NewDisposeScope();
        using var plain = tensor.detach();
        var (shape, strides, size) = (plain.shape, plain.stride(), plain.element_size());
        // What has no element has no place either, and shares none.
        if (shape.Contains(0))
            return new(tensor.Handle, 0, 0, ShapeText.Of(shape));
        var start = plain.storage_offset() * size;
        var span = 1 + shape.Zip(strides, (length, stride) => (length - 1) * stride).Sum();
        return new(Address(plain), start, start + span * size, ShapeText.Of(shape) + ShapeText.Of(strides));
    }

    /// <summary>Whether two tensors share at least one byte, or lie between one another.</summary>
    public bool Overlaps(TensorMemory other) => Storage == other.Storage && Start < other.End && other.Start < End;

    private static nint Address(Tensor plain)
    {
        if (plain.device_type == DeviceType.CPU)
        {
            using var first = plain.as_strided([1], [1], 0);
            return Unsafe.ByteOffset(ref Unsafe.NullRef<byte>(), ref MemoryMarshal.GetReference(first.bytes));
        }

        // A storage is asked for in its own element type: for another one TorchSharp makes a converted copy. It has none for bfloat16,
        // so that there each handle counts as memory of its own.
        switch (plain.dtype)
        {
            case ScalarType.Float64:
                using (var storage = plain.storage<double>())
                    return storage.data_ptr();
            case ScalarType.Float32:
                using (var storage = plain.storage<float>())
                    return storage.data_ptr();
            default:
                return plain.Handle;
        }
    }
}
