using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>
/// Resize: along each axis whose size changes, an output is a weighted sum of one (nearest), two (linear) or four (cubic) inputs. Where
/// they lie follows from the coordinate of the output in the input, which has as many definitions as exporters.
/// </summary>
internal static class Resizing
{
    public static Tensor[] Resize(NodeRun run)
    {
        var (node, input) = (run.Node, run.Input(0));
        if (node.Flag("antialias") || node.Text("keep_aspect_ratio_policy", "stretch") != "stretch")
            throw node.Fault("antialias and keep_aspect_ratio_policy are not understood");
        if (node.Text("coordinate_transformation_mode", "half_pixel") == "tf_crop_and_resize")
            throw node.Fault("its coordinates are tf_crop_and_resize");
        var rank = (int)input.dim();
        var axes = node.Ints("axes") is { } named ? named.Select(axis => run.Axis(axis, rank)).ToArray() : [.. Enumerable.Range(0, rank)];
        // Opset 11 put a region of interest before the scales.
        var scales = run.OptionalFloats(node.Opset >= 11 ? 2 : 1);
        var sizes = node.Opset >= 11 ? run.OptionalInts(3) : null;
        if ((sizes?.Length ?? scales?.Length) != axes.Length)
            throw node.BadInput($"it has neither {axes.Length} scales nor {axes.Length} sizes");
        var shape = input.shape;
        for (var index = 0; index < axes.Length; index++)
        {
            var size = input.shape[axes[index]];
            // In single precision, as ONNX Runtime rounds it: ten times the float next to 0.7, which is below it, are 7.
            shape[axes[index]] = sizes is null ? (long)MathF.Floor(size * (float)scales![index]) : sizes[index];
        }

        run.Bounded(shape);
        // Between whole numbers lie others: cut off at the end, as ONNX Runtime does, and not after each axis.
        var isWhole = !input.is_floating_point() && node.Text("mode", "nearest") != "nearest";
        var result = isWhole ? input.to(ScalarType.Float64) : input.alias();
        for (var index = 0; index < axes.Length; index++)
        {
            var (size, outputs) = (input.shape[axes[index]], shape[axes[index]]);
            var scale = sizes is null ? scales![index] : (double)outputs / size;
            if (size < 1 || outputs < 1 || !(scale > 0))
                throw node.BadInput($"{ShapeText.Of(input.shape)} cannot become {ShapeText.Of(shape)}");
            if (outputs == size && scale == 1)
                continue;
            // One axis grows before the next shrinks, and each place along it has up to four weights and as many sources, of eight bytes and in some steps twice.
            var between = result.shape;
            between[axes[index]] = outputs;
            run.Bounded(between);
            run.Bounded([outputs, 32]);
            result = Along(run, result, axes[index], size, outputs, scale);
        }

        return [isWhole ? result.to(input.dtype) : result];
    }

    private static Tensor Along(NodeRun run, Tensor input, int axis, long size, long outputs, double scale)
    {
        var node = run.Node;
        double[] places = [.. Enumerable.Range(0, (int)outputs).Select(output => Place(node, output, size, outputs, scale))];
        switch (node.Text("mode", "nearest"))
        {
            case "nearest":
                return Taken(input, axis, [.. places.Select(place => Math.Clamp(Nearest(node, place, scale), 0, size - 1))]);
            case "linear":
                double[] inside = [.. places.Select(place => Math.Clamp(place, 0, size - 1))];
                return Sum(input, axis, size, inside, [(0, rest => 1 - rest), (1, rest => rest)], exclude: false);
            case "cubic":
                var a = node.Float("cubic_coeff_a", -0.75f);
                return Sum(
                    input, axis, size, places,
                    [(-1, rest => Far(a, 1 + rest)), (0, rest => Near(a, rest)), (1, rest => Near(a, 1 - rest)), (2, rest => Far(a, 2 - rest))],
                    node.Flag("exclude_outside"));
            case var mode:
                throw node.Fault($"the mode '{mode}' is not one of nearest, linear and cubic");
        }
    }

    // Keys's cubic, within one step of the place and within two.
    private static double Near(double a, double x) => ((a + 2) * x - (a + 3)) * x * x + 1;

    private static double Far(double a, double x) => ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;

    private static Tensor Sum(
        Tensor input, int axis, long size, double[] places, (int Offset, Func<double, double> Weight)[] taps, bool exclude)
    {
        var weights = new double[taps.Length][];
        var sources = new long[taps.Length][];
        for (var tap = 0; tap < taps.Length; tap++)
        {
            var (offset, weight) = taps[tap];
            long[] raw = [.. places.Select(place => (long)Math.Floor(place) + offset)];
            sources[tap] = [.. raw.Select(place => Math.Clamp(place, 0, size - 1))];
            weights[tap] = [.. places.Select((place, index) =>
                exclude && (raw[index] < 0 || raw[index] >= size) ? 0 : weight(place - Math.Floor(place)))];
        }

        long[] shape = [.. Enumerable.Repeat(1L, (int)input.dim())];
        shape[axis] = places.Length;
        Tensor? sum = null;
        for (var tap = 0; tap < taps.Length; tap++)
        {
            double[] shares = exclude
                ? [.. weights[tap].Select((weight, index) => weight / weights.Sum(row => row[index]))]
                : weights[tap];
            var part = Taken(input, axis, sources[tap]).mul(tensor(shares, device: CPU).to(input.dtype, input.device).reshape(shape));
            sum = sum is null ? part : sum.add(part);
        }

        return sum!;
    }

    private static Tensor Taken(Tensor input, int axis, long[] places) =>
        input.index_select(axis, tensor(places, dtype: ScalarType.Int64, device: input.device));

    // In single precision, as ONNX Runtime computes it: a place half way between two is rounded by its last bit.
    private static double Place(OnnxNode node, float output, float size, float outputs, double exact)
    {
        var scale = (float)exact;
        return node.Text("coordinate_transformation_mode", node.Opset >= 11 ? "half_pixel" : "asymmetric") switch
        {
            "half_pixel" => (output + 0.5f) / scale - 0.5f,
            "pytorch_half_pixel" => outputs > 1 ? (output + 0.5f) / scale - 0.5f : 0,
            "asymmetric" => output / scale,
            "align_corners" => outputs == 1 ? 0 : output * (size - 1) / (outputs - 1),
            "half_pixel_symmetric" => (size / 2) * (1 - outputs / (scale * size)) + (output + 0.5f) / scale - 0.5f,
            var mode => throw node.Fault($"its coordinates are '{mode}'"),
        };
    }

    private static long Nearest(OnnxNode node, double place, double scale) =>
        (long)(node.Text("nearest_mode", node.Opset >= 11 ? "round_prefer_floor" : "simple") switch
        {
            "round_prefer_floor" => Math.Ceiling(place - 0.5),
            "round_prefer_ceil" => Math.Floor(place + 0.5),
            "floor" => Math.Floor(place),
            "ceil" => Math.Ceiling(place),
            // Opset 10 did not say; ONNX Runtime takes the place itself where it enlarges and the next one where it reduces.
            "simple" => scale < 1 ? Math.Ceiling(place) : Math.Floor(place),
            var mode => throw node.Fault($"nearest_mode is '{mode}'"),
        });
}
