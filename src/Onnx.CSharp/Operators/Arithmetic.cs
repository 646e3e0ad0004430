using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>Element by element, with NumPy's broadcasting.</summary>
internal static class Arithmetic
{
    public static Tensor[] Add(NodeRun run) => [Pair(run, (left, right) => left.add(right))];

    public static Tensor[] Subtract(NodeRun run) => [Pair(run, (left, right) => left.sub(right))];

    public static Tensor[] Multiply(NodeRun run) => [Pair(run, (left, right) => left.mul(right))];

    public static Tensor[] Divide(NodeRun run) => [Pair(run, (left, right) => left.is_floating_point() ? left.div(right) : Quotient(left, right))];

    // The power's type is the base's, whatever the exponent's is: the square root of a whole number is a whole number again.
    public static Tensor[] Power(NodeRun run)
    {
        var (left, right) = (run.Input(0), run.Input(1));
        run.Broadcast(left.shape, right.shape);
        right = On(left, right);
        left = On(right, left);
        return [
            left.is_floating_point() || !right.is_floating_point()
                ? left.pow(right.to(left.dtype))
                : left.to(ScalarType.Float64).pow(right.to(ScalarType.Float64)).to(left.dtype),
        ];
    }

    // Whole numbers divide as in C: towards zero. By -1 the sign turns, and the least number wraps: the processor's division ends the process there.
    private static Tensor Quotient(Tensor left, Tensor right)
    {
        if (right.dtype == ScalarType.Byte)
            return left.div(right, RoundingMode.trunc);
        var one = ones_like(right);
        var turns = right.eq(one.neg());
        return where(turns, left.neg(), left.div(where(turns, one, right), RoundingMode.trunc));
    }

    public static OnnxOperator Compare(Func<Tensor, Tensor, Tensor> compare) => run => [Pair(run, compare)];

    /// <summary>One of any number of inputs, each pair of them by a function.</summary>
    public static OnnxOperator Among(Func<Tensor, Tensor, Tensor> choose) => run =>
    {
        var result = run.Input(0).alias();
        for (var index = 1; index < run.Given.Count; index++)
            result = Pair(run, result, run.Input(index), choose);
        return [result];
    };

    public static Tensor[] Where(NodeRun run)
    {
        var (left, right) = (run.Input(1), run.Input(2));
        right = On(left, right);
        left = On(right, left);
        SameType(run, left, right);
        run.Broadcast(run.Input(0).shape, left.shape, right.shape);
        return [where(On(left, run.Input(0)).to(ScalarType.Bool), left, right)];
    }

    private static Tensor Pair(NodeRun run, Func<Tensor, Tensor, Tensor> function) => Pair(run, run.Input(0), run.Input(1), function);

    private static Tensor Pair(NodeRun run, Tensor left, Tensor right, Func<Tensor, Tensor, Tensor> function)
    {
        SameType(run, left, right);
        run.Broadcast(left.shape, right.shape);
        right = On(left, right);
        return function(On(right, left), right);
    }

    private static void SameType(NodeRun run, Tensor left, Tensor right)
    {
        if (left.dtype != right.dtype)
            throw run.Node.BadInput($"its inputs are {left.dtype} and {right.dtype}; they must be of one type");
    }

    // Sizes are computed on the CPU, wherever the weights are.
    private static Tensor On(Tensor other, Tensor value) =>
        value.device_type == DeviceType.CPU && other.device_type != DeviceType.CPU ? value.to(other.device) : value;
}
