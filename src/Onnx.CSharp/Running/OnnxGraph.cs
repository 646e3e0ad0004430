using Onnx;
using TorchSharp;
using static TorchSharp.torch;
using Kind = Onnx.TensorProto.Types.DataType;

namespace MappingNets;

/// <summary>The part of an ONNX graph that one output needs, checked and in order, and what its initialisers are to it.</summary>
internal sealed class OnnxGraph
{
    private readonly OnnxFile file;
    private readonly List<Step> steps = [];
    private readonly Dictionary<string, Tensor> constants = new(StringComparer.Ordinal);

    /// <summary>A node, what it computes, and the names whose values nothing needs after it.</summary>
    internal sealed record Step(OnnxNode Node, OnnxOperator Compute, string[] Done);

    private OnnxGraph(OnnxFile file, string output)
    {
        (this.file, Output) = (file, output);
        Inputs = [.. file.Model.Graph.Input.Where(input => !file.Initializers.ContainsKey(input.Name))];
    }

    /// <summary>What the graph takes.</summary>
    public IReadOnlyList<ValueInfoProto> Inputs { get; }

    /// <summary>The name of what it gives.</summary>
    public string Output { get; }

    /// <summary>The weights, in the order of their first use, those of one layer as neighbours.</summary>
    public IReadOnlyList<ParameterSpecification> Parameters { get; private set; } = [];

    /// <summary>The names of the weights that scale or shift what a layer puts out.</summary>
    public IReadOnlySet<string> ScalesAndShifts { get; private set; } = new HashSet<string>();

    /// <summary>The running statistics.</summary>
    public IReadOnlyList<BufferSpecification> Buffers { get; private set; } = [];

    /// <summary>The initialisers that are neither weights nor running statistics, in the order of their first use.</summary>
    public IReadOnlyList<(string Name, Tensor Values)> Constants { get; private set; } = [];

    /// <summary>The nodes in order.</summary>
    public IReadOnlyList<Step> Steps => steps;

    /// <summary>Checks a file's graph.</summary>
    /// <param name="file">The file.</param>
    /// <param name="output">The output to compute, or what a node gives; where null, the only one.</param>
    /// <exception cref="CheckpointFormatException">A value is missing, made twice or used before it is made.</exception>
    /// <exception cref="NotSupportedException">An operator is not supported.</exception>
    /// <exception cref="ArgumentException">There is no such output, or there are several and none is named.</exception>
    public static OnnxGraph Of(OnnxFile file, string? output)
    {
        var outputs = file.Model.Graph.Output.Select(value => value.Name).ToArray();
        var named = MessageText.Names(outputs.Select(name => $"'{name}'"));
        if (output is null ? outputs.Length != 1 : !outputs.Contains(output) && !file.Model.Graph.Node.Any(node => node.Output.Contains(output)))
            throw new ArgumentException(
                output is null ? $"'{file.Path}' has {outputs.Length} outputs, of which one must be named: {named}."
                : $"'{file.Path}' has no output '{output}'; it has {named}.",
                nameof(output));
        var graph = new OnnxGraph(file, output ?? outputs[0]);
        graph.Order();
        graph.AssignRoles();
        graph.Fold();
        return graph;
    }

    /// <summary>One pass, in the caller's dispose scope.</summary>
    /// <param name="inputs">One tensor per entry of <see cref="Inputs"/>.</param>
    /// <param name="parameters">One per entry of <see cref="Parameters"/>, of one float type on one device.</param>
    /// <param name="buffers">One per entry of <see cref="Buffers"/>.</param>
    /// <param name="training">Whether this is a pass of training.</param>
    /// <param name="isReading">Whether the file is read, so that all values together are held to its limits.</param>
    public Tensor Run(
        IReadOnlyList<Tensor> inputs, IReadOnlyList<Tensor> parameters, IReadOnlyList<Tensor> buffers, bool training, bool isReading = false)
    {
        using var scope = NewDisposeScope();
        var samples = inputs.Max(input => input.dim() == 0 ? 1 : input.shape[0]);
        var pass = new GraphPass(file.Path, parameters[0].dtype, parameters[0].device, training, samples, file.Limits.Bytes, isReading);
        var values = new Dictionary<string, Tensor>(StringComparer.Ordinal);
        foreach (var (input, value) in Inputs.Zip(inputs))
            values[input.Name] = value;
        foreach (var (parameter, value) in Parameters.Zip(parameters))
            values[parameter.Name] = value;
        foreach (var (buffer, value) in Buffers.Zip(buffers))
            values[buffer.Name] = value;
        foreach (var step in steps)
        {
            Perform(step.Node, step.Compute, name => Find(values, name, pass), values, pass);
            foreach (var name in step.Done)
                if (values.Remove(name, out var value))
                {
                    pass.Free(value);
                    value.Dispose();
                }
        }

        // What a node gave is this pass's own; what it was given is not.
        var result = Find(values, Output, pass);
        return (steps.Any(step => step.Node.Outputs.Contains(Output)) ? result : result.alias()).MoveToOuterDisposeScope();
    }

