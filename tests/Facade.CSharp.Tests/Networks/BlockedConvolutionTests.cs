using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

/// <summary>Convolutions whose channels do not fill oneDNN's blocks of 16, in memory that held NaN before.</summary>
public sealed class BlockedConvolutionTests
{
    [Theory]
    [InlineData(4, 4, 3, 1, 1)]
    [InlineData(1, 10, 3, 1, 0)]
    [InlineData(8, 8, 3, 2, 1)]
    [InlineData(16, 19, 1, 1, 0)]
    [InlineData(20, 16, 3, 1, 0)]
    [InlineData(40, 24, 3, 1, 1)]
    public void Memory_that_held_NaN_reaches_no_output_and_no_gradient(long inputs, long outputs, long kernel, long stride, long padding)
    {
        for (var round = 0; round < 30; round++)
        {
            using var scope = NewDisposeScope();
            var input = rand(16, inputs, 6, 6, dtype: float32, requires_grad: true);
            var weight = rand(outputs, inputs, kernel, kernel, dtype: float32, requires_grad: true);
            var bias = rand(outputs, dtype: float32, requires_grad: true);
            LeaveNaN();

            var output = BlockedConvolution.Of(input, weight, bias, stride, padding);
            LeaveNaN();
            output.sum().backward();

            foreach (var values in new[] { output, input.grad!, weight.grad!, bias.grad! })
                Assert.True(values.isfinite().all().item<bool>(), $"Round {round}: {values.isnan().sum().item<long>()} NaN in {values}.");
        }
    }

    [Theory]
    [InlineData(4, 4)]
    [InlineData(20, 24)]
    [InlineData(16, 32)]
    public void The_filled_block_gives_the_convolution_and_its_gradients(long inputs, long outputs)
    {
        using var scope = NewDisposeScope();
        manual_seed(3);
        var tensors = new[] { rand(4, inputs, 7, 7, dtype: float64), rand(outputs, inputs, 3, 3, dtype: float64), rand(outputs, dtype: float64) };
        var plain = tensors.Select(tensor => tensor.clone().requires_grad_()).ToArray();
        var filled = tensors.Select(tensor => tensor.to(float32).requires_grad_()).ToArray();

        var expected = nn.functional.conv2d(plain[0], plain[1], plain[2], [2L, 2L], [1L, 1L]);
        var found = BlockedConvolution.Of(filled[0], filled[1], filled[2], stride: 2, padding: 1);
        expected.square().sum().backward();
        found.square().sum().backward();

        Assert.True((expected - found).abs().max().ToDouble() < 1e-5 * expected.abs().max().ToDouble());
        foreach (var (one, other) in plain.Zip(filled))
            Assert.True((one.grad! - other.grad!).abs().max().ToDouble() < 1e-5 * one.grad!.abs().max().ToDouble());
    }

    // Where the processor does not tell the sizes of its caches, libtorch's own way back of the last ends the process by a division by 0.
    [Theory]
    [InlineData(6, 8, 7, 2)]
    [InlineData(24, 20, 8, 3)]
    [InlineData(512, 1024, 8, 2)]
    public void A_strided_kernel_of_one_place_is_its_definition_and_so_are_its_gradients(long inputs, long outputs, long size, long stride)
    {
        using var scope = NewDisposeScope();
        manual_seed(3);
        var tensors = new[] { rand(2, inputs, size, size, dtype: float64), rand(outputs, inputs, 1, 1, dtype: float64) };
        var plain = tensors.Select(tensor => tensor.clone().requires_grad_()).ToArray();
        var thinned = tensors.Select(tensor => tensor.to(float32).requires_grad_()).ToArray();

        var expected = nn.functional.conv2d(plain[0], plain[1], null, [stride, stride]);
        var found = BlockedConvolution.Of(thinned[0], thinned[1], null, stride, padding: 0);
        expected.square().sum().backward();
        found.square().sum().backward();

        Assert.Equal(expected.shape, found.shape);
        Assert.True((expected - found).abs().max().ToDouble() < 1e-5 * expected.abs().max().ToDouble());
        foreach (var (one, other) in plain.Zip(thinned))
            Assert.True((one.grad! - other.grad!).abs().max().ToDouble() < 1e-5 * one.grad!.abs().max().ToDouble());
    }

    // libtorch's own transposed convolution of these is wrong for several samples, on some processors always.
    [Theory]
    [InlineData(1, 1, 2, 1, 0)]
    [InlineData(4, 3, 3, 1, 1)]
    [InlineData(16, 40, 3, 1, 0)]
    [InlineData(20, 24, 5, 2, 1)]
    [InlineData(40, 2, 3, 1, 0)]
    public void A_transposed_convolution_is_its_definition_and_so_are_its_gradients(long inputs, long outputs, long kernel, long stride, long padding)
    {
        using var scope = NewDisposeScope();
        manual_seed(3);
        var tensors = new[] { rand(3, inputs, 6, 6, dtype: float64), rand(inputs, outputs, kernel, kernel, dtype: float64), rand(outputs, dtype: float64) };
        var plain = tensors.Select(tensor => tensor.clone().requires_grad_()).ToArray();
        var filled = tensors.Select(tensor => tensor.to(float32).requires_grad_()).ToArray();

        // Double precision takes another way through libtorch.
        var expected = nn.functional.conv_transpose2d(plain[0], plain[1], plain[2], [stride, stride], [padding, padding]);
        var found = BlockedConvolution.Transposed(filled[0], filled[1], filled[2], stride, padding);
        expected.square().sum().backward();
        found.square().sum().backward();

        Assert.Equal(expected.shape, found.shape);
        Assert.True((expected - found).abs().max().ToDouble() < 1e-5 * expected.abs().max().ToDouble());
        foreach (var (one, other) in plain.Zip(filled))
            Assert.True((one.grad! - other.grad!).abs().max().ToDouble() < 1e-5 * one.grad!.abs().max().ToDouble());
    }

    /// <summary>Frees blocks full of NaN of the sizes that the convolution will ask for.</summary>
    private static void LeaveNaN()
    {
        using var scope = NewDisposeScope();
        foreach (var count in new[] { 256, 2_304, 4_096, 9_216, 4_608, 18_432, 6_400 })
            for (var copy = 0; copy < 4; copy++)
                full([count], float.NaN, dtype: float32);
    }
}
