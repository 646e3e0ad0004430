using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>Functions of single numbers, and the softmax.</summary>
internal static class Activations
{
    public static Tensor[] LeakyRelu(NodeRun run) => [nn.functional.leaky_relu(run.Input(0), run.Node.Float("alpha", 0.01))];

    // The slopes of the negative side broadcast to the input.
    public static Tensor[] PRelu(NodeRun run)
    {
        var (input, slope) = (run.Input(0), run.Input(1));
        if (input.dtype != slope.dtype || slope.dim() > input.dim()
            || slope.shape.Reverse().Zip(input.shape.Reverse()).Any(pair => pair.First != 1 && pair.First != pair.Second))
            throw run.Node.BadInput(
                $"its slopes are {slope.dtype}{ShapeText.Of(slope.shape)}, which do not broadcast to {input.dtype}{ShapeText.Of(input.shape)}");
        return [input.relu().sub(input.neg().relu().mul(slope))];
    }

    public static Tensor[] Elu(NodeRun run) => [nn.functional.elu(run.Input(0), run.Node.Float("alpha", 1))];

    public static Tensor[] Gelu(NodeRun run)
    {
        var input = run.Input(0);
        switch (run.Node.Text("approximate", "none"))
        {
            case "none":
                return [nn.functional.gelu(input)];
            case "tanh":
                // 0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3)))
                var inner = input.add(input.pow(3).mul(0.044715)).mul(Math.Sqrt(2 / Math.PI));
                return [input.mul(0.5).mul(inner.tanh().add(1))];
            case var other:
                throw run.Node.Fault($"the approximation '{other}' is neither 'none' nor 'tanh'");
        }
    }

    public static Tensor[] HardSigmoid(NodeRun run) => [HardSigmoid(run.Input(0), run.Node.Float("alpha", 0.2f), run.Node.Float("beta", 0.5))];

    public static Tensor[] HardSwish(NodeRun run) => [run.Input(0).mul(HardSigmoid(run.Input(0), 1.0 / 6, 0.5))];

    // Opset 11 made the bounds inputs; a bound that is missing does not bound.
    public static Tensor[] Clip(NodeRun run)
    {
        var input = run.Input(0);
        var areInputs = run.AreInputs(11, ("min", 1), ("max", 2));
        return (Bound("min", 1), Bound("max", 2)) switch
        {
            ({ } low, { } high) => [input.clamp(low, high)],
            ({ } low, null) => [input.clamp_min(low)],
            (null, { } high) => [input.clamp_max(high)],
            _ => [input.alias()],
        };

        // A bound that is a float would make floats of whole numbers, which lose their last digits.
        Scalar? Bound(string attribute, int index)
        {
            if (!areInputs)
                return run.Node.Has(attribute) ? run.Node.Float(attribute, 0).ToScalar() : null;
            return input.is_floating_point() ? run.OptionalNumber(index)?.ToScalar() : run.OptionalInt(index)?.ToScalar();
        }
    }

    public static Tensor[] Softmax(NodeRun run) => [OverAxis(run, (input, axis) => nn.functional.softmax(input, axis))];

    public static Tensor[] LogSoftmax(NodeRun run) => [OverAxis(run, (input, axis) => nn.functional.log_softmax(input, axis))];

    // Before opset 13 the axis and all after it counted as one.
    private static Tensor OverAxis(NodeRun run, Func<Tensor, long, Tensor> function)
    {
        var input = run.Input(0);
        if (run.Node.Opset >= 13)
            return function(input, run.Axis(run.Node.Int("axis", -1), input.dim()));
        var axis = run.Axis(run.Node.Int("axis", 1), input.dim());
        var rows = input.shape[..axis].Aggregate(1L, (product, size) => product * size);
        return function(input.reshape(rows, input.numel() / Math.Max(rows, 1)), 1).reshape(input.shape);
    }

    private static Tensor HardSigmoid(Tensor input, double alpha, double beta) =>
        input.mul(alpha).add(beta).clamp(0.ToScalar(), 1.ToScalar());
}
