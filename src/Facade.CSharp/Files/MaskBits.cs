using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>Booleans as bits: eight a byte, the first in the lowest bit, zeros after the last.</summary>
internal static class MaskBits
{
    /// <summary>(n) booleans to (n / 8, rounded up) bytes.</summary>
    public static Tensor Pack(Tensor mask)
    {
        var bits = nn.functional.pad(mask.to(uint8), (0, (8 - (mask.shape[0] % 8)) % 8)).view(-1, 8);
        return (bits * Powers()).sum(1, type: ScalarType.Byte);
    }

    /// <summary>Bytes to (count) booleans.</summary>
    public static Tensor Unpack(Tensor bytes, long count)
    {
        // Only the booleans stay: a byte for each bit would be as much again.
        using var powers = Powers();
        using var bits = bytes.unsqueeze(1).bitwise_and(powers);
        using var zero = tensor((byte)0, device: CPU);
        return bits.ne(zero).view(-1).narrow(0, 0, count);
    }

    /// <summary>How many bytes so many booleans take.</summary>
    public static long Length(long count) => (count + 7) / 8;

    private static Tensor Powers() => tensor(new byte[] { 1, 2, 4, 8, 16, 32, 64, 128 }, device: CPU);
}
