using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>Weights and buffers for one target network, such as pretrained ones from a file. Owns its tensors.</summary>
public sealed class NetworkWeights : IDisposable
{
    private NetworkWeights(IReadOnlyList<Tensor> tensors, NetworkState state) => (Tensors, State) = (tensors, state);

    /// <summary>One tensor per entry of the network's parameters, in their order, single precision.</summary>
    public IReadOnlyList<Tensor> Tensors { get; }

    /// <summary>The network's buffers.</summary>
    public NetworkState State { get; }

    /// <summary>Frees the tensors.</summary>
    public void Dispose()
    {
        foreach (var tensor in Tensors)
            tensor.Dispose();
        State.Dispose();
    }

    /// <summary>Reads a file against a network. Names, shapes and types are checked before the first tensor is read.</summary>
    internal static NetworkWeights Read(string path, TargetNetwork network, ReadLimits? limits)
    {
        using var file = TensorFile.Read(path, limits);
        AdapterHeader.RefuseInsteadOfWeights(file);
        file.CheckContent();
        BufferSpecification[] buffers = [.. network.Buffers.Where(buffer => buffer.IsPersistent)];
        // The names in the file: it may have a tensor that a module uses in several places under any of them.
        var names = network.Parameters.Select(parameter => parameter.Name).Concat(buffers.Select(buffer => buffer.Name))
            .ToDictionary(name => name, name => network.NamesOf(name).FirstOrDefault(known => file.Find(known) is not null, name), StringComparer.Ordinal);
        Check(file, network, buffers, names);
        CheckShared(file, network);
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        Tensor[] weights = [.. network.Parameters.Select(parameter => Numbers(file, names[parameter.Name], ScalarType.Float32))];
        var state = network.CreateState();
        try
        {
            foreach (var (buffer, values) in network.PersistentBuffers(state))
                values.copy_(Numbers(file, names[buffer], values.dtype, start: values));
        }
        catch
        {
            state.Dispose();
            throw;
        }

        return new([.. weights.Select(weight => weight.DetachFromDisposeScope())], state);
    }

    private static void Check(
        TensorFile file, TargetNetwork network, IReadOnlyList<BufferSpecification> buffers, IReadOnlyDictionary<string, string> names)
    {
        var entries = file.Entries.ToDictionary(entry => entry.Name);
        var needed = network.Parameters.Select(parameter => (Name: names[parameter.Name], parameter.Shape, IsFloat: true))
            .Concat(buffers.Select(buffer => (Name: names[buffer.Name], buffer.Shape, IsFloat: FloatTypes.Contains(buffer.Type))))
            .ToArray();
        if (LowRankTarget.OtherForm(network.Name, network.Parameters, name => entries.GetValueOrDefault(names.GetValueOrDefault(name, name))?.Shape) is { } fault)
            throw new CheckpointFormatException(file.FileName, fault);
        Refuse("lacks", needed.Select(tensor => tensor.Name).Where(name => !entries.ContainsKey(name)));
        Refuse(
            "has, beside what the network needs,",
            entries.Keys.Except(needed.Select(tensor => tensor.Name)).Except(network.Frozen().Select(frozen => frozen.Name)).Except(network.OtherNames.Keys));
        foreach (var (name, shape, isFloat) in needed)
        {
            var entry = entries[name];
            if (!entry.Shape.SequenceEqual(shape))
                throw new CheckpointFormatException(
                    file.FileName, $"has '{name}' of the shape {ShapeText.Of(entry.Shape)}; the network needs {ShapeText.Of(shape)}.");
            if (FloatTypes.Contains(entry.DType) != isFloat)
                throw new CheckpointFormatException(
                    file.FileName, $"has '{name}' as {entry.DType}; the network needs {(isFloat ? "floats" : "whole numbers")}.");
        }

        void Refuse(string what, IEnumerable<string> tensors)
        {
            var listed = tensors.Order(StringComparer.Ordinal).ToArray();
            if (listed.Length > 0)
                throw new CheckpointFormatException(
                    file.FileName,
                    $"{what} {string.Join(", ", listed.Take(5).Select(name => $"'{MessageText.Of(name)}'"))}"
                    + (listed.Length > 5 ? $" and {listed.Length - 5} more." : "."));
        }
    }

    // What the network does not take from the file must be what it has already.
    private static void CheckShared(TensorFile file, TargetNetwork network)
    {
        bool Has(string name) => file.Find(name) is not null;
        if (network.OtherFrozen(Has, file.Load) is { } frozen)
            throw new CheckpointFormatException(
                file.FileName, $"has '{frozen}', which is frozen in the module of '{network.Name}', with other values than the module. {TargetNetwork.FrozenRemedy}");
        if (network.TornTie(Has, file.Load) is { } tie)
            throw new CheckpointFormatException(
                file.FileName, $"has different values as '{tie.First}' and '{tie.Second}', which are one tensor in the module of '{network.Name}'.");
    }

    private static Tensor Numbers(TensorFile file, string name, ScalarType type, Tensor? start = null)
    {
        var values = file.Load(name).to(type);
        return FiniteNumbers.AllIn(values) || (start is not null && FiniteNumbers.AllInOrAsIn(values, start))
            ? values
            : throw new CheckpointFormatException(file.FileName, $"has a number that is not finite in '{name}'.");
    }
}
