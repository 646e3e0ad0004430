namespace MappingNets;

/// <summary>
/// The nodes of each kind of layer. Weights keep PyTorch's names, shapes and order of gates: where ONNX wants them otherwise, nodes turn
/// them, which a runtime does once when it loads the file.
/// </summary>
internal static partial class LayerNodes
{
    /// <summary>A layer's place in a graph: what it takes, and the full names of its weights and buffers.</summary>
    private sealed record Place(GraphWriter Graph, LayerSequence.Step Step, string Input, IReadOnlyList<string> Weights, IReadOnlyList<string> Buffers)
    {
        public string Node(string type, IReadOnlyList<string> inputs, params (string Name, object Value)[] attributes) => Graph.Node(type, inputs, attributes);

        public string On(string type, params (string Name, object Value)[] attributes) => Graph.Node(type, [Input, .. Weights], attributes);
    }

    /// <summary>Appends the nodes of a sequence.</summary>
    /// <returns>The name of what it gives.</returns>
    /// <exception cref="NotSupportedException">A layer is the user's own.</exception>
    public static string Write(GraphWriter graph, LayerSequence layers, string input, IReadOnlyList<string> weights, IReadOnlyList<string> buffers)
    {
        var (value, weight, buffer) = (input, 0, 0);
        foreach (var step in layers.Steps)
        {
            value = Write(new(
                graph, step, value,
                [.. weights.Skip(weight).Take(step.Parameters.Count)],
                [.. buffers.Skip(buffer).Take(step.Buffers.Count)]));
            weight += step.Parameters.Count;
            buffer += step.Buffers.Count;
        }

        return value;
    }

    private static string Write(Place at) => at.Step.Layer switch
    {
        ActivationLayer activation => Activation(at, activation.Kind),
        AvgPool2dLayer pool => at.On("AveragePool", [("count_include_pad", 1L), .. Sliding(pool.Window)]),
        BatchNormLayer norm => at.Node(
            "BatchNormalization", [at.Input, .. at.Weights, at.Buffers[0], at.Buffers[1]], ("epsilon", norm.Epsilon), ("momentum", 1 - norm.Momentum)),
        ClassTokenLayer => ClassToken(at),
        ConcatenationLayer skip => at.Node("Concat", [at.Input, .. Parts(at, skip)], ("axis", 1L)),
        Conv2dLayer convolution => at.On("Conv", Sliding(convolution.Window)),
        ConvTranspose2dLayer convolution => at.On("ConvTranspose", Sliding(convolution.Window)),
        DropoutLayer => at.Input,
        EmbeddingLayer => at.Node("Gather", [at.Weights[0], at.Input]),
        FirstTokenLayer => at.Node("Squeeze", [at.Node("Slice", [at.Input, at.Graph.Ints(0), at.Graph.Ints(1), at.Graph.Ints(1)]), at.Graph.Ints(1)]),
        FlattenLayer => at.On("Flatten"),
        GlobalAveragePool2dLayer => at.Node("Flatten", [at.On("GlobalAveragePool")]),
        GruLayer gru => Recurrent(at, gru, "GRU", [1, 0, 2], ("linear_before_reset", 1L)),
        LayerNormLayer norm => at.On("LayerNormalization", ("axis", -1L), ("epsilon", norm.Epsilon)),
        LinearLayer => Linear(at, at.Input, at.Weights[0], at.Weights.ElementAtOrDefault(1), at.Step.Input.Count),
        LstmLayer lstm => Recurrent(at, lstm, "LSTM", [0, 3, 1, 2]),
        MaxPool2dLayer pool => at.On("MaxPool", Sliding(pool.Window)),
        PositionEmbeddingLayer => at.On("Add"),
        ReshapeLayer => at.Node("Reshape", [at.Input, at.Graph.Ints([0, .. at.Step.Output])]),
        ResidualLayer residual => Residual(at, residual),
        SelfAttentionLayer attention => Attention(at, attention.Heads, attention.IsCausal),
        SequenceLayer sequence => Parts(at, sequence)[0],
        SwapAxesLayer => at.Node("Transpose", [at.Input], ("perm", new long[] { 0, 2, 1 })),
        TokensLayer => at.Node(
            "Transpose", [at.Node("Reshape", [at.Input, at.Graph.Ints(0, at.Step.Input[0], -1)])], ("perm", new long[] { 0, 2, 1 })),
        var other => throw new NotSupportedException($"The layer '{at.Step.Name}' ({other.Kind}) has no form in ONNX."),
    };

    private static string Activation(Place at, string kind) => kind switch
    {
        "ReLU" => at.On("Relu"),
        "Tanh" => at.On("Tanh"),
        "SiLU" => at.Node("Mul", [at.Input, at.On("Sigmoid")]),
        // 0.5 x (1 + erf(x / sqrt 2)): Gelu itself is younger than the opset.
        "GELU" => at.Node(
            "Mul",
            [
                at.Node("Mul", [at.Input, at.Graph.Number(0.5)]),
                at.Node("Add", [at.Node("Erf", [at.Node("Mul", [at.Input, at.Graph.Number(Math.Sqrt(0.5))])]), at.Graph.Number(1)]),
            ]),
        _ => throw new NotSupportedException($"The activation '{at.Step.Name}' ({kind}) has no form in ONNX."),
    };

    private static (string, object)[] Sliding(SlidingWindow window) =>
    [
        ("kernel_shape", new[] { window.Side, window.Side }),
        ("strides", new[] { window.Stride, window.Stride }),
        ("pads", new[] { window.Padding, window.Padding, window.Padding, window.Padding }),
    ];

    private static IReadOnlyList<string> Parts(Place at, CompositeLayer layer)
    {
        var (weight, buffer) = (0, 0);
        var results = new List<string>();
        foreach (var part in layer.Parts)
        {
            results.Add(Write(
                at.Graph, part, at.Input,
                [.. at.Weights.Skip(weight).Take(part.Parameters.Count)],
                [.. at.Buffers.Skip(buffer).Take(part.Buffers.Count)]));
            weight += part.Parameters.Count;
            buffer += part.Buffers.Count;
        }

        return results;
    }

    private static string Residual(Place at, ResidualLayer layer)
    {
        var sum = at.Node("Add", Parts(at, layer));
        return layer.EndsInReLU ? at.Node("Relu", [sum]) : sum;
    }

    private static string ClassToken(Place at)
    {
        // (1, 1, features) for each sample.
        var count = at.Node("Slice", [at.Node("Shape", [at.Input]), at.Graph.Ints(0), at.Graph.Ints(1)]);
        var shape = at.Node("Concat", [count, at.Graph.Ints(1, 1)], ("axis", 0L));
        return at.Node("Concat", [at.Node("Expand", [at.Weights[0], shape]), at.Input], ("axis", 1L));
    }
}
