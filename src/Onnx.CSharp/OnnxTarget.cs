using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Google.Protobuf;
using TorchSharp;
using static TorchSharp.torch;
using Kind = Onnx.TensorProto.Types.DataType;

namespace MappingNets;

/// <summary>
/// A network that an ONNX file describes: its operators run on libtorch, its float initialisers are the weights and its running
/// statistics the buffers, by the names that they have in the file. Dropout does nothing, in training too. Like any target it holds no
/// trained state; PretrainedWeights.Of gives the weights that the file came with.
/// </summary>
public sealed class OnnxTarget : TargetNetwork
{
    // Of one sample, so that two, with which a file is read, have at most as many as any value.
    private const long MostElements = GraphPass.MostElements / 2;

    private readonly OnnxGraph graph;

    private OnnxTarget(string name, OnnxFile file, OnnxGraph graph, IReadOnlyList<InputSpecification> inputs, IReadOnlyList<long> output)
        : base(name, inputs, output, graph.Parameters, graph.Buffers) => (File, this.graph) = (file, graph);

    /// <summary>The version of ONNX's operators that the file uses, 8 to 21.</summary>
    public long Opset => File.Opset;

    /// <summary>The output that is computed, as the file names it.</summary>
    public string Output => graph.Output;

    internal OnnxFile File { get; }

    /// <summary>The inputs' names in the file, in the order of <see cref="TargetNetwork.Inputs"/>.</summary>
    internal IReadOnlyList<string> InputNames => [.. graph.Inputs.Select(input => input.Name)];

    internal static OnnxTarget Of(OnnxFile file, IReadOnlyList<long[]>? inputShapes, string? output, string? name)
    {
        file = SharedInitializers.Separated(file);
        var graph = OnnxGraph.Of(file, output);
        if (inputShapes is not null && inputShapes.Count != graph.Inputs.Count)
            throw new ArgumentException(
                $"'{file.Path}' takes {graph.Inputs.Count} inputs ({MessageText.Names(graph.Inputs.Select(input => $"'{input.Name}'"))}); "
                + $"{inputShapes.Count} shapes were given.",
                nameof(inputShapes));
        InputSpecification[] inputs = [.. graph.Inputs.Select((input, index) => Specification(file, input, inputShapes?[index]))];
        if (inputs.Length == 0)
            throw new CheckpointFormatException(file.Path, "has no input.");
        var called = name ?? (file.Model.Graph.Name.Length > 0 ? MessageText.Of(file.Model.Graph.Name) : Path.GetFileNameWithoutExtension(file.Path));
        return new(called, file, graph, inputs, OutputOf(file, graph, inputs));
    }

