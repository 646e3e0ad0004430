using System.Runtime.InteropServices;
using System.Text;

namespace MappingNets.Experiments.SyntheticData;

/// <summary>Numbers as a .npy file, version 1.0.</summary>
public static class NpyBytes
{
    // The numbers are to start at a multiple of this, as the format asks.
    private const int Alignment = 64;

    /// <summary>A file of single precision.</summary>
    /// <param name="numbers">The numbers, the last index fastest.</param>
    /// <param name="shape">How many there are along each axis.</param>
    public static byte[] Of(ReadOnlySpan<float> numbers, params int[] shape) => Of("<f4", MemoryMarshal.AsBytes(numbers), shape);

    /// <summary>A file of whole numbers.</summary>
    /// <param name="numbers">The numbers, the last index fastest.</param>
    /// <param name="shape">How many there are along each axis.</param>
    public static byte[] Of(ReadOnlySpan<long> numbers, params int[] shape) => Of("<i8", MemoryMarshal.AsBytes(numbers), shape);

    private static byte[] Of(string type, ReadOnlySpan<byte> numbers, int[] shape)
    {
        var description = $"{{'descr': '{type}', 'fortran_order': False, 'shape': ({string.Join(", ", shape)}{(shape.Length == 1 ? "," : "")}), }}";
        const int start = 10;
        var padding = (Alignment - ((start + description.Length + 1) % Alignment)) % Alignment;
        var header = Encoding.ASCII.GetBytes(description + new string(' ', padding) + "\n");
        return [0x93, .. "NUMPY"u8, 1, 0, (byte)header.Length, (byte)(header.Length >> 8), .. header, .. numbers];
    }
}
