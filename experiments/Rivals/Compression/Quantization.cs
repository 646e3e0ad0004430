using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets.Experiments.Rivals.Compression;

/// <summary>
/// Symmetric quantisation: the numbers of a group are whole multiples of one step,
/// <code>
/// x ~ q * step,    q = round(x / step) in [-L, L],    step = max |x| / L,    L = 127 (int8) or 7 (int4),
/// </code>
/// the step kept in half precision. Two int4 share a byte. What is measured is what comes back from the bytes.
/// </summary>
/// <param name="Codes">The bytes: one a number for int8, one for two numbers for int4; half-precision numbers for fp16.</param>
/// <param name="Steps">The step of each group, half precision, shape (groups); null for fp16.</param>
/// <param name="Count">How many numbers they stand for.</param>
internal sealed record Quantization(Tensor Codes, Tensor? Steps, long Count)
{
    /// <summary>How many bytes the codes and the steps take.</summary>
    public long Bytes => (Codes.numel() * Codes.element_size()) + ((Steps?.numel() ?? 0) * 2);

    /// <summary>The numbers in half precision.</summary>
    /// <param name="numbers">Shape (n).</param>
    public static Quantization ToHalf(Tensor numbers) => new(numbers.to(float16), null, numbers.shape[0]);

    /// <summary>The numbers in whole multiples of a step for each group.</summary>
    /// <param name="numbers">Shape (n), in single precision.</param>
    /// <param name="bits">8 or 4.</param>
    /// <param name="group">How many neighbours share a step; the last group may be smaller.</param>
    public static Quantization ToWhole(Tensor numbers, int bits, long group)
    {
        if (bits is not (8 or 4))
            throw new ArgumentOutOfRangeException(nameof(bits), bits, "There are codes of 8 and of 4 bits.");
        var levels = (1 << (bits - 1)) - 1;
        var rows = nn.functional.pad(numbers, (0, (group - (numbers.shape[0] % group)) % group)).view(-1, group);
        // A group of zeros would divide by 0; any step does for it.
        var steps = (rows.abs().amax([1]) / levels).clamp_min(1e-7).to(float16);
        var whole = (rows / steps.to(float32).unsqueeze(1)).round().clamp(-levels, levels).view(-1).narrow(0, 0, numbers.shape[0]);
        return new(bits == 8 ? whole.to(int8) : Packed(whole), steps, numbers.shape[0]);
    }

    /// <summary>The numbers that the bytes stand for, single precision, shape (n).</summary>
    /// <param name="group">As it was when they were made; not read for fp16.</param>
    public Tensor Restored(long group)
    {
        if (Steps is null)
            return Codes.to(float32);
        var whole = Codes.dtype == ScalarType.Int8 ? Codes.to(float32) : Unpacked();
        return whole * Steps.to(float32).repeat_interleave(group).narrow(0, 0, Count);
    }

    private static Tensor Packed(Tensor whole)
    {
        // -7 ... 7 as 1 ... 15; an odd number of them ends with a 0.
        var nibbles = nn.functional.pad(whole + 8, (0, whole.shape[0] % 2)).to(uint8).view(-1, 2);
        return nibbles.select(1, 0) + (nibbles.select(1, 1) * 16);
    }

    private Tensor Unpacked()
    {
        var low = Codes.remainder(16).to(float32);
        var high = ((Codes.to(float32) - low) / 16).round();
        return stack([low, high], 1).view(-1).narrow(0, 0, Count) - 8;
    }
}
