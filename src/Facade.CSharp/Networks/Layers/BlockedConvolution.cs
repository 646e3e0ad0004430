using static TorchSharp.torch;

namespace MappingNets;

/// <summary>
/// A two-dimensional convolution whose results never depend on what memory held before. On the CPU libtorch 2.10 hands convolutions to
/// oneDNN 3.7, which computes in blocks of 16 channels and does not write the unused places of a block that it fills only in part: where
/// such a place holds a NaN by chance, zero times that NaN is NaN in the output (more than 16 input channels, no multiple of 16) or in
/// the input's gradient (output channels that are no multiple of 16). Channels of zeros fill the block here, so that nothing is left over.
/// </summary>
internal static class BlockedConvolution
{
    private const long Block = 16;

    /// <summary>(N, C_in, H, W), (C_out, C_in, k, k) and (C_out) or null to (N, C_out, H', W').</summary>
    public static Tensor Of(Tensor input, Tensor weight, Tensor? bias, long stride, long padding)
    {
        var (outputs, inputs) = (weight.shape[0], weight.shape[1]);
        // Below a block oneDNN reads the input as it lies.
        var missingInputs = inputs > Block ? Missing(inputs) : 0;
        var missingOutputs = is_grad_enabled() && input.requires_grad ? Missing(outputs) : 0;
        if (input.device_type != TorchSharp.DeviceType.CPU || (missingInputs == 0 && missingOutputs == 0))
            return Convolve(input, weight, bias);
        using var scope = NewDisposeScope();
        var filled = Convolve(
            missingInputs == 0 ? input : nn.functional.pad(input, [0, 0, 0, 0, 0, missingInputs]),
            nn.functional.pad(weight, [0, 0, 0, 0, 0, missingInputs, 0, missingOutputs]),
            bias is null || missingOutputs == 0 ? bias : nn.functional.pad(bias, [0, missingOutputs]));
        return (missingOutputs == 0 ? filled : filled.narrow(1, 0, outputs).contiguous()).MoveToOuterDisposeScope();

        Tensor Convolve(Tensor values, Tensor kernel, Tensor? shift) =>
            nn.functional.conv2d(values, kernel, shift, [stride, stride], [padding, padding]);
    }

    private static long Missing(long channels) => (Block - (channels % Block)) % Block;
}
