using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>Parts of tensors, and tensors of parts.</summary>
internal static class Parts
{
    public static Tensor[] Concat(NodeRun run)
    {
        Tensor[] parts = [.. run.Given.Select((_, index) => run.Input(index))];
        if (parts.Length == 0 || !run.Node.Has("axis"))
            throw run.Node.BadInput("it has no inputs or no axis");
        var axis = run.Axis(run.Node.Int("axis", 0), parts[0].dim());
        foreach (var part in parts)
            if (part.dtype != parts[0].dtype || part.dim() != parts[0].dim()
                || part.shape.Where((size, index) => index != axis && size != parts[0].shape[index]).Any())
                throw run.Node.BadInput(
                    $"{parts[0].dtype}{ShapeText.Of(parts[0].shape)} and {part.dtype}{ShapeText.Of(part.shape)} cannot be joined along axis {axis}");
        run.Bounded([.. parts[0].shape[..axis], parts.Sum(part => part.shape[axis]), .. parts[0].shape[(axis + 1)..]]);
        var device = parts.FirstOrDefault(part => part.device_type != DeviceType.CPU)?.device;
        return [cat(device is null ? parts : [.. parts.Select(part => part.to(device))], axis)];
    }

    // The sizes became an input in opset 13; opset 18 can give their number in their place.
    public static Tensor[] Split(NodeRun run)
    {
        var input = run.Input(0);
        var axis = run.Axis(run.Node.Int("axis", 0), input.dim());
        var whole = input.shape[axis];
        var count = run.Node.Outputs.Count;
        if (run.Node.Int("num_outputs", count) != count)
            throw run.Node.BadInput($"num_outputs is {run.Node.Int("num_outputs", count)}; it has {count} outputs");
        var each = (whole + count - 1) / count;
        var sizes = run.AxesOf("split", 1, 13) ?? [.. Enumerable.Range(0, count).Select(part => Math.Min(each, whole - part * each))];
        if (sizes.Length != count || sizes.Any(size => size < 0 || size > whole) || sizes.Sum() != whole)
            throw run.Node.BadInput($"the axis {axis} of {ShapeText.Of(input.shape)} cannot be split into {ShapeText.Of(sizes)}");
        var start = 0L;
        var parts = new Tensor[count];
        for (var part = 0; part < count; start += sizes[part++])
            parts[part] = input.narrow(axis, start, sizes[part]);
        return parts;
    }

    // Starts, ends, axes and steps became inputs in opset 10.
    public static Tensor[] Slice(NodeRun run)
    {
        var input = run.Input(0);
        var asInputs = run.AreInputs(10, ("starts", 1), ("ends", 2), ("axes", 3));
        var starts = (asInputs ? run.OptionalInts(1) : run.Node.Ints("starts")) ?? throw run.Node.BadInput("it has no starts");
        var ends = (asInputs ? run.OptionalInts(2) : run.Node.Ints("ends")) ?? throw run.Node.BadInput("it has no ends");
        var axes = (asInputs ? run.OptionalInts(3) : run.Node.Ints("axes")) ?? [.. Enumerable.Range(0, starts.Length).Select(axis => (long)axis)];
        var steps = (asInputs ? run.OptionalInts(4) : null) ?? [.. Enumerable.Repeat(1L, starts.Length)];
        if (ends.Length != starts.Length || axes.Length != starts.Length || steps.Length != starts.Length)
            throw run.Node.BadInput("its starts, ends, axes and steps are not equally many");
        var result = input;
        for (var index = 0; index < starts.Length; index++)
            result = Along(run, result, run.Axis(axes[index], input.dim()), starts[index], ends[index], steps[index]);
        return [ReferenceEquals(result, input) ? input.alias() : result];
    }

    private static Tensor Along(NodeRun run, Tensor input, int axis, long start, long end, long step)
    {
        var size = input.shape[axis];
        if (step == 0)
            throw run.Node.BadInput("a step is 0");
        var (from, to) = (start < 0 ? start + size : start, end < 0 ? end + size : end);
        if (step > 0)
        {
            (from, to) = (Math.Clamp(from, 0, size), Math.Clamp(to, 0, size));
            return to <= from ? input.narrow(axis, 0, 0) : input.slice(axis, from, to, Math.Min(step, size));
        }

        if (size == 0)
            return input.narrow(axis, 0, 0);
        // libtorch knows no negative steps: the places are listed.
        (from, to) = (Math.Clamp(from, 0, size - 1), Math.Clamp(to, -1, size - 1));
        if (from <= to)
            return input.narrow(axis, 0, 0);
        using var places = arange(from, to, Math.Max(step, -size - 1), dtype: ScalarType.Int64, device: input.device);
        return input.index_select(axis, places);
    }

    public static Tensor[] Gather(NodeRun run)
    {
        var (input, places) = (run.Input(0), run.Input(1));
        var axis = run.Axis(run.Node.Int("axis", 0), input.dim());
        var size = input.shape[axis];
        if (places.is_floating_point())
            throw run.Node.BadInput($"its places are {places.dtype}; they must be whole numbers");
        var shape = run.Bounded([.. input.shape[..axis], .. places.shape, .. input.shape[(axis + 1)..]]);
        var flat = places.to(ScalarType.Int64).reshape(-1);
        using (no_grad())
            if (flat.numel() > 0 && (flat.min().item<long>() < -size || flat.max().item<long>() >= size))
                throw run.Node.BadInput($"it is to take a place outside the {size} along axis {axis}");
        // Negative places count from the end.
        var found = flat.remainder(Math.Max(size, 1)).to(input.device);
        return [input.index_select(axis, found).reshape(shape)];
    }
}
