using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>
/// Symmetric quantisation: the numbers of a group are whole multiples of one step,
/// <code>
/// x ~ q * step,    q = round(x / step) in [-L, L],    step = max |x| / L,    L = 127 (8 bits) or 7 (4 bits),
/// </code>
/// the step kept in half precision, rounded up where it is below 2^-14, so that the few bits it has there cut no number. Two codes of 4 bits
/// share a byte.
/// </summary>
internal static class Quantization
{
    /// <summary>Below this half precision has fewer bits: its numbers are the multiples of <see cref="SmallestStep"/>.</summary>
    private static readonly float SmallestNormalStep = MathF.ScaleB(1, -14);

    private static readonly float SmallestStep = MathF.ScaleB(1, -24);

    /// <summary>Whether a group that is not all zeros has a step too small for half precision, so that most of its numbers would become zeros.</summary>
    public static bool HasTooSmallStep(Tensor numbers, int bits, long group)
    {
        using var scope = NewDisposeScope();
        var exact = ExactSteps(numbers, bits, group);
        return exact.lt(SmallestStep).logical_and(exact.gt(0)).any().item<bool>();
    }

    /// <summary>The step of each group, half precision, shape (groups).</summary>
    /// <param name="numbers">Shape (n), in single precision.</param>
    /// <param name="bits">8 or 4.</param>
    /// <param name="group">How many neighbours share a step; the last group may be smaller.</param>
    /// <exception cref="ArgumentOutOfRangeException">There are no codes of so many bits.</exception>
    public static Tensor StepsOf(Tensor numbers, int bits, long group)
    {
        // A group of zeros would divide by 0; any step does for it.
        var exact = ExactSteps(numbers, bits, group).clamp_min(1e-7);
        return where(exact.lt(SmallestNormalStep), (exact / SmallestStep).ceil() * SmallestStep, exact).to(float16);
    }

    /// <summary>The multiples, as floats, shape (n).</summary>
    public static Tensor WholeOf(Tensor numbers, Tensor steps, int bits, long group) =>
        (numbers / Repeated(steps, group, numbers.shape[0])).round().clamp(-Levels(bits), Levels(bits));

    /// <summary>Whole multiples as bytes: one a number for 8 bits, one for two numbers for 4.</summary>
    public static Tensor Pack(Tensor whole, int bits)
    {
        if (bits == 8)
            return whole.to(int8);
        // -7 ... 7 as 1 ... 15; an odd number of them ends with a 0.
        var nibbles = nn.functional.pad(whole + 8, (0, whole.shape[0] % 2)).to(uint8).view(-1, 2);
        return nibbles.select(1, 0) + (nibbles.select(1, 1) * 16);
    }

    /// <summary>Bytes as whole multiples, floats of shape (n).</summary>
    public static Tensor Unpack(Tensor codes, long count)
    {
        if (codes.dtype == ScalarType.Int8)
            return codes.to(float32);
        // Code by code into the tensor that is returned: whole tensors in between would take several times its memory.
        using var bytes = codes.cpu().contiguous();
        var whole = empty(count, float32, device: CPU);
        var place = 0L;
        foreach (var part in TensorBytes.Parts(whole))
        {
            var values = MemoryMarshal.Cast<byte, float>(part.bytes);
            // Parts begin at even places: they are as long as a power of two.
            using var own = bytes.narrow(0, place / 2, (values.Length + 1) / 2);
            var stored = own.bytes;
            for (var index = 0; index < values.Length; index++)
                values[index] = ((index % 2 == 0 ? stored[index / 2] : stored[index / 2] >> 4) & 15) - 8;
            place += values.Length;
        }

        return whole.to(codes.device);
    }

    /// <summary>Whole multiples times their steps, in the memory of the multiples.</summary>
    public static Tensor Multiplied(Tensor whole, Tensor steps, long group)
    {
        var count = whole.shape[0];
        var size = Math.Min(group, Math.Max(1, count));
        using var precise = steps.to(float32);
        var groups = count / size;
        using (var first = whole.narrow(0, 0, groups * size).view(groups, size))
        using (var factors = precise.narrow(0, 0, groups).unsqueeze(1))
            first.mul_(factors);
        if (groups * size < count)
            using (var rest = whole.narrow(0, groups * size, count - (groups * size)))
            using (var factor = precise.narrow(0, groups, 1))
                rest.mul_(factor);
        return whole;
    }

    private static Tensor ExactSteps(Tensor numbers, int bits, long group) =>
        nn.functional.pad(numbers, (0, (group - (numbers.shape[0] % group)) % group)).view(-1, group).abs().amax([1]) / Levels(bits);

    // A group larger than the tensor is the tensor, whatever size a file gives it.
    private static Tensor Repeated(Tensor steps, long group, long count) =>
        steps.to(float32).repeat_interleave(Math.Min(group, Math.Max(1, count))).narrow(0, 0, count);

    private static int Levels(int bits) => bits is 8 or 4
        ? (1 << (bits - 1)) - 1
        : throw new ArgumentOutOfRangeException(nameof(bits), bits, "There are codes of 8 and of 4 bits.");
}
