using static TorchSharp.torch;

namespace MappingNets;

/// <summary>Means, sums and extremes along axes.</summary>
internal static class Reductions
{
    // The axes became an input in opset 18, for the sum in opset 13.
    public static Tensor[] Mean(NodeRun run) => [Along(run, 18, (input, axes, keep) => input.mean(axes, keep))];

    public static Tensor[] Sum(NodeRun run) => [Along(run, 13, (input, axes, keep) => input.sum(axes, keep))];

    public static Tensor[] Largest(NodeRun run) => [Along(run, 18, (input, axes, keep) => input.amax(axes, keep))];

    public static Tensor[] Least(NodeRun run) => [Along(run, 18, (input, axes, keep) => input.amin(axes, keep))];

    private static Tensor Along(NodeRun run, long inputSince, Func<Tensor, long[], bool, Tensor> reduce)
    {
        var input = run.Input(0);
        var axes = run.AxesOf("axes", 1, inputSince) ?? [];
        if (axes.Length == 0 && run.Node.Flag("noop_with_empty_axes"))
            return input.alias();
        return reduce(
            input,
            axes.Length == 0
                ? [.. Enumerable.Range(0, (int)input.dim()).Select(axis => (long)axis)]
                : [.. axes.Select(axis => (long)run.Axis(axis, input.dim()))],
            run.Node.Flag("keepdims", true));
    }
}
