using static TorchSharp.torch;

namespace MappingNets;

/// <summary>
/// Convolutions whose results never depend on what memory held before. On the CPU libtorch 2.10 hands convolutions of one group to oneDNN
/// 3.7, which computes in blocks of 16 channels and does not clear the unused places of a block that it fills only in part: outputs and
/// gradients are wrong then, or NaN, on some processors always and on others rarely. Concerned are sums over more than 16 input channels that
/// are no multiple of 16, and sums over output channels, in the input's gradient, that are no multiple of 16; a transposed convolution is
/// such a gradient, so that it is concerned in its outputs too. Channels of zeros fill the block here, so that nothing is left over.
/// And on processors that do not tell the sizes of their caches it divides by 0 where it plans the input's gradient of a convolution of kernel 1 and
/// a larger stride over many channels, which ends the process: here the input is thinned out first, and the stride is 1.
/// </summary>
internal static class BlockedConvolution
{
    private const long Block = 16;

    /// <summary>(N, C_in, H, W), (C_out, C_in, k, k) and (C_out) or null to (N, C_out, H', W').</summary>
    public static Tensor Of(Tensor input, Tensor weight, Tensor? bias, long stride, long padding)
    {
        using var scope = NewDisposeScope();
        var (values, strides) = Thinned(input, weight, [stride, stride], [padding, padding]);
        return Filled(values, weight, bias, (filled, kernel, shift) => nn.functional.conv2d(filled, kernel, shift, strides, [padding, padding]))
            .MoveToOuterDisposeScope();
    }

    /// <summary>
    /// The places that a convolution of kernel 1 reads, and strides of 1, with which it gives the same on them; input and strides as they are for
    /// other convolutions, and where the input gets no gradient.
    /// </summary>
    /// <param name="input">Shape (N, C_in, ...).</param>
    /// <param name="weight">Shape (C_out, C_in, ...).</param>
    /// <param name="strides">One for each axis.</param>
    /// <param name="paddings">One for each axis.</param>
    public static (Tensor Input, long[] Strides) Thinned(Tensor input, Tensor weight, long[] strides, long[] paddings)
    {
        if (input.device_type != TorchSharp.DeviceType.CPU || !is_grad_enabled() || !input.requires_grad
            || weight.shape[2..].Any(size => size > 1) || strides.All(stride => stride == 1) || paddings.Any(padding => padding > 0))
            return (input, strides);
        for (var axis = 0; axis < strides.Length; axis++)
            input = input.slice(2 + axis, 0, input.shape[2 + axis], strides[axis]);
        return (input.contiguous(), [.. strides.Select(_ => 1L)]);
    }

    /// <summary>(N, C_in, H, W), (C_in, C_out, k, k) and (C_out) or null to (N, C_out, H', W'), transposed.</summary>
    public static Tensor Transposed(Tensor input, Tensor weight, Tensor? bias, long stride, long padding) => FilledTransposed(
        input, weight, bias, (values, kernel, shift) => nn.functional.conv_transpose2d(values, kernel, shift, [stride, stride], [padding, padding]));

    /// <summary>A convolution of one group over any number of axes.</summary>
    /// <param name="input">Shape (N, C_in, ...).</param>
    /// <param name="weight">Shape (C_out, C_in, ...).</param>
    /// <param name="bias">Shape (C_out) or null.</param>
    /// <param name="convolve">Convolves such tensors of any number of channels.</param>
    public static Tensor Filled(Tensor input, Tensor weight, Tensor? bias, Func<Tensor, Tensor, Tensor?, Tensor> convolve)
    {
        var (outputs, inputs) = (weight.shape[0], weight.shape[1]);
        // Below a block oneDNN reads the input as it lies.
        return Filled(
            input, weight, bias, 1, inputs > Block ? Missing(inputs) : 0, 0, is_grad_enabled() && input.requires_grad ? Missing(outputs) : 0, convolve);
    }

    /// <summary>A transposed convolution of one group over any number of axes.</summary>
    /// <param name="input">Shape (N, C_in, ...).</param>
    /// <param name="weight">Shape (C_in, C_out, ...).</param>
    /// <param name="bias">Shape (C_out) or null.</param>
    /// <param name="convolve">Convolves such tensors of any number of channels.</param>
    public static Tensor FilledTransposed(Tensor input, Tensor weight, Tensor? bias, Func<Tensor, Tensor, Tensor?, Tensor> convolve)
    {
        var (inputs, outputs) = (weight.shape[0], weight.shape[1]);
        return Filled(input, weight, bias, 0, Missing(inputs), 1, outputs > Block ? Missing(outputs) : 0, convolve);
    }

    private static Tensor Filled(
        Tensor input, Tensor weight, Tensor? bias,
        int inputAxis, long missingInputs, int outputAxis, long missingOutputs, Func<Tensor, Tensor, Tensor?, Tensor> convolve)
    {
        if (input.device_type != TorchSharp.DeviceType.CPU || (missingInputs == 0 && missingOutputs == 0))
            return convolve(input, weight, bias);
        using var scope = NewDisposeScope();
        var filled = convolve(
            Padded(input, (1, missingInputs)),
            Padded(weight, (inputAxis, missingInputs), (outputAxis, missingOutputs)),
            bias is null ? null : Padded(bias, (0, missingOutputs)));
        return (missingOutputs == 0 ? filled : filled.narrow(1, 0, weight.shape[outputAxis]).contiguous()).MoveToOuterDisposeScope();
    }

    // Zeros behind the last places of some axes.
    private static Tensor Padded(Tensor tensor, params (int Axis, long Missing)[] axes)
    {
        if (axes.All(axis => axis.Missing == 0))
            return tensor;
        var pads = new long[2 * tensor.dim()];
        foreach (var (axis, missing) in axes)
            pads[(2 * ((int)tensor.dim() - 1 - axis)) + 1] = missing;
        return nn.functional.pad(tensor, pads);
    }

    private static long Missing(long channels) => (Block - (channels % Block)) % Block;
}
