using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>Products of matrices. Shapes and types are checked here: some of libtorch's own refusals end the process.</summary>
internal static class Products
{
    public static Tensor[] MatMul(NodeRun run)
    {
        var (left, right) = (run.Input(0), run.Input(1));
        Check(run, left, right);
        var (inner, outer) = (left.shape[^1], right.dim() == 1 ? right.shape[0] : right.shape[^2]);
        if (inner != outer)
            throw run.Node.BadInput($"the shapes {ShapeText.Of(left.shape)} and {ShapeText.Of(right.shape)} have no product");
        // A single axis is a row on the left and a column on the right.
        long[] rows = left.dim() == 1 ? [] : [left.shape[^2]], columns = right.dim() == 1 ? [] : [right.shape[^1]];
        var batch = run.Broadcast(left.dim() > 2 ? left.shape[..^2] : [], right.dim() > 2 ? right.shape[..^2] : []);
        run.Bounded([.. batch, .. rows, .. columns]);
        if (left.dim() > 2 && right.dim() > 2)
        {
            // libtorch repeats each of them over the other's batches.
            run.Bounded([.. batch, .. rows, inner]);
            run.Bounded([.. batch, inner, .. columns]);
        }

        return [left.matmul(right)];
    }

    // Y = alpha A' B' + beta C.
    public static Tensor[] Gemm(NodeRun run)
    {
        var (left, right, added) = (run.Input(0), run.Input(1), run.Optional(2));
        Check(run, left, right);
        if (left.dim() != 2 || right.dim() != 2)
            throw run.Node.BadInput($"its inputs have the shapes {ShapeText.Of(left.shape)} and {ShapeText.Of(right.shape)}; they must be matrices");
        var a = run.Node.Flag("transA") ? left.t() : left;
        var (alpha, beta) = (run.Node.Float("alpha", 1), run.Node.Float("beta", 1));
        // (outputs, inputs), as a linear layer holds its weight.
        var b = run.Node.Flag("transB") ? right : right.t();
        if (a.shape[1] != b.shape[1])
            throw run.Node.BadInput($"the shapes {ShapeText.Of(a.shape)} and {ShapeText.Of(b.t().shape)} have no product");
        if (added is not null && (added.dim() > 2 || added.dtype != left.dtype))
            throw run.Node.BadInput($"its third input is {added.dtype}{ShapeText.Of(added.shape)}; it must be {left.dtype} of at most two dimensions");
        var shape = run.Bounded([a.shape[0], b.shape[0]]);
        if (added is not null && !run.Broadcast(shape, added.shape).SequenceEqual(shape))
            throw run.Node.BadInput($"its third input {ShapeText.Of(added.shape)} is larger than the product {ShapeText.Of(shape)}");
        if (alpha == 1 && beta == 1 && added is { } bias && bias.dim() == 1 && bias.shape[0] == b.shape[0])
            return [nn.functional.linear(a, b, bias)];
        var product = nn.functional.linear(a, b);
        if (alpha != 1)
            product = product.mul(alpha);
        return [added is null || beta == 0 ? product : product.add(beta == 1 ? added : added.mul(beta))];
    }

    private static void Check(NodeRun run, Tensor left, Tensor right)
    {
        if (left.dim() == 0 || right.dim() == 0)
            throw run.Node.BadInput("one of its inputs is a single number; both must have dimensions");
        if (left.dtype != right.dtype || !left.is_floating_point())
            throw run.Node.BadInput($"its inputs are {left.dtype} and {right.dtype}; they must be floats of one type");
    }
}
