using static TorchSharp.torch;

namespace MappingNets;

/// <summary>Means and sums along axes.</summary>
internal static class Reductions
{
    // The axes became an input in opset 18 for the mean and in opset 13 for the sum.
    public static Tensor[] Mean(NodeRun run) => [Along(run, 18, (input, axes, keep) => input.mean(axes, keep))];

    public static Tensor[] Sum(NodeRun run) => [Along(run, 13, (input, axes, keep) => input.sum(axes, keep))];

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
