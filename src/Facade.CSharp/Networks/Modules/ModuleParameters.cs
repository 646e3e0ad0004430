using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>
/// Which parameters of a module a mapping generates: each once however many names or handles it has, none that its owner froze.
/// </summary>
/// <param name="Generated">The parameters, each with the other handles to the same memory, whose gradients count too.</param>
/// <param name="Frozen">The names of those that the owner froze.</param>
/// <param name="OtherNames">Further names of parameters and buffers, each with the first name.</param>
/// <param name="Norms">The names of those that scale what a normalisation puts out.</param>
/// <param name="OfLayerNorms">The names of those of layer normalisations, which can have more than one dimension.</param>
/// <param name="LinearMaps">The names of the weights of linear layers and convolutions, each with how it meets its input.</param>
internal sealed record ModuleParameters(
    IReadOnlyList<ModuleParameters.Entry> Generated,
    IReadOnlyList<string> Frozen,
    IReadOnlyDictionary<string, string> OtherNames,
    IReadOnlySet<string> Norms,
    IReadOnlySet<string> OfLayerNorms,
    IReadOnlyDictionary<string, ModuleParameters.LinearMap> LinearMaps)
{
    /// <summary>One parameter, and the other handles to its memory.</summary>
    internal sealed record Entry(string Name, Parameter Value, IReadOnlyList<Parameter> Ties)
    {
        /// <summary>All handles: each may be a leaf of a graph of its own.</summary>
        public IEnumerable<Parameter> Handles => Ties.Prepend(Value);
    }

    /// <summary>How the weight of a linear layer or a convolution meets its input.</summary>
    /// <param name="Groups">Into how many groups the channels are divided; 1 for a linear layer.</param>
    /// <param name="Dilation">How far apart the places of the kernel lie, along each of its axes; empty for a linear layer.</param>
    /// <param name="PaddingMode">What is put around the input, such as "reflect"; null where that is zeros or nothing.</param>
    internal sealed record LinearMap(long Groups, IReadOnlyList<long> Dilation, string? PaddingMode)
    {
        /// <summary>That of a layer.</summary>
        public static LinearMap Of(nn.Module module) => module is Convolution layer
            ? new(layer.groups, [.. layer.dilation], HasOwnPadding(layer) ? layer.padding_mode.ToString().ToLowerInvariant() : null)
            : new(1, [], null);

        // TorchSharp's constant is 0.
        private static bool HasOwnPadding(Convolution layer) =>
            layer.padding_mode is not (PaddingModes.Zeros or PaddingModes.Constant)
            && (layer.padding is { } sizes ? sizes.Any(size => size > 0) : layer.padding_type == Padding.Same && layer.kernel_size.Any(size => size > 1));
    }

    /// <summary>Sorts a module's parameters.</summary>
    /// <exception cref="ArgumentException">
    /// Two of them have different types, or one is no float; two overlap in memory without being the same, or are the same and only
    /// one of them is frozen; one has several elements in one place of memory, or shares memory with a buffer; a buffer's type has no
    /// place in a file, such as complex numbers.
    /// </exception>
    public static ModuleParameters Of(nn.Module module)
    {
        var all = module.named_parameters().Select(pair => (Name: pair.name, Value: pair.parameter, Memory: default(TensorMemory))).ToArray();
        CheckTypes(all);
        for (var index = 0; index < all.Length; index++)
            all[index].Memory = TensorMemory.Of(all[index].Value);
        CheckOverlaps(all);
        CheckBuffers(module, all);

        var groups = all.GroupBy(parameter => parameter.Memory).Select(group => group.ToArray()).ToArray();
        var generated = groups.Where(group => group[0].Value.requires_grad)
            .Select(group => new Entry(group[0].Name, group[0].Value, [.. group.Skip(1).Select(tie => tie.Value)])).ToList();
        string[] frozen = [.. all.Where(parameter => !parameter.Value.requires_grad).Select(parameter => parameter.Name)];
        var norms = generated.Where(IsNormScale).Select(parameter => parameter.Name).ToHashSet();
        var layerNorms = module.named_modules().Where(part => part.module is LayerNorm)
            .SelectMany(part => part.module.named_parameters().Select(parameter => $"{part.name}.{parameter.name}")).ToHashSet();
        var maps = module.named_modules().Where(part => part.module is Linear or Conv1d or Conv2d or Conv3d)
            .ToDictionary(part => part.name + ".weight", part => LinearMap.Of(part.module), StringComparer.Ordinal);
        return new(ByLayer(generated), frozen, OtherNamesIn(module, all, frozen, generated), norms, layerNorms, maps);
    }

    /// <summary>The number of inputs that feed an output: a matrix's row, and for a vector the row of its layer's matrix.</summary>
    public static long FanIn(string name, IReadOnlyList<Entry> parameters) =>
        PyTorchRule.FanIn(name, [.. parameters.Select(parameter => (parameter.Name, parameter.Value.shape))]);

    private static bool IsNormScale(Entry parameter) => PyTorchRule.Center(parameter.Name, (int)parameter.Value.dim()) != 0;

    /// <summary>The tensors of one layer as neighbours, as a layout wants them, layers in order of first appearance.</summary>
    private static Entry[] ByLayer(IEnumerable<Entry> parameters) =>
        [.. parameters.GroupBy(parameter => PyTorchRule.LayerOf(parameter.Name)).SelectMany(layer => layer)];

    // state_dict has every name, also the further ones of a parameter that the module holds twice.
    private static Dictionary<string, string> OtherNamesIn(
        nn.Module module,
        (string Name, Parameter Value, TensorMemory Memory)[] all,
        IReadOnlyList<string> frozen,
        IReadOnlyList<Entry> generated)
    {
        var places = all.GroupBy(parameter => parameter.Memory).ToDictionary(group => group.Key, group => group.First().Name);
        foreach (var (name, buffer) in module.named_buffers().Where(buffer => !buffer.buffer.IsInvalid))
            places.TryAdd(TensorMemory.Of(buffer), name);
        var known = generated.Select(parameter => parameter.Name).Concat(frozen)
            .Concat(module.named_buffers().Select(buffer => buffer.name)).ToHashSet();
        var others = all.ToDictionary(parameter => parameter.Name, parameter => places[parameter.Memory]);
        foreach (var (name, value) in module.state_dict())
            if (!known.Contains(name) && !value.IsInvalid && places.TryGetValue(TensorMemory.Of(value), out var first))
                others[name] = first;
        return others.Where(pair => !known.Contains(pair.Key)).ToDictionary(StringComparer.Ordinal);
    }

    private static void CheckTypes((string Name, Parameter Value, TensorMemory Memory)[] all)
    {
        foreach (var (name, parameter, _) in all)
        {
            if (parameter.IsInvalid)
                throw new ArgumentException($"The parameter '{name}' was disposed; a module is lent whole.", "module");
            if (!FloatTypes.Contains(parameter.dtype))
                throw new ArgumentException($"The parameter '{name}' is {parameter.dtype}; a mapping generates floats only.", "module");
            if (parameter.dtype != all[0].Value.dtype)
                throw new ArgumentException(
                    $"The parameter '{name}' is {parameter.dtype}, but '{all[0].Name}' is {all[0].Value.dtype}; all must be of one type.", "module");
            if (InferenceTensors.Has(parameter))
                throw new ArgumentException(
                    $"The parameter '{name}' was made under torch.inference_mode, so that nothing may be written into it; make the module outside.",
                    "module");
        }
    }

    private static void CheckOverlaps((string Name, Parameter Value, TensorMemory Memory)[] all)
    {
        foreach (var (name, parameter, memory) in all)
            if (parameter.numel() * parameter.element_size() > memory.End - memory.Start)
                throw new ArgumentException(
                    $"The parameter '{name}' has several elements in one place of memory, such as an expanded tensor: they could not differ. Make it "
                    + "contiguous, or expand it in the forward function.",
                    "module");
        foreach (var storage in all.GroupBy(parameter => parameter.Memory.Storage).Select(group => group.ToArray()))
            for (var index = 1; index < storage.Length; index++)
                for (var earlier = 0; earlier < index; earlier++)
                    CheckPair(storage[earlier], storage[index]);
    }

    // What is written into the one would change the other.
    private static void CheckBuffers(nn.Module module, (string Name, Parameter Value, TensorMemory Memory)[] all)
    {
        foreach (var (name, buffer) in module.named_buffers())
        {
            if (!buffer.IsInvalid && SafetensorsTypes.NameOf(buffer.dtype) is null)
                throw new ArgumentException(
                    $"The buffer '{name}' is {buffer.dtype}, which adapters and resume files cannot hold; they hold {SafetensorsTypes.Names}. Register "
                    + "a constant with persistent: false; of a state keep the real and the imaginary part as two buffers.",
                    "module");
            var memory = buffer.IsInvalid ? default : TensorMemory.Of(buffer);
            if (Array.Find(all, parameter => memory.Overlaps(parameter.Memory)) is { Name: { } parameter })
                throw new ArgumentException(
                    $"The buffer '{name}' shares the memory of the parameter '{parameter}': writing the one would change the other. Make the buffer a "
                    + "copy, or take the view in the forward function.",
                    "module");
        }
    }

    private static void CheckPair(
        (string Name, Parameter Value, TensorMemory Memory) first, (string Name, Parameter Value, TensorMemory Memory) second)
    {
        if (!first.Memory.Overlaps(second.Memory))
            return;
        if (first.Memory != second.Memory)
            throw new ArgumentException(
                $"The parameters '{first.Name}' and '{second.Name}' are different views of one memory, {ShapeText.Of(first.Value.shape)} and "
                + $"{ShapeText.Of(second.Value.shape)}, such as a matrix and its transpose: they would overwrite one another. Keep one of them and "
                + "take the view in the forward function.",
                "module");
        if (first.Value.requires_grad != second.Value.requires_grad)
            throw new ArgumentException(
                $"The parameters '{first.Name}' and '{second.Name}' are one memory, and only one of them is frozen; freeze both or none.", "module");
    }
}
