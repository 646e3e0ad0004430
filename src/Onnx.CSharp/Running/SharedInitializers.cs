using Google.Protobuf;
using Onnx;
using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>
/// PyTorch's exporter stores initialisers that are equal once, and gives the others by Identity. That is right for tied weights; in a
/// network whose norms are new, all scales are equal by chance, to each other and to the running variances, and become one tensor.
/// </summary>
internal static class SharedInitializers
{
    /// <summary>
    /// The file with a tensor of its own for each use, where one is a running statistic and another is not, or all numbers are the same, as
    /// no trained weight's are; otherwise the file itself.
    /// </summary>
    public static OnnxFile Separated(OnnxFile file)
    {
        var outputs = file.Model.Graph.Output.Select(output => output.Name).ToHashSet(StringComparer.Ordinal);
        var places = file.Model.Graph.Node.Select((node, place) => (node, place))
            .Where(pair => pair.node is { OpType: "Identity", Input.Count: 1, Output.Count: 1 } && !outputs.Contains(pair.node.Output[0])
                && file.Initializers.TryGetValue(pair.node.Input[0], out var tensor) && tensor.IsFloat && tensor.Count > 1)
            .GroupBy(pair => pair.node.Input[0], pair => pair.place)
            .Where(group => IsByChance(file, group.Key, group.Select(place => file.Model.Graph.Node[place].Output[0])))
            .SelectMany(group => group).OrderDescending().ToArray();
        if (places.Length == 0)
            return file;
        // Written as one file, in which the external tensors lie too; a few nodes may ask for many copies of a large one.
        var bytes = file.Bytes.Length + file.Initializers.Values.Sum(tensor => tensor.External?.Length ?? 0)
            + places.Sum(place => file.Initializers[file.Model.Graph.Node[place].Input[0]].StoredBytes);
        if (bytes > file.Limits.Bytes)
            throw new CheckpointFormatException(
                file.Path,
                $"stores initializers once that are equal by chance; apart they make a file of {bytes} bytes, and at most "
                + $"{ShapeText.Count(file.Limits.Bytes)} are read ({nameof(ReadLimits)}.{nameof(ReadLimits.Bytes)}).");
        if (bytes > int.MaxValue - 64)
            throw new NotSupportedException(
                $"'{file.Path}' stores initializers once that are equal by chance; apart they make a file of {bytes} bytes, and one of 2 GiB or more is "
                + "not supported. Export it without merging them.");
        var model = file.WholeModel();
        var stored = model.Graph.Initializer.ToDictionary(tensor => tensor.Name, StringComparer.Ordinal);
        foreach (var place in places)
        {
            var copy = stored[model.Graph.Node[place].Input[0]].Clone();
            copy.Name = model.Graph.Node[place].Output[0];
            model.Graph.Initializer.Add(copy);
            model.Graph.Node.RemoveAt(place);
        }

        return OnnxFile.Parse(file.Path, model.ToByteArray(), file.Limits);
    }

    private static bool IsByChance(OnnxFile file, string name, IEnumerable<string> others)
    {
        string[] names = [name, .. others];
        var uses = file.Model.Graph.Node.SelectMany(node => node.Input.Select((input, place) => (node.OpType, input, place)))
            .Where(use => names.Contains(use.input) && use.OpType != "Identity")
            .Select(use => TensorRoles.Of(use.OpType, use.place, file.Initializers[name]) == TensorRole.Buffer).ToArray();
        if (uses.Contains(true) && uses.Contains(false))
            return true;
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        var values = file.Initializers[name].Load().reshape(-1);
        return values.eq(values[0]).all().item<bool>();
    }
}
