using Onnx;
using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>
/// One branch of an If: nodes that see the values of the graph around them, as PyTorch writes a squeeze whose axis may be longer than 1.
/// </summary>
internal sealed class OnnxBranch
{
    private readonly OnnxNode[] nodes;
    private OnnxOperator[]? operators;
    private readonly string[] outputs;
    private readonly IReadOnlyDictionary<string, StoredTensor> initializers;
    private readonly Dictionary<string, Tensor> constants = new(StringComparer.Ordinal);

    private OnnxBranch(OnnxNode[] nodes, string[] outputs, string[] captured, IReadOnlyDictionary<string, StoredTensor> initializers)
    {
        this.nodes = nodes;
        this.outputs = outputs;
        this.initializers = initializers;
        Captured = captured;
    }

    /// <summary>The names that it takes from the graph around it.</summary>
    public IReadOnlyList<string> Captured { get; }

    /// <summary>Its nodes, in order.</summary>
    public IReadOnlyList<OnnxNode> Nodes => nodes;

    /// <summary>Checks a branch.</summary>
    /// <param name="owner">The node that it is a branch of, for messages.</param>
    /// <param name="graph">The branch.</param>
    /// <param name="opset">The version of the operators.</param>
    /// <exception cref="NotSupportedException">It takes values of its own, gives one twice, or has a tensor in an external file.</exception>
    public static OnnxBranch Of(OnnxNode owner, GraphProto graph, long opset)
    {
        if (graph.Input.Count > 0)
            throw owner.Fault("a branch takes inputs");
        var known = new HashSet<string>(StringComparer.Ordinal);
        var captured = new List<string>();
        foreach (var tensor in graph.Initializer)
            Add(tensor.Name);
        OnnxNode[] nodes = [.. graph.Node.Select((node, index) => new OnnxNode(node, index + 1, opset))];
        foreach (var node in nodes)
        {
            foreach (var input in node.Inputs)
                Take(input);
            foreach (var result in node.Outputs.Where(result => result.Length > 0))
                Add(result);
        }

        string[] outputs = [.. graph.Output.Select(output => output.Name)];
        foreach (var output in outputs)
            Take(output);
        var taken = nodes.SelectMany(node => node.Inputs).Concat(outputs).ToHashSet(StringComparer.Ordinal);
        foreach (var node in nodes)
            node.Want(taken);
        return new(
            nodes, outputs, [.. captured],
            graph.Initializer.ToDictionary(tensor => tensor.Name, tensor => StoredTensor.Of(owner, tensor), StringComparer.Ordinal));

        void Add(string name)
        {
            if (!known.Add(name))
                throw owner.Fault($"a branch gives '{MessageText.Of(name)}' twice");
        }

        void Take(string name)
        {
            if (name.Length > 0 && !known.Contains(name) && !captured.Contains(name))
                captured.Add(name);
        }
    }

    /// <summary>Loads its tensors, for a branch of a node that is needed; those of others may be of any type.</summary>
    /// <exception cref="NotSupportedException">The type of one is not supported.</exception>
    public void Load()
    {
        using var noGradient = no_grad();
        foreach (var (name, tensor) in initializers)
            constants[name] = tensor.Load().DetachFromDisposeScope();
    }

    /// <summary>The branch's outputs, in the caller's dispose scope.</summary>
    /// <param name="run">The run of the node that it is a branch of.</param>
    public Tensor[] Run(NodeRun run)
    {
        var values = new Dictionary<string, Tensor>(StringComparer.Ordinal);
        operators ??= [.. nodes.Select(OnnxOperators.For)];
        var taken = run.Pass.Taken;
        for (var index = 0; index < nodes.Length; index++)
            OnnxGraph.Perform(nodes[index], operators[index], Find, values, run.Pass);
        // Only what the branch gives is held after it, and is counted as what its node gives.
        run.Pass.Taken = taken;
        return [.. outputs.Select(output => Find(output).alias())];

        Tensor Find(string name)
        {
            if (values.TryGetValue(name, out var value))
                return value;
            if (constants.TryGetValue(name, out var constant))
                return values[name] = constant.is_floating_point() ? constant.to(run.Type, run.Pass.Device, copy: true) : constant.alias();
            for (var index = 0; index < run.Node.Inputs.Count; index++)
                if (run.Node.Inputs[index] == name)
                    return run.Input(index);
            throw run.Node.BadInput($"a branch needs '{MessageText.Of(name)}', which is not there");
        }
    }
}
