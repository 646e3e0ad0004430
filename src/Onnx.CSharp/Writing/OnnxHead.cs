using Google.Protobuf;
using Onnx;
using Kind = Onnx.TensorProto.Types.DataType;

namespace MappingNets;

/// <summary>The file of a network with another last layer: as if it had been exported so, with zeros as that layer's weights.</summary>
internal static class OnnxHead
{
    /// <summary>
    /// Gives the last linear layer another number of outputs, or appends one where there is none; a softmax at the end is left out.
    /// </summary>
    /// <param name="target">The network.</param>
    /// <param name="outputs">How many outputs it gets.</param>
    /// <param name="name">The name of its output.</param>
    /// <exception cref="NotSupportedException">
    /// The last layer's weight has another use too, or nodes make it of others; or the type of the features is not known.
    /// </exception>
    public static OnnxFile Of(OnnxTarget target, long outputs, out string name)
    {
        var model = target.File.WholeModel();
        var graph = model.Graph;
        var last = Giving(graph, target.Output)!;
        NodeProto? cast = null;
        while ((last.OpType is "Softmax" or "LogSoftmax" or "Identity" || IsFloat(CastTo(last))) && Giving(graph, last.Input[0]) is { } before)
        {
            if (last.OpType == "Cast")
                cast ??= last;
            last = before;
        }

        var layer = Replaced(target, graph, last, outputs);
        // Networks in half precision bring their outputs to single precision at the end.
        var type = cast is not null ? CastTo(cast) : layer ?? TypeOf(target, graph);
        if (cast is not null)
        {
            cast.Input[0] = last.Output[0];
            last = cast;
        }

        if (layer is null)
            last = Appended(target, graph, last.Output[0], type, outputs);
        name = last.Output[0];
        graph.Output.Clear();
        // A layer may give a vector for each token; one that is appended takes all that there is of a sample.
        long[] shape = layer is null ? [outputs] : [.. target.OutputShape.SkipLast(1), outputs];
        graph.Output.Add(GraphWriter.Described(name, type, shape, batch: true));
        // Pictures of the size that this target takes, as many as there are.
        foreach (var (input, specification) in graph.Input.Where(input => target.InputNames.Contains(input.Name)).ToArray().Zip(target.Inputs))
            graph.Input[graph.Input.IndexOf(input)] = GraphWriter.Described(
                input.Name, (Kind)input.Type.TensorType.ElemType, specification.Shape, batch: true);
        // Shapes that the file states of values in between may be others now.
        graph.ValueInfo.Clear();
        Prune(graph, name, target.InputNames);
        return OnnxFile.Parse(target.File.Path, model.ToByteArray(), target.File.Limits);
    }

    // What followed the old output goes. The network's inputs stay, also one that only another output needs: the network takes it all the same.
    private static void Prune(GraphProto graph, string output, IReadOnlyList<string> inputs)
    {
        var needed = new HashSet<string>(inputs, StringComparer.Ordinal) { output };
        foreach (var node in graph.Node.Reverse().ToArray())
            if (node.Output.Any(needed.Contains))
                needed.UnionWith(new OnnxNode(node, 0, OnnxFile.NewestOpset).Inputs);
            else
                graph.Node.Remove(node);
        foreach (var tensor in graph.Initializer.Where(tensor => !needed.Contains(tensor.Name)).ToArray())
            graph.Initializer.Remove(tensor);
        foreach (var input in graph.Input.Where(input => !needed.Contains(input.Name)).ToArray())
            graph.Input.Remove(input);
    }

    private static NodeProto? Giving(GraphProto graph, string value) => graph.Node.FirstOrDefault(node => node.Output.Contains(value));

    private static bool IsFloat(Kind type) => type is Kind.Float or Kind.Float16 or Kind.Double or Kind.Bfloat16;

    private static Kind CastTo(NodeProto node) =>
        node.OpType == "Cast" ? (Kind)(node.Attribute.FirstOrDefault(attribute => attribute.Name == "to")?.I ?? 0) : Kind.Undefined;

    // The type of the network's output: the one that the file states, or else that of what it is computed of, since operators give the type that
    // they take first. Nodes stand after those whose values they take, so that this ends.
    private static Kind TypeOf(OnnxTarget target, GraphProto graph)
    {
        for (var name = target.Output; name is { Length: > 0 };)
        {
            if (Stated(graph, name) is { } type)
                return type;
            if (Giving(graph, name) is not { } node)
                break;
            if (IsFloat(CastTo(node)))
                return CastTo(node);
            name = node.OpType switch
            {
                // What these take first says nothing of the type that they give.
                "If" or "Cast" or "ConstantOfShape" => null,
                "Where" => node.Input.ElementAtOrDefault(1),
                _ => node.Input.FirstOrDefault(),
            };
        }

        throw new NotSupportedException(
            $"'{target.File.Path}' does not state the type of '{MessageText.Of(target.Output)}', and it does not follow from what it is computed of, so "
            + "that no layer can be appended. Infer the file's shapes and types first (onnx.shape_inference.infer_shapes).");
    }

    // The float type that the file states for a value; null where it states none.
    private static Kind? Stated(GraphProto graph, string value)
    {
        var type = graph.Output.Concat(graph.ValueInfo).Concat(graph.Input).FirstOrDefault(described => described.Name == value)?.Type?.TensorType?.ElemType
            ?? graph.Initializer.FirstOrDefault(tensor => tensor.Name == value)?.DataType
            ?? Giving(graph, value)?.Attribute.FirstOrDefault(attribute => attribute is { Name: "value", T: not null })?.T.DataType;
        return type is { } number && IsFloat((Kind)number) ? (Kind)number : null;
    }

