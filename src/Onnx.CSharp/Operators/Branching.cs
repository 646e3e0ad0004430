using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>The choice of one of two branches.</summary>
internal static class Branching
{
    public static Tensor[] If(NodeRun run)
    {
        if (run.Node.Branches is not [("then_branch", var then), ("else_branch", var otherwise)])
            throw run.Node.Fault("it lacks a branch");
        var condition = run.Input(0);
        if (condition.numel() != 1)
            throw run.Node.BadInput($"its condition has the shape {ShapeText.Of(condition.shape)}; it must be one truth value");
        using var truth = condition.to(ScalarType.Bool).cpu();
        return (truth.item<bool>() ? then : otherwise).Run(run);
    }
}
