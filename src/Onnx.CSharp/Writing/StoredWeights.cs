using Google.Protobuf;
using Onnx;
using TorchSharp;
using static TorchSharp.torch;
using Kind = Onnx.TensorProto.Types.DataType;

namespace MappingNets;

/// <summary>Weights as initialisers of a model, whole or as codes with the nodes that make the weight of them.</summary>
internal static class StoredWeights
{
    /// <summary>How the names of steps end.</summary>
    public const string StepEnding = ".step";

    /// <summary>Writes a weight's numbers into its initialiser; where they are rounded, the weight becomes the result of nodes.</summary>
    /// <param name="model">The model.</param>
    /// <param name="tensor">The initialiser, of the weight's name and shape.</param>
    /// <param name="value">The weight, in single precision on the CPU.</param>
    /// <param name="precision">How it is stored.</param>
    /// <exception cref="InvalidOperationException">It is too large for half precision.</exception>
    /// <exception cref="NotSupportedException">The precision is not written.</exception>
    public static void Store(ModelProto model, TensorProto tensor, Tensor value, StoredPrecision precision)
    {
        var name = tensor.Name;
        tensor.ClearNumbers();
        if (precision == StoredPrecision.Single)
        {
            (tensor.DataType, tensor.RawData) = ((int)Kind.Float, Raw(value));
            return;
        }

        var axes = WeightRounding.OutputAxes(model.Graph, name, (int)value.dim());
        var step = WeightRounding.Steps(precision, value, axes);
        // What nodes give is no input.
        if (model.Graph.Input.FirstOrDefault(input => input.Name == name) is { } input)
            model.Graph.Input.Remove(input);
        if (precision == StoredPrecision.Half)
        {
            if (value.abs().max().item<float>() > WeightRounding.LargestHalf)
                throw new InvalidOperationException($"'{MessageText.Of(name)}' holds a number above 65,504, the largest in half precision.");
            (tensor.Name, tensor.DataType, tensor.RawData) = (Free(model, $"{name}.half"), (int)Kind.Float16, Raw(value.to(ScalarType.Float16)));
            Precede(model, Cast(tensor.Name, name));
            return;
        }

        (tensor.Name, tensor.DataType, tensor.RawData) = (Free(model, $"{name}.codes"), (int)Kind.Int8, Raw(value.div(step).round().to(ScalarType.Int8)));
        var steps = new TensorProto { Name = Free(model, name + StepEnding), DataType = (int)Kind.Float, RawData = Raw(step) };
        steps.Dims.AddRange(step.shape);
        model.Graph.Initializer.Add(steps);
        var whole = Free(model, $"{name}.whole");
        Precede(model, new NodeProto { OpType = "Mul", Input = { whole, steps.Name }, Output = { name } });
        Precede(model, Cast(tensor.Name, whole));
    }

    // A file may have anything by any name.
    private static string Free(ModelProto model, string wanted)
    {
        var graph = model.Graph;
        while (graph.Initializer.Any(tensor => tensor.Name == wanted) || graph.Input.Any(input => input.Name == wanted)
            || graph.Node.Any(node => node.Input.Contains(wanted) || node.Output.Contains(wanted)))
            wanted += "_";
        return wanted;
    }

    private static void Precede(ModelProto model, NodeProto node) => model.Graph.Node.Insert(0, node);

    private static NodeProto Cast(string from, string to) => new()
    {
        OpType = "Cast",
        Input = { from },
        Output = { to },
        Attribute = { new AttributeProto { Name = "to", Type = AttributeProto.Types.AttributeType.Int, I = (long)Kind.Float } },
    };

    private static ByteString Raw(Tensor value) => ByteString.CopyFrom(value.contiguous().bytes);
}