    /// <summary>
    /// The same network for another task: its last linear layer gets another number of outputs, or one named "head" is appended where
    /// the network ends in features (a feature map is averaged over its places first). A softmax at the end is left out, so that the
    /// outputs are logits. The layer starts with zeros, of the type in which the file stores the old one, and PretrainedWeights.Of gives them with
    /// the file's other weights.
    /// </summary>
    /// <param name="outputs">How many outputs, such as classes, at least 1.</param>
    /// <returns>A network that knows nothing of the old layer; ExportOnnx writes it whole.</returns>
    /// <exception cref="ArgumentOutOfRangeException">There is no output.</exception>
    /// <exception cref="NotSupportedException">
    /// The last layer's weights have another use too, or nodes make them of others, as in files that are written in half precision; or an
    /// appended layer's names are taken, or the file does not tell the type of the features that it would take.
    /// </exception>
    public OnnxTarget WithHead(long outputs)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(outputs, 1);
        var file = OnnxHead.Of(this, outputs, out var output);
        return Of(file, [.. Inputs.Select(input => input.Shape.ToArray())], output, Name);
    }

    /// <summary>Weights and buffers as the file has them, by name. Each is freed when the next is asked for, so that the file and one set of copies are in memory, not two.</summary>
    internal IEnumerable<(string Name, Tensor Values)> OwnTensors()
    {
        foreach (var name in Parameters.Select(parameter => parameter.Name).Concat(Buffers.Select(buffer => buffer.Name)))
        {
            using var values = File.Initializers[name].Load();
            yield return (name, values);
        }
    }

    /// <inheritdoc/>
    internal override bool IsScaleOrShift(ParameterSpecification parameter) => graph.ScalesAndShifts.Contains(parameter.Name);

    /// <inheritdoc/>
    public override string Describe()
    {
        var text = new StringBuilder().Append(this).Append('\n');
        text.Append(CultureInfo.InvariantCulture, $"ONNX, opset {Opset}, {graph.Steps.Count} nodes: ");
        text.AppendJoin(", ", graph.Steps.CountBy(step => step.Node.Type).OrderByDescending(pair => pair.Value).ThenBy(pair => pair.Key, StringComparer.Ordinal)
            .Select(pair => $"{pair.Key} {pair.Value}")).Append('\n');
        var width = Parameters.Max(parameter => parameter.Name.Length);
        foreach (var parameter in Parameters)
            text.Append(parameter.Name.PadRight(width)).Append("  ").Append(ShapeText.Of(parameter.Shape)).Append("  ")
                .Append(ShapeText.Count(parameter.Count)).Append('\n');
        return text.ToString();
    }

    /// <inheritdoc/>
    internal override string DescribeFunction()
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var node in File.Model.Graph.Node)
            hash.AppendData(NodeFunction.Of(node));
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{SecondDescription}ONNX opset {Opset}, output {Output}, nodes {Convert.ToHexStringLower(hash.GetHashAndReset())}, constants {TensorBytes.Hash(graph.Constants)}");
    }

    /// <inheritdoc/>
    protected override Tensor Compute(IReadOnlyList<Tensor> inputs, IReadOnlyList<Tensor> parameters, NetworkState state, bool training) =>
        graph.Run(inputs, parameters, state.Tensors, training);

    /// <inheritdoc/>
    protected override nn.Module<Tensor, Tensor> CreateModule(IReadOnlyList<Tensor> weights, NetworkState state) =>
        Inputs.Count == 1
            ? new OnnxModule(Name, graph, weights, state.Tensors)
            : throw new NotSupportedException($"'{Name}' takes {Inputs.Count} inputs; a plain module takes one.");

    /// <inheritdoc/>
    protected override Tensor CreateBuffer(int index) => File.Initializers[Buffers[index].Name].Load();

    private static InputSpecification Specification(OnnxFile file, Onnx.ValueInfoProto input, long[]? given)
    {
        var name = MessageText.Of(input.Name);
        var described = input.Type?.TensorType ?? throw new NotSupportedException($"'{file.Path}' takes '{name}', which is no tensor.");
        var type = (Kind)described.ElemType switch
        {
            Kind.Float or Kind.Float16 or Kind.Double or Kind.Bfloat16 => ScalarType.Float32,
            Kind.Int64 or Kind.Int32 => ScalarType.Int64,
            Kind.Bool => ScalarType.Bool,
            var other => throw new NotSupportedException($"'{file.Path}' takes '{name}' of the type {other}, which is not supported."),
        };
        var dimensions = described.Shape?.Dim;
        if (given is not null)
            return given.All(size => size >= 1) && (dimensions is null || dimensions.Count == given.Length + 1) && IsBounded(given)
                ? new([.. given], type)
                : throw new ArgumentException(
                    $"The shape {ShapeText.Of(given)} does not suit '{name}', of {dimensions?.Count ?? 0} dimensions with the batch's; "
                    + $"a shape leaves the batch out, and has sizes of at least 1 and at most {MostElements} elements.",
                    "inputShapes");
        if (dimensions is null || dimensions.Count == 0 || dimensions.Skip(1).Any(size => size.DimValue < 1))
            throw new ArgumentException(
                $"'{file.Path}' leaves sizes of '{name}' open "
                + $"(({MessageText.Names(dimensions?.Select(size => size.DimValue > 0 ? size.DimValue.ToString(CultureInfo.InvariantCulture) : $"'{size.DimParam}'") ?? [])})); "
                + "inputShapes must give the shape of one sample.",
                "inputShapes");
        long[] shape = [.. dimensions.Skip(1).Select(size => size.DimValue)];
        return IsBounded(shape)
            ? new(shape, type)
            : throw new CheckpointFormatException(
                file.Path, $"takes '{name}' with samples of the shape {ShapeText.Of(shape)}; at most {MostElements} elements are supported.");
    }

    private static bool IsBounded(IEnumerable<long> sizes)
    {
        var room = MostElements;
        foreach (var size in sizes)
            room /= size;
        return room > 0;
    }

    // One pass of two samples tells the output's shape, and whether the batch's size is free; of three where two may be what it is fixed to.
    private static IReadOnlyList<long> OutputOf(OnnxFile file, OnnxGraph graph, IReadOnlyList<InputSpecification> inputs)
    {
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        var isTwo = graph.Inputs.Any(input => input.Type?.TensorType?.Shape?.Dim.FirstOrDefault()?.DimValue == 2);
        var (samples, number) = isTwo ? (3, "three") : (2, "two");
        var bytes = inputs.Sum(input => samples * (input.Type == ScalarType.Int64 ? 8 : 4) * ShapeText.Product(input.Shape));
        if (bytes > file.Limits.Bytes)
            throw new CheckpointFormatException(
                file.Path,
                $"takes inputs of {bytes} bytes for {number} samples; at most {ShapeText.Count(file.Limits.Bytes)} are tried "
                + $"({nameof(ReadLimits)}.{nameof(ReadLimits.Bytes)}).");
        Tensor[] given = [.. inputs.Select(input => zeros([samples, .. input.Shape], input.Type, device: CPU))];
        Tensor[] weights = [.. graph.Parameters.Select(parameter => file.Initializers[parameter.Name].Load().to(ScalarType.Float32))];
        Tensor[] buffers = [.. graph.Buffers.Select(buffer => file.Initializers[buffer.Name].Load().to(ScalarType.Float32))];
        Tensor output;
        try
        {
            output = graph.Run(given, weights, buffers, training: false, isReading: true);
        }
        catch (ArgumentException fault)
        {
            throw new NotSupportedException(
                $"'{file.Path}' cannot run on {number} samples of {string.Join(", ", inputs)}: {fault.Message} "
                + "If it was exported for one batch size, export it again with the first axis of its inputs left open.",
                fault);
        }

        return output.dim() > 0 && output.shape[0] == samples
            ? output.shape[1..]
            : throw new NotSupportedException(
                $"'{file.Path}' gives {ShapeText.Of(output.shape)} for {number} samples; the first axis must be the batch's. "
                + "Export it again with the first axis of its inputs left open.");
    }
}
