using System.Globalization;
using Google.Protobuf;
using Onnx;
using TorchSharp;
using static TorchSharp.torch;
using Kind = Onnx.TensorProto.Types.DataType;

namespace MappingNets;

/// <summary>Writes nodes one after another; each value has a name of its own.</summary>
internal sealed class GraphWriter
{
    /// <summary>The opset that layers are written in: the oldest that has all they need, so that older runtimes read it too.</summary>
    public const long Opset = 17;

    /// <summary>The names of what the graph takes and gives.</summary>
    public const string Input = "input", Output = "output";

    private readonly IReadOnlySet<string> taken;
    private int values;

    /// <summary>Starts a graph of one input with a free batch size.</summary>
    /// <param name="name">The network's name.</param>
    /// <param name="input">What it takes.</param>
    /// <param name="output">The shape of what it gives for a sample.</param>
    /// <param name="taken">The names of its weights and buffers, which no other value may have.</param>
    /// <exception cref="NotSupportedException">One is called as what the file takes or gives.</exception>
    public GraphWriter(string name, InputSpecification input, IReadOnlyList<long> output, IReadOnlySet<string> taken)
    {
        this.taken = taken;
        foreach (var own in new[] { Input, Output })
            if (taken.Contains(own))
                throw new NotSupportedException(
                    $"'{name}' has a weight called '{own}', which is what the file calls what it takes or gives; give that layer another name.");
        Model = new ModelProto { IrVersion = 8, ProducerName = "MappingNets", Graph = new GraphProto { Name = name } };
        Model.OpsetImport.Add(new OperatorSetIdProto { Domain = "", Version = Opset });
        Model.Graph.Input.Add(Described(Input, input.Type == ScalarType.Int64 ? Kind.Int64 : Kind.Float, input.Shape, batch: true));
        Model.Graph.Output.Add(Described(Output, Kind.Float, output, batch: true));
    }

    /// <summary>The model so far.</summary>
    public ModelProto Model { get; }

    /// <summary>Appends a node of one output.</summary>
    /// <returns>The output's name.</returns>
    public string Node(string type, IReadOnlyList<string> inputs, params (string Name, object Value)[] attributes) =>
        Nodes(type, inputs, 1, attributes)[0];

    /// <summary>Appends a node.</summary>
    /// <returns>The outputs' names.</returns>
    public string[] Nodes(string type, IReadOnlyList<string> inputs, int outputs, params (string Name, object Value)[] attributes)
    {
        var node = new NodeProto { OpType = type, Name = string.Create(CultureInfo.InvariantCulture, $"{type}_{Model.Graph.Node.Count}") };
        node.Input.AddRange(inputs);
        string[] results = [.. Enumerable.Range(0, outputs).Select(_ => NextName())];
        node.Output.AddRange(results);
        node.Attribute.AddRange(attributes.Select(attribute => AttributeOf(attribute.Name, attribute.Value)));
        Model.Graph.Node.Add(node);
        return results;
    }

    /// <summary>A constant list of whole numbers.</summary>
    public string Ints(params long[] numbers)
    {
        var tensor = new TensorProto { Name = NextName(), DataType = (int)Kind.Int64 };
        tensor.Dims.Add(numbers.Length);
        tensor.Int64Data.AddRange(numbers);
        Model.Graph.Initializer.Add(tensor);
        return tensor.Name;
    }

    /// <summary>A constant number.</summary>
    public string Number(double number)
    {
        var tensor = new TensorProto { Name = NextName(), DataType = (int)Kind.Float };
        tensor.FloatData.Add((float)number);
        Model.Graph.Initializer.Add(tensor);
        return tensor.Name;
    }

    /// <summary>A constant square matrix.</summary>
    public string Matrix(long size, Func<long, long, float> entry)
    {
        var tensor = new TensorProto
        {
            Name = NextName(),
            DataType = (int)Kind.Float,
            Dims = { size, size },
        };
        for (var row = 0L; row < size; row++)
            for (var column = 0L; column < size; column++)
                tensor.FloatData.Add(entry(row, column));
        Model.Graph.Initializer.Add(tensor);
        return tensor.Name;
    }

    /// <summary>Ends the graph with a value.</summary>
    public void End(string value) => Model.Graph.Node.Add(new NodeProto { OpType = "Identity", Name = "Result", Input = { value }, Output = { Output } });

    /// <summary>The description of a value that a model takes or gives.</summary>
    public static ValueInfoProto Described(string name, Kind type, IReadOnlyList<long> shape, bool batch)
    {
        var sizes = new TensorShapeProto();
        if (batch)
            sizes.Dim.Add(new TensorShapeProto.Types.Dimension { DimParam = "batch" });
        sizes.Dim.AddRange(shape.Select(size => new TensorShapeProto.Types.Dimension { DimValue = size }));
        return new() { Name = name, Type = new TypeProto { TensorType = new TypeProto.Types.Tensor { ElemType = (int)type, Shape = sizes } } };
    }

    private string NextName()
    {
        string name;
        do
            name = string.Create(CultureInfo.InvariantCulture, $"value_{values++}");
        while (taken.Contains(name));
        return name;
    }

    private static AttributeProto AttributeOf(string name, object value) => value switch
    {
        long number => new() { Name = name, Type = AttributeProto.Types.AttributeType.Int, I = number },
        double number => new() { Name = name, Type = AttributeProto.Types.AttributeType.Float, F = (float)number },
        string text => new() { Name = name, Type = AttributeProto.Types.AttributeType.String, S = ByteString.CopyFromUtf8(text) },
        long[] numbers => new() { Name = name, Type = AttributeProto.Types.AttributeType.Ints, Ints = { numbers } },
        _ => throw new ArgumentException($"An attribute of the type {value.GetType()} is not foreseen.", nameof(value)),
    };
}
