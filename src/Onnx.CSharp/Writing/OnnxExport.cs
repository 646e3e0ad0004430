using Google.Protobuf;
using Onnx;
using TorchSharp;
using static TorchSharp.torch;
using Kind = Onnx.TensorProto.Types.DataType;

namespace MappingNets;

/// <summary>Files of trained models: a graph, from layers or as a file had it, with the weights as they are now.</summary>
internal static class OnnxExport
{
    /// <summary>The bytes of a model's file.</summary>
    /// <param name="model">The model.</param>
    /// <param name="precision">How weights of two or more dimensions are stored.</param>
    /// <param name="overridable">The names of the tensors that a run may replace.</param>
    /// <exception cref="NotSupportedException">A layer or a precision cannot be written, or a weight's type in the network's file forbids it.</exception>
    public static byte[] Of(Model model, StoredPrecision precision, IReadOnlyCollection<string> overridable)
    {
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        var values = Values(model);
        WeightRounding.RequireSingle(model.Target, precision, values);
        var born = model.Target.Plain as OnnxTarget;
        if (born is not null && precision == StoredPrecision.Single && overridable.Count == 0 && IsInPlace(born.File, values.Keys))
            return InPlace(born.File, values);
        var proto = Graph(model.Target);
        foreach (var tensor in proto.Graph.Initializer.Where(tensor => values.ContainsKey(tensor.Name)).ToArray())
        {
            var value = values[tensor.Name];
            var stored = born?.File.Initializers[tensor.Name];
            if (stored is null or { Type: Kind.Float })
            {
                var rounded = WeightRounding.IsRounded(precision, value) && !overridable.Contains(tensor.Name);
                StoredWeights.Store(proto, tensor, value, rounded ? precision : StoredPrecision.Single);
                continue;
            }

            // A file of another precision keeps it: the nodes around the tensor expect its type.
            if (overridable.Contains(tensor.Name))
                throw new NotSupportedException($"'{MessageText.Of(tensor.Name)}' is {stored.Type} in its file; only single precision can be overridable.");
            tensor.ClearNumbers();
            tensor.RawData = ByteString.CopyFrom(stored.Encode(value));
        }

        foreach (var name in overridable)
            if (!proto.Graph.Input.Any(input => input.Name == name))
                proto.Graph.Input.Add(GraphWriter.Described(name, Kind.Float, values[name].shape, batch: false));
        return proto.CalculateSize() is > 0 and var size && size < int.MaxValue - 64
            ? proto.ToByteArray()
            : throw new NotSupportedException($"'{model.Target.Name}' takes 2 GiB or more as one file.");
    }

    /// <summary>A network's model: of layers without numbers in its initialisers, of a file with those that it has there.</summary>
    /// <exception cref="NotSupportedException">The network is a module of the user's, has a layer of the user's, or a weight called "input" or "output".</exception>
    public static ModelProto Graph(TargetNetwork target)
    {
        switch (target.Plain)
        {
            case OnnxTarget born:
                return born.File.WholeModel();
            case SequentialTarget layered:
                var names = layered.Parameters.Select(parameter => parameter.Name).Concat(layered.Buffers.Select(buffer => buffer.Name));
                var writer = new GraphWriter(layered.Name, layered.Inputs[0], layered.OutputShape, names.ToHashSet(StringComparer.Ordinal));
                writer.End(LayerNodes.Write(
                    writer, layered.Layers, GraphWriter.Input,
                    [.. layered.Parameters.Select(parameter => parameter.Name)], [.. layered.Buffers.Select(buffer => buffer.Name)]));
                foreach (var (name, shape) in layered.Parameters.Select(parameter => (parameter.Name, parameter.Shape))
                    .Concat(layered.Buffers.Where(IsWritten).Select(buffer => (buffer.Name, buffer.Shape))))
                {
                    var tensor = new TensorProto { Name = name };
                    tensor.Dims.AddRange(shape);
                    writer.Model.Graph.Initializer.Add(tensor);
                }

                return writer.Model;
            default:
                throw new NotSupportedException(
                    $"'{target.Name}' is a module of your own, whose operators are not known here; networks of the builder and from ONNX files can be written.");
        }
    }

    /// <summary>Whether files have a buffer: running statistics, no counters.</summary>
    public static bool IsWritten(BufferSpecification buffer) => buffer.IsPersistent && FloatTypes.Contains(buffer.Type);

    /// <summary>Weights and statistics as they are now, in single precision on the CPU, by the names of the plain network.</summary>
    public static Dictionary<string, Tensor> Values(Model model)
    {
        var values = new Dictionary<string, Tensor>(StringComparer.Ordinal);
        var weights = model.Target.Plain.Parameters.Select(parameter => parameter.Name).Zip(model.Target.PlainWeights(model.CurrentWeights()));
        var statistics = model.Target.PersistentBuffers(model.State).Where(buffer => buffer.Values.is_floating_point());
        foreach (var (name, value) in weights.Concat(statistics))
        {
            values[name] = value.detach().to(ScalarType.Float32).cpu().contiguous();
            if (!FiniteNumbers.AllIn(values[name]))
                throw new InvalidOperationException($"'{MessageText.Of(name)}' holds a number that is not finite, so the model is of no use elsewhere.");
        }

        return values;
    }

    // A constant in another file counts too: a copy elsewhere would look for that file beside itself.
    private static bool IsInPlace(OnnxFile file, IEnumerable<string> names) =>
        file.Initializers.Values.All(tensor => tensor.External is null) && names.All(name => file.Initializers[name].Place.IsWhole);

    // Nothing of the file changes but the bytes of these tensors.
    private static byte[] InPlace(OnnxFile file, Dictionary<string, Tensor> values)
    {
        var bytes = (byte[])file.Bytes.Clone();
        foreach (var (name, value) in values)
        {
            var stored = file.Initializers[name];
            stored.Encode(value).CopyTo(bytes, stored.Place.Start);
        }

        return bytes;
    }
}