    private Tensor Find(Dictionary<string, Tensor> values, string name, GraphPass pass)
    {
        if (values.TryGetValue(name, out var value))
            return value;
        var constant = constants[name];
        value = values[name] = constant.is_floating_point() ? constant.to(pass.Type, pass.Device, copy: true) : constant.alias();
        pass.Take("its constants", value);
        return value;
    }

    /// <summary>Runs a node; what it gives joins the values, in the caller's dispose scope.</summary>
    internal static void Perform(
        OnnxNode node, OnnxOperator compute, Func<string, Tensor> find, Dictionary<string, Tensor> values, GraphPass pass)
    {
        Tensor?[] given = [.. node.Inputs.Select(name => name.Length == 0 ? null : find(name))];
        using var scope = NewDisposeScope();
        Tensor[] results;
        try
        {
            results = compute(new(node, given, pass));
        }
        catch (System.Runtime.InteropServices.ExternalException fault)
        {
            throw node.BadInput(fault.Message.Split('\n')[0].TrimEnd('.'));
        }

        for (var index = 0; index < node.WantedOutputs.Count; index++)
            if (node.WantedOutputs[index] is { Length: > 0 } name)
            {
                if (index >= results.Length)
                    throw node.Fault($"its output {index + 1} is wanted; it has {results.Length}");
                // A value has one owner, so that it can be freed when nothing needs it.
                var isGiven = given.Any(input => ReferenceEquals(input, results[index]));
                values[name] = (isGiven ? results[index].alias() : results[index]).MoveToOuterDisposeScope();
                pass.Take(node, values[name]);
            }
    }

    // The nodes that the output needs; ONNX lists nodes after those whose values they take, so that a cycle shows as a missing value.
    private void Order()
    {
        var known = file.Initializers.Keys.Concat(Inputs.Select(input => input.Name)).ToHashSet(StringComparer.Ordinal);
        if (Inputs.Select(input => input.Name).Distinct().Count() != Inputs.Count)
            throw new CheckpointFormatException(file.Path, "has two inputs of one name.");
        OnnxNode[] nodes = [.. file.Model.Graph.Node.Select((node, index) => new OnnxNode(node, index + 1, file.Opset))];
        var places = new Dictionary<string, int>(StringComparer.Ordinal);
        for (var index = 0; index < nodes.Length; index++)
        {
            foreach (var input in nodes[index].Inputs)
                if (input.Length > 0 && !known.Contains(input))
                    throw new CheckpointFormatException(
                        file.Path, $"is no graph: {nodes[index]} takes '{MessageText.Of(input)}', which no input, no initializer and no node before it gives.");
            foreach (var result in nodes[index].Outputs)
                if (result.Length > 0 && (!known.Add(result) || !places.TryAdd(result, index)))
                    throw new CheckpointFormatException(file.Path, $"is no graph: {nodes[index]} gives '{MessageText.Of(result)}', which is there already.");
        }

        if (!places.ContainsKey(Output))
            throw new CheckpointFormatException(file.Path, $"is no graph: no node gives its output '{MessageText.Of(Output)}'.");
        var needed = new SortedSet<int>();
        var open = new Stack<string>([Output]);
        while (open.TryPop(out var name))
            if (places.TryGetValue(name, out var index) && needed.Add(index))
                foreach (var input in nodes[index].Inputs)
                    open.Push(input);
        var taken = needed.SelectMany(index => nodes[index].Inputs).Append(Output).ToHashSet(StringComparer.Ordinal);
        foreach (var index in needed)
        {
            nodes[index].Want(taken);
            foreach (var (_, branch) in nodes[index].WithNested.SelectMany(node => node.Branches))
                branch.Load();
            steps.Add(new(nodes[index], OnnxOperators.For(nodes[index]), []));
        }
    }