    // The type of the layer's weight; null where the network ends in no layer.
    private static Kind? Replaced(OnnxTarget target, GraphProto graph, NodeProto last, long outputs)
    {
        var (product, added) = last.OpType switch
        {
            // A third input without a name is none.
            "Gemm" or "MatMul" => (last, last.OpType == "Gemm" && last.Input.ElementAtOrDefault(2) is { Length: > 0 } third ? third : null),
            "Add" when last.Input.Select(input => Giving(graph, input)).FirstOrDefault(node => node?.OpType == "MatMul") is { } found =>
                // The product may be added to itself.
                (found, last.Input.FirstOrDefault(input => !found.Output.Contains(input)) ?? found.Output[0]),
            _ => (null, null),
        };
        if (product is null)
            return null;
        // What follows from no input is a weight, wherever it stands; what does is what the network computes.
        string[] made = [.. new[] { product.Input[1], added }.OfType<string>().Where(name => Giving(graph, name) is not null)];
        if (made.Any(name => IsComputed(target, graph, name)))
            return null;
        if (made is [var first, ..])
            throw new NotSupportedException(
                $"'{target.Name}' ends in a {product.OpType} whose weight '{MessageText.Of(first)}' is made by a node "
                + $"({MessageText.Of(Giving(graph, first)!.OpType)}), so that it cannot get another shape. Take a file that stores it as an initializer, such as "
                + "one in single precision with folded constants.");

        if (Weight(product.Input[1]) is not { Dims.Count: 2 } weight || (added is not null && Weight(added) is not { Dims.Count: 1 or 2 }))
            return null;
        foreach (var name in new[] { weight.Name, added })
            if (name is not null && graph.Node.Sum(node => node.Input.Count(input => input == name)) > 1)
                throw new NotSupportedException(
                    $"'{target.Name}' uses '{MessageText.Of(name)}' of its last layer elsewhere too, so that it cannot get another shape.");
        var isTurned = product.OpType == "Gemm" && product.Attribute.Any(attribute => attribute is { Name: "transB", I: not 0 });
        Zero(weight, isTurned ? [outputs, weight.Dims[1]] : [weight.Dims[0], outputs]);
        if (added is not null)
            Zero(Weight(added)!, [outputs]);
        return (Kind)weight.DataType;

        TensorProto? Weight(string name) => graph.Initializer.FirstOrDefault(tensor => tensor.Name == name && target.File.Initializers[name].IsFloat);
    }

    // Whether a value depends on what the network takes.
    private static bool IsComputed(OnnxTarget target, GraphProto graph, string value)
    {
        var seen = new HashSet<string>(StringComparer.Ordinal) { value };
        var open = new Stack<string>(seen);
        while (open.TryPop(out var name))
        {
            if (target.InputNames.Contains(name))
                return true;
            foreach (var input in Giving(graph, name)?.Input.Where(seen.Add) ?? [])
                open.Push(input);
        }

        return false;
    }

    // A feature map is averaged over its places first.
    private static NodeProto Appended(OnnxTarget target, GraphProto graph, string value, Kind type, long outputs)
    {
        var taken = graph.Node.SelectMany(node => node.Output).Concat(graph.Initializer.Select(tensor => tensor.Name)).ToHashSet(StringComparer.Ordinal);
        if (new[] { "head.weight", "head.bias", "head" }.FirstOrDefault(taken.Contains) is { } there)
            throw new NotSupportedException($"'{target.Name}' has a value '{there}' already, the name of the layer to append.");
        var features = target.OutputShape.Count == 3 ? target.OutputShape[0] : ShapeText.Product(target.OutputShape);
        if (target.OutputShape.Count == 3)
            graph.Node.Add(new NodeProto { OpType = "GlobalAveragePool", Name = "head.pool", Input = { value }, Output = { "head.pooled" } });
        graph.Node.Add(new NodeProto
        {
            OpType = "Flatten",
            Name = "head.flatten",
            Input = { target.OutputShape.Count == 3 ? "head.pooled" : value },
            Output = { "head.features" },
        });
        var layer = new NodeProto { OpType = "Gemm", Name = "head", Input = { "head.features", "head.weight", "head.bias" }, Output = { "head" } };
        layer.Attribute.Add(new AttributeProto { Name = "transB", Type = AttributeProto.Types.AttributeType.Int, I = 1 });
        graph.Node.Add(layer);
        foreach (var (name, shape) in new[] { ("head.weight", new[] { outputs, features }), ("head.bias", [outputs]) })
        {
            var tensor = new TensorProto { Name = name, DataType = (int)type };
            Zero(tensor, shape);
            graph.Initializer.Add(tensor);
        }

        return layer;
    }

    private static void Zero(TensorProto tensor, long[] shape)
    {
        tensor.Dims.Clear();
        tensor.Dims.AddRange(shape);
        tensor.ClearNumbers();
        var size = (Kind)tensor.DataType switch
        {
            Kind.Float16 or Kind.Bfloat16 => 2,
            Kind.Double => 8,
            _ => 4,
        };
        // The bytes of 0 are zeros in each of them.
        tensor.RawData = ByteString.CopyFrom(new byte[size * ShapeText.Product(shape)]);
    }
}
