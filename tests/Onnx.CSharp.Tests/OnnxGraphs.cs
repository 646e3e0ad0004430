using Google.Protobuf;
using Onnx;
using Kind = Onnx.TensorProto.Types.DataType;

namespace MappingNets.Tests;

/// <summary>Builds small ONNX models with the protobuf classes. The first input "x" has a free batch size.</summary>
internal sealed class OnnxGraphs
{
    private int _drawn;

    public OnnxGraphs(long opset, params long[] shape)
    {
        Model = new ModelProto { IrVersion = 8, Graph = new GraphProto { Name = "tested" } };
        Model.OpsetImport.Add(new OperatorSetIdProto { Domain = "", Version = opset });
        Opset = opset;
        if (shape.Length > 0)
            Input("x", Kind.Float, shape);
    }

    public ModelProto Model { get; }

    public long Opset { get; }

    public OnnxGraphs Input(string name, Kind type, params long[] shape)
    {
        Model.Graph.Input.Add(Described(name, type, shape));
        return this;
    }

    public OnnxGraphs Output(string name, Kind type = Kind.Float)
    {
        Model.Graph.Output.Add(Described(name, type, null));
        return this;
    }

    /// <summary>A float initialiser with values in (-1, 1) that differ.</summary>
    public OnnxGraphs Weight(string name, params long[] shape) => Floats(name, shape, Drawn(shape));

    /// <summary>The same in another precision.</summary>
    public OnnxGraphs Stored(string name, Kind type, params long[] shape)
    {
        var values = Drawn(shape);
        var tensor = new TensorProto
        {
            Name = name,
            DataType = (int)type,
            RawData = ByteString.CopyFrom([.. values.SelectMany(value => type switch
            {
                Kind.Float16 => BitConverter.GetBytes((Half)value),
                Kind.Bfloat16 => BitConverter.GetBytes(value)[2..],
                Kind.Double => BitConverter.GetBytes((double)value),
                _ => BitConverter.GetBytes(value),
            })]),
        };
        tensor.Dims.AddRange(shape);
        Model.Graph.Initializer.Add(tensor);
        return this;
    }

    /// <summary>One with values in (0.5, 1.5), as variances are.</summary>
    public OnnxGraphs Positive(string name, params long[] shape) => Floats(name, shape, [.. Drawn(shape).Select(value => 1 + value / 2)]);

    public OnnxGraphs Floats(string name, long[] shape, float[] values)
    {
        var tensor = new TensorProto { Name = name, DataType = (int)Kind.Float, RawData = Bytes(values) };
        tensor.Dims.AddRange(shape);
        Model.Graph.Initializer.Add(tensor);
        return this;
    }

    public OnnxGraphs Number(string name, float value) => Floats(name, [], [value]);

    public OnnxGraphs Double(string name, double value)
    {
        Model.Graph.Initializer.Add(new TensorProto { Name = name, DataType = (int)Kind.Double, DoubleData = { value } });
        return this;
    }

    public OnnxGraphs Ints(string name, params long[] values)
    {
        var tensor = new TensorProto { Name = name, DataType = (int)Kind.Int64 };
        tensor.Int64Data.AddRange(values);
        tensor.Dims.Add(values.Length);
        Model.Graph.Initializer.Add(tensor);
        return this;
    }

    public OnnxGraphs Node(string type, string inputs, string outputs, params (string Name, object Value)[] attributes)
    {
        var node = new NodeProto { OpType = type, Name = $"{type}_{Model.Graph.Node.Count}" };
        node.Input.AddRange(inputs.Length == 0 ? [] : inputs.Split(' ').Select(name => name == "-" ? "" : name));
        node.Output.AddRange(outputs.Split(' '));
        node.Attribute.AddRange(attributes.Select(attribute => Attribute(attribute.Name, attribute.Value)));
        Model.Graph.Node.Add(node);
        return this;
    }

    /// <summary>A node on "s", the input times a weight, so that the network has one; its first output "y" is the graph's.</summary>
    public OnnxGraphs On(string type, string more = "", params (string Name, object Value)[] attributes)
    {
        var sizes = Model.Graph.Input[0].Type.TensorType.Shape.Dim;
        return Weight("scale", sizes[^1].DimValue).Node("Mul", "x scale", "s")
            .Node(type, more.Length == 0 ? "s" : $"s {more}", "y", attributes).Output("y");
    }

    public byte[] Bytes() => Model.ToByteArray();

    public static float[] Values(int count, int first = 1) =>
        [.. Enumerable.Range(first, count).Select(place => MathF.Sin(place * 12.9898f) * 0.9f)];

    public static ByteString Bytes(float[] values) => ByteString.CopyFrom(System.Runtime.InteropServices.MemoryMarshal.AsBytes(values.AsSpan()));

    private float[] Drawn(long[] shape)
    {
        var count = (int)shape.Aggregate(1L, (product, size) => product * size);
        _drawn += count;
        return Values(count, _drawn - count + 1);
    }

    private static ValueInfoProto Described(string name, Kind type, long[]? shape)
    {
        var tensor = new TypeProto.Types.Tensor { ElemType = (int)type };
        if (shape is not null)
        {
            tensor.Shape = new TensorShapeProto();
            tensor.Shape.Dim.Add(new TensorShapeProto.Types.Dimension { DimParam = "batch" });
            tensor.Shape.Dim.AddRange(shape.Select(size => new TensorShapeProto.Types.Dimension { DimValue = size }));
        }

        return new ValueInfoProto { Name = name, Type = new TypeProto { TensorType = tensor } };
    }

    private static AttributeProto Attribute(string name, object value)
    {
        var attribute = new AttributeProto { Name = name };
        switch (value)
        {
            case int number:
                (attribute.Type, attribute.I) = (AttributeProto.Types.AttributeType.Int, number);
                break;
            case double number:
                (attribute.Type, attribute.F) = (AttributeProto.Types.AttributeType.Float, (float)number);
                break;
            case string text:
                (attribute.Type, attribute.S) = (AttributeProto.Types.AttributeType.String, ByteString.CopyFromUtf8(text));
                break;
            case int[] numbers:
                attribute.Type = AttributeProto.Types.AttributeType.Ints;
                attribute.Ints.AddRange(numbers.Select(number => (long)number));
                break;
            case TensorProto tensor:
                (attribute.Type, attribute.T) = (AttributeProto.Types.AttributeType.Tensor, tensor);
                break;
            case GraphProto graph:
                (attribute.Type, attribute.G) = (AttributeProto.Types.AttributeType.Graph, graph);
                break;
            default:
                throw new ArgumentException($"An attribute of the type {value.GetType()} is not foreseen.", nameof(value));
        }

        return attribute;
    }
}