    // A convolution's own padding is of zeros in ONNX; PyTorch writes another one as a node before it.
    private string? PaddingBefore(OnnxNode convolution) =>
        steps.SelectMany(step => step.Node.WithNested).FirstOrDefault(node => node.Outputs.Contains(convolution.Inputs[0])) is { Type: "Pad" } pad
        && pad.Text("mode", "constant") is not "constant" and var mode
            ? mode
            : null;

    private void AssignRoles()
    {
        var aliases = steps.Where(step => step.Node is { Type: "Identity", Inputs: [var from], Outputs: [{ Length: > 0 }, ..] } && file.Initializers.ContainsKey(from))
            .ToDictionary(step => step.Node.Outputs[0], step => step.Node.Inputs[0], StringComparer.Ordinal);
        var roles = new Dictionary<string, TensorRole>(StringComparer.Ordinal);
        var parameters = new Dictionary<string, ParameterSpecification>(StringComparer.Ordinal);
        var order = new List<string>();
        var scalesAndShifts = new HashSet<string>(StringComparer.Ordinal);
        var codes = new HashSet<string>(StringComparer.Ordinal);
        var fanIn = 1L;
        foreach (var node in steps.SelectMany(step => step.Node.WithNested))
        {
            var taken = node.WithNested.Skip(1).SelectMany(nested => nested.Inputs).ToHashSet(StringComparer.Ordinal);
            for (var input = 0; input < node.Inputs.Count; input++)
            {
                var name = aliases.GetValueOrDefault(node.Inputs[input], node.Inputs[input]);
                if (!file.Initializers.TryGetValue(name, out var tensor) || aliases.ContainsKey(node.Outputs[0]))
                    continue;
                if (!order.Contains(name))
                    order.Add(name);
                // What a node of a branch takes has the role that it has there.
                if (taken.Contains(node.Inputs[input]))
                    continue;
                if (node.Type == "Cast" && tensor.Type is Kind.Int8 or Kind.Uint8)
                    codes.Add(node.Outputs[0]);
                var role = TensorRoles.Of(node.Type, input, tensor);
                if (node.Type == "Mul" && codes.Contains(node.Inputs[1 - input])
                    && (role == TensorRole.Parameter || name.EndsWith(StoredWeights.StepEnding, StringComparison.Ordinal)))
                    throw new NotSupportedException(
                        $"'{file.Path}' makes weights of whole numbers and a step ('{MessageText.Of(name)}'), as an export in int8 does, and neither is a weight to "
                        + "train. Read the network's export in single or half precision.");
                if (role == TensorRole.Parameter && IsMask(tensor))
                    role = TensorRole.Constant;
                var before = roles.GetValueOrDefault(name, role);
                if (before != role && (before == TensorRole.Buffer || role == TensorRole.Buffer))
                    throw new NotSupportedException(
                        $"'{file.Path}' uses '{MessageText.Of(name)}' as a running statistic and as something else ({node}); "
                        + "export it without merging initializers that are equal by chance.");
                roles[name] = before > role ? before : role;
                if (role != TensorRole.Parameter)
                    continue;
                if (TensorRoles.IsScaleOrShift(node, input, tensor.Shape))
                    scalesAndShifts.Add(name);
                fanIn = Math.Max(1, TensorRoles.FanIn(node, input, index => ShapeOf(node, index)) ?? fanIn);
                var isKernel = node.Type == "Conv" && input == 1;
                var isFirst = parameters.TryAdd(name, new ParameterSpecification(name, tensor.Shape, fanIn)
                {
                    IsLinearMap = isKernel || TensorRoles.IsMatrixOfOutputs(node, input),
                    IsOtherMatrix = TensorRoles.IsOtherMatrix(node, input),
                    Center = TensorRoles.Center(node, input, tensor.Shape),
                    Groups = isKernel ? node.Int("group", 1) : 1,
                    Dilation = isKernel ? node.Ints("dilations") ?? [] : [],
                    PaddingMode = isKernel ? PaddingBefore(node) : null,
                });
                // A weight that two nodes take is what it is to both.
                if (!isFirst)
                    parameters[name] = parameters[name] with
                    {
                        IsLinearMap = parameters[name].IsLinearMap && (isKernel || TensorRoles.IsMatrixOfOutputs(node, input)),
                        IsOtherMatrix = parameters[name].IsOtherMatrix || TensorRoles.IsOtherMatrix(node, input),
                    };
            }
        }

        foreach (var name in order)
            roles.TryAdd(name, TensorRole.Constant);
        Buffers = [.. order.Where(name => roles[name] == TensorRole.Buffer)
            .Select(name => new BufferSpecification(name, file.Initializers[name].Shape, ScalarType.Float32, 0))];
        // A mapping wants those of one layer, which share the name up to the last dot, as neighbours.
        Parameters = [.. order.Where(name => roles[name] == TensorRole.Parameter).Select(name => parameters[name])
            .GroupBy(parameter => parameter.Name.LastIndexOf('.') is >= 0 and var dot ? parameter.Name[..dot] : parameter.Name)
            .SelectMany(layer => layer)];
        ScalesAndShifts = scalesAndShifts;
        foreach (var name in order.Where(name => roles[name] == TensorRole.Constant))
            constants[name] = file.Initializers[name].Load().DetachFromDisposeScope();
        Constants = [.. constants.Select(pair => (pair.Key, pair.Value))];
        if (file.Initializers.TryGetValue(Output, out _) || Parameters.Count == 0)
            throw new CheckpointFormatException(file.Path, "has no weights: no float initializer is used as one.");

        IReadOnlyList<long>? ShapeOf(OnnxNode node, int input) =>
            input < node.Inputs.Count && file.Initializers.TryGetValue(aliases.GetValueOrDefault(node.Inputs[input], node.Inputs[input]), out var found)
                ? found.Shape
                : null;
    }

