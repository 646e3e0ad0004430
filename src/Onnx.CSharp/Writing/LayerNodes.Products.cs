namespace MappingNets;

/// <content>Layers that are products of matrices and what stands between them.</content>
internal static partial class LayerNodes
{
    private static string Linear(Place at, string input, string weight, string? bias, int dimensions)
    {
        if (dimensions == 1)
            return at.Node("Gemm", bias is null ? [input, weight] : [input, weight, bias], ("transB", 1L));
        var product = at.Node("MatMul", [input, at.Node("Transpose", [weight], ("perm", new long[] { 1, 0 }))]);
        return bias is null ? product : at.Node("Add", [product, bias]);
    }

    private static string Attention(Place at, long heads, bool isCausal)
    {
        var features = at.Step.Input[1];
        var size = features / heads;
        // (N, tokens, 3 features) -> three times (N, heads, tokens, features per head).
        var all = at.Node("Reshape", [Linear(at, at.Input, at.Weights[0], at.Weights[1], 2), at.Graph.Ints(0, 0, 3, heads, size)]);
        var parts = at.Graph.Nodes("Split", [at.Node("Transpose", [all], ("perm", new long[] { 2, 0, 3, 1, 4 }))], 3, ("axis", 0L));
        string[] each = [.. parts.Select(part => at.Node("Squeeze", [part, at.Graph.Ints(0)]))];
        var scores = at.Node("MatMul", [each[0], at.Node("Transpose", [each[1]], ("perm", new long[] { 0, 1, 3, 2 }))]);
        scores = at.Node("Mul", [scores, at.Graph.Number(1 / Math.Sqrt(size))]);
        if (isCausal)
            scores = at.Node("Add", [scores, at.Graph.Matrix(at.Step.Input[0], (row, column) => column > row ? float.NegativeInfinity : 0)]);
        var shares = at.Node("Softmax", [scores], ("axis", -1L));
        var attended = at.Node("Transpose", [at.Node("MatMul", [shares, each[2]])], ("perm", new long[] { 0, 2, 1, 3 }));
        return Linear(at, at.Node("Reshape", [attended, at.Graph.Ints(0, 0, features)]), at.Weights[2], at.Weights[3], 2);
    }

    // PyTorch's weights of a layer: of the inputs, of the state, and a bias of each.
    private static string Recurrent(Place at, RecurrentLayer layer, string type, int[] gates, params (string, object)[] attributes)
    {
        var value = at.Node("Transpose", [at.Input], ("perm", new long[] { 1, 0, 2 }));
        for (var index = 0; index < layer.Layers; index++)
        {
            string[] weights = [.. at.Weights.Skip(4 * index).Take(4).Select(weight => InOrder(at, weight, gates))];
            var biases = at.Node("Concat", weights[2..], ("axis", 0L));
            string[] turned = [.. new[] { weights[0], weights[1], biases }.Select(weight => at.Node("Unsqueeze", [weight, at.Graph.Ints(0)]))];
            var results = at.Graph.Nodes(type, [value, .. turned], 2, [("hidden_size", layer.Hidden), .. attributes]);
            if (index == layer.Layers - 1 && !layer.WholeSequence)
                return at.Node("Squeeze", [results[1], at.Graph.Ints(0)]);
            value = at.Node("Squeeze", [results[0], at.Graph.Ints(1)]);
        }

        return at.Node("Transpose", [value], ("perm", new long[] { 1, 0, 2 }));
    }

    private static string InOrder(Place at, string weight, int[] gates)
    {
        var parts = at.Graph.Nodes("Split", [weight], gates.Length, ("axis", 0L));
        return at.Node("Concat", [.. gates.Select(gate => parts[gate])], ("axis", 0L));
    }
}
