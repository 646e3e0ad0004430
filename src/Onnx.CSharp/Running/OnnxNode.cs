using System.Globalization;
using Onnx;
using Kind = Onnx.AttributeProto.Types.AttributeType;

namespace MappingNets;

/// <summary>One node of a graph: its operator, its settings, and the names of what it takes and gives.</summary>
internal sealed class OnnxNode
{
    private readonly Dictionary<string, AttributeProto> attributes = new(StringComparer.Ordinal);
    private readonly string place;

    /// <summary>Reads a node.</summary>
    /// <param name="proto">The node in its file.</param>
    /// <param name="number">Its place in the graph, from 1.</param>
    /// <param name="opset">The version of its operator.</param>
    public OnnxNode(NodeProto proto, int number, long opset)
    {
        (Type, Opset) = (proto.OpType, opset);
        Domain = proto.Domain;
        WantedOutputs = Outputs = [.. proto.Output];
        place = string.Create(
            CultureInfo.InvariantCulture,
            $"node {number}{(proto.Name.Length == 0 ? "" : $" '{MessageText.Of(proto.Name)}'")} ({MessageText.Of(Type)}, opset {opset})");
        foreach (var attribute in proto.Attribute)
            if (!attributes.TryAdd(attribute.Name, attribute))
                throw Fault($"it has two attributes '{MessageText.Of(attribute.Name)}'");
        Branches = Type != "If" ? []
            : [.. new[] { "then_branch", "else_branch" }.Where(Has).Select(name => (name, OnnxBranch.Of(this, Find(name, Kind.Graph)!.G ?? throw Fault($"its {name} is empty"), opset)))];
        Inputs = [.. proto.Input, .. Branches.SelectMany(branch => branch.Graph.Captured).Distinct()];
    }

    /// <summary>The operator, such as "Conv".</summary>
    public string Type { get; }

    /// <summary>Whose operator it is; empty for the standard ones.</summary>
    public string Domain { get; }

    /// <summary>The version of its operator.</summary>
    public long Opset { get; }

    /// <summary>The branches of an If, by the names of their attributes.</summary>
    public IReadOnlyList<(string Name, OnnxBranch Graph)> Branches { get; }

    /// <summary>It and all nodes of its branches.</summary>
    public IEnumerable<OnnxNode> WithNested => Branches.SelectMany(branch => branch.Graph.Nodes).SelectMany(node => node.WithNested).Prepend(this);

    /// <summary>
    /// The names of what it takes; empty where an optional input is left out. What its branches take from the graph follows its own.
    /// </summary>
    public IReadOnlyList<string> Inputs { get; }

    /// <summary>The names of what it gives; empty where the file leaves one out.</summary>
    public IReadOnlyList<string> Outputs { get; }

    /// <summary>The names of what it gives; empty where the file leaves one out or nothing takes it.</summary>
    public IReadOnlyList<string> WantedOutputs { get; private set; }

    /// <summary>The names of its settings.</summary>
    public IEnumerable<string> AttributeNames => attributes.Keys;

    /// <summary>What it cannot do, with its place.</summary>
    public NotSupportedException Fault(string reason) => new($"{place} is not supported: {reason}.");

    /// <summary>What is wrong with what it got, with its place.</summary>
    public ArgumentException BadInput(string reason) => new($"{place} cannot run: {reason}.");

    /// <summary>Says what is taken of all that the nodes of its graph give: old exporters name the mask of a Dropout that nothing takes.</summary>
    public void Want(IReadOnlySet<string> taken) => WantedOutputs = [.. Outputs.Select(name => taken.Contains(name) ? name : "")];

    /// <summary>Refuses numbers that no size or padding has, so that sums and products of two of them do not overflow.</summary>
    /// <param name="what">What they are, for messages.</param>
    /// <param name="numbers">The numbers.</param>
    /// <param name="least">The least that each may be.</param>
    /// <returns>The numbers.</returns>
    public long[] Within(string what, long[] numbers, long least) => numbers.All(number => number >= least && number <= GraphPass.MostElements)
        ? numbers
        : throw BadInput($"its {what} are {ShapeText.Of(numbers)}; each must be from {least} to {GraphPass.MostElements}");

    /// <summary>Its place for messages, such as "node 3 'conv1' (Conv, opset 17)".</summary>
    public override string ToString() => place;

    /// <summary>Whether it has a setting.</summary>
    public bool Has(string name) => attributes.ContainsKey(name);

    /// <summary>A whole number.</summary>
    public long Int(string name, long fallback) => Find(name, Kind.Int)?.I ?? fallback;

    /// <summary>A truth value, stored as 0 or 1.</summary>
    public bool Flag(string name, bool fallback = false) => Int(name, fallback ? 1 : 0) != 0;

    /// <summary>A number.</summary>
    public double Float(string name, double fallback) => Find(name, Kind.Float)?.F ?? fallback;

    /// <summary>A word, as messages quote it: none that an operator knows is changed by that.</summary>
    public string Text(string name, string fallback) => Find(name, Kind.String) is { } found ? MessageText.Of(found.S.ToStringUtf8()) : fallback;

    /// <summary>Whole numbers, or null.</summary>
    public long[]? Ints(string name) => Find(name, Kind.Ints)?.Ints.ToArray();

    /// <summary>Numbers, or null.</summary>
    public float[]? Floats(string name) => Find(name, Kind.Floats)?.Floats.ToArray();

    /// <summary>Words as messages quote them, or null.</summary>
    public string[]? Strings(string name) => Find(name, Kind.Strings)?.Strings.Select(text => MessageText.Of(text.ToStringUtf8())).ToArray();

    /// <summary>A tensor, or null.</summary>
    public TensorProto? Tensor(string name) => Find(name, Kind.Tensor)?.T;

    private AttributeProto? Find(string name, Kind kind)
    {
        if (attributes.GetValueOrDefault(name) is not { } attribute)
            return null;
        // Old exporters leave the kind out.
        return attribute.Type is Kind.Undefined || attribute.Type == kind
            ? attribute
            : throw Fault($"its attribute '{name}' is {attribute.Type}; {kind} is expected");
    }
}
