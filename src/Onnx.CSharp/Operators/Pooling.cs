using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>Pooling over one to three axes.</summary>
internal static class Pooling
{
    public static Tensor[] Largest(NodeRun run)
    {
        if (run.Node.WantedOutputs.Skip(1).Any(output => output.Length > 0))
            throw run.Node.Fault("the places of the maxima are wanted as an output");
        var (input, windows) = Prepared(run);
        return [Filled(run, input, windows, double.NegativeInfinity, (filled, valid) => valid.Kernel.Length switch
        {
            1 => nn.functional.max_pool1d(filled, valid.Kernel[0], valid.Strides[0], 0, valid.Dilations[0]),
            2 => nn.functional.max_pool2d(filled, valid.Kernel, valid.Strides, [0, 0], valid.Dilations),
            _ => nn.functional.max_pool3d(filled, valid.Kernel, valid.Strides, [0, 0, 0], valid.Dilations),
        })];
    }

    // The sum over each window divided by the number of elements that count: those of the input, or of the padded input.
    public static Tensor[] Average(NodeRun run)
    {
        var (input, windows) = Prepared(run);
        if (windows.Dilations.Any(step => step != 1))
            throw run.Node.Fault("it has dilations");
        var sums = Filled(run, input, windows, 0, Mean);
        var counted = ones([1, 1, .. input.shape[2..]], input.dtype, input.device);
        if (run.Node.Flag("count_include_pad"))
        {
            counted = nn.functional.pad(counted, windows.ForPad(), PaddingModes.Constant, 1);
            windows = windows with { Before = new long[windows.Kernel.Length], After = new long[windows.Kernel.Length] };
        }

        var counts = Filled(run, counted, windows, 0, Mean);
        // Here the padding is a part of the input, in which one more window may begin at the end of an axis.
        for (var axis = 2; axis < sums.dim(); axis++)
            counts = counts.narrow(axis, 0, sums.shape[axis]);
        return [sums.div(counts)];
    }

    public static Tensor[] GlobalAverage(NodeRun run) => [run.Input(0).mean(Spatial(run), keepdim: true)];

    public static Tensor[] GlobalLargest(NodeRun run) => [run.Input(0).amax(Spatial(run), keepdim: true)];

    private static Tensor Mean(Tensor filled, Windows valid) => valid.Kernel.Length switch
    {
        1 => nn.functional.avg_pool1d(filled, valid.Kernel[0], valid.Strides[0]),
        2 => nn.functional.avg_pool2d(filled, valid.Kernel, valid.Strides),
        _ => nn.functional.avg_pool3d(filled, valid.Kernel, valid.Strides),
    };

    private static long[] Spatial(NodeRun run) => run.Input(0).dim() > 2
        ? [.. Enumerable.Range(2, (int)run.Input(0).dim() - 2).Select(axis => (long)axis)]
        : throw run.Node.BadInput($"its input has the shape {ShapeText.Of(run.Input(0).shape)}, without spatial axes");

    private static (Tensor Input, Windows Windows) Prepared(NodeRun run)
    {
        var input = run.Input(0);
        var kernel = run.Node.Ints("kernel_shape") ?? throw run.Node.Fault("it has no kernel_shape");
        if (run.Node.Flag("storage_order"))
            throw run.Node.Fault("storage_order is 1");
        return (input, Windows.Of(run, kernel, input.dim() > 2 ? input.shape[2..] : throw run.Node.BadInput("its input has no spatial axes")));
    }

    // Padding is done here: ONNX's may differ at both ends, exceed half a window, and be followed by a window that is cut off.
    private static Tensor Filled(NodeRun run, Tensor input, Windows windows, double value, Func<Tensor, Windows, Tensor> pool)
    {
        var ceiling = run.Node.Flag("ceil_mode");
        var count = windows.Kernel.Length;
        var after = (long[])windows.After.Clone();
        for (var axis = 0; axis < count; axis++)
        {
            var size = input.shape[2 + axis];
            var outputs = windows.Count(axis, size, ceiling);
            if (outputs < 1)
                throw run.Node.BadInput($"its window {ShapeText.Of(windows.Kernel)} is larger than the padded input {ShapeText.Of(input.shape)}");
            var needed = (outputs - 1) * windows.Strides[axis] + (windows.Kernel[axis] - 1) * windows.Dilations[axis] + 1;
            after[axis] = Math.Max(after[axis], needed - size - windows.Before[axis]);
        }

        var padded = windows with { After = after };
        run.Bounded([.. input.shape[..2], .. padded.Padded(input.shape[2..])]);
        var filled = padded.Before.Concat(after).Any(size => size > 0)
            ? nn.functional.pad(input, padded.ForPad(), PaddingModes.Constant, value)
            : input;
        return pool(filled, padded);
    }
}
