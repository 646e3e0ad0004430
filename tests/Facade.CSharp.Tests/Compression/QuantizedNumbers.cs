using static TorchSharp.torch;

namespace MappingNets.Tests;

/// <summary>Numbers quantised and restored by the steps of a file's writer and reader.</summary>
internal sealed record QuantizedNumbers(Tensor Codes, Tensor Steps, Tensor Restored)
{
    public static QuantizedNumbers Of(Tensor numbers, int bits, long group)
    {
        var steps = Quantization.StepsOf(numbers, bits, group);
        var codes = Quantization.Pack(Quantization.WholeOf(numbers, steps, bits, group), bits);
        return new(codes, steps, Quantization.Multiplied(Quantization.Unpack(codes, numbers.shape[0]), steps, group));
    }
}
