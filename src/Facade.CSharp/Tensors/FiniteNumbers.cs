using System.Numerics;
using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>Looks for NaN and infinity.</summary>
internal static class FiniteNumbers
{
    /// <summary>Above this many elements libtorch's sum, which uses all cores, is faster than a loop.</summary>
    private const long LongestLoop = 1 << 16;

    /// <summary>Whether every element is a finite number; of any type, on any device.</summary>
    public static bool AllIn(Tensor tensor)
    {
        if (!tensor.is_floating_point())
            return true;
        if (tensor.dtype == ScalarType.Float32 && tensor.device_type == DeviceType.CPU && tensor.numel() is > 0 and <= LongestLoop && tensor.is_contiguous())
            return AllIn(MemoryMarshal.Cast<byte, float>(tensor.bytes));
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        // A finite sum has only finite terms, and takes no memory. One that is not may have overflowed: then look at each.
        return double.IsFinite(tensor.sum().ToDouble()) || tensor.isfinite().all().item<bool>();
    }

    private static bool AllIn(ReadOnlySpan<float> values)
    {
        // 0 times a finite number is 0, and times any other NaN, which every later sum keeps.
        var sum = Vector<float>.Zero;
        var at = 0;
        for (; at <= values.Length - Vector<float>.Count; at += Vector<float>.Count)
            sum += new Vector<float>(values[at..]) * Vector<float>.Zero;
        var rest = Vector.Sum(sum);
        for (; at < values.Length; at++)
            rest += values[at] * 0;
        return rest == 0;
    }

    /// <summary>
    /// Whether every element is finite or what another tensor of the same shape has in its place, as the -inf of a mask is; of any type
    /// and on any device.
    /// </summary>
    public static bool AllInOrAsIn(Tensor tensor, Tensor other)
    {
        if (!tensor.is_floating_point())
            return true;
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        var same = other.to(tensor.dtype, tensor.device);
        return tensor.isfinite().logical_or(tensor.eq(same)).logical_or(tensor.isnan().logical_and(same.isnan())).all().item<bool>();
    }
}