    // What masks positions holds minus infinity or a number like it, which no weight is. NaN is no mask, and is refused where the weights are taken.
    private static bool IsMask(StoredTensor tensor)
    {
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        return tensor.Load().abs().max().to(ScalarType.Float64).item<double>() >= 1e30;
    }

    // What depends on constants only is computed once; then each value is freed after the last node that takes it.
    private void Fold()
    {
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        var pass = new GraphPass(file.Path, ScalarType.Float32, CPU, training: false, samples: 1, file.Limits.Bytes, isReading: true)
        {
            Taken = file.LoadedBytes,
        };
        for (var index = 0; index < steps.Count; index++)
            if (steps[index].Node is var node && !node.Outputs.Contains(Output)
                && node.Inputs.All(name => name.Length == 0 || constants.ContainsKey(name)))
            {
                using var folding = NewDisposeScope();
                var values = new Dictionary<string, Tensor>(StringComparer.Ordinal);
                // Stored doubles are computed with as they are, but beside what a node has made, which is of the pass's type.
                var isMixed = node.Inputs.Where(name => name.Length > 0).Select(name => constants[name])
                    .Where(constant => constant.is_floating_point()).Select(constant => constant.dtype).Distinct().Count() > 1;
                Perform(node, steps[index].Compute, name => isMixed ? Typed(constants[name]) : constants[name], values, pass);
                foreach (var (name, value) in values)
                    constants[name] = value.DetachFromDisposeScope();
                steps.RemoveAt(index--);
            }

        var last = new Dictionary<string, int>(StringComparer.Ordinal);
        var made = steps.SelectMany(step => step.Node.Outputs).Concat(constants.Keys).ToHashSet(StringComparer.Ordinal);
        for (var index = 0; index < steps.Count; index++)
            foreach (var name in steps[index].Node.Inputs.Concat(steps[index].Node.Outputs).Where(name => name.Length > 0 && name != Output && made.Contains(name)))
                last[name] = index;
        var done = last.ToLookup(pair => pair.Value, pair => pair.Key);
        for (var index = 0; index < steps.Count; index++)
            steps[index] = steps[index] with { Done = [.. done[index]] };

        Tensor Typed(Tensor constant) => constant.is_floating_point() && constant.dtype != pass.Type ? constant.to(pass.Type) : constant;
    }
}
