namespace MappingNets;

/// <summary>
/// A network's modules as PEFT finds them by name. A name in modules_to_save stands for every module whose name ends with it, with or without a dot
/// before it; each of these is stored whole, with all modules in it, and gets no factors.
/// </summary>
/// <remarks>_set_trainable, check_target_module_exists and get_peft_model_state_dict in PEFT's sources.</remarks>
internal static class PeftModules
{
    /// <summary>What stands before the names of a network's modules and tensors.</summary>
    public const string Prefix = "base_model.model.";

    // What stands after a saved module's name for its two copies: the base's, and the one that is trained.
    private const string BaseCopy = ".original_module.";
    private const string TrainedCopy = ".modules_to_save.";

    // The modules that PEFT puts around a network, and those in a module that it gives factors.
    private static readonly string[] Around = ["base_model", "base_model.model"];
    private static readonly string[] Inside =
    [
        "base_layer", "lora_dropout", "lora_dropout.default", "lora_A", "lora_A.default", "lora_B", "lora_B.default",
        "lora_embedding_A", "lora_embedding_B", "lora_magnitude_vector",
    ];

    /// <summary>The module that a tensor belongs to; for a tensor of the network itself, its own name.</summary>
    /// <param name="tensor">The tensor's name, such as "layer1.0.conv1.weight".</param>
    public static string Of(string tensor) => tensor.LastIndexOf('.') is > 0 and var dot ? tensor[..dot] : tensor;

    /// <summary>Whether a tensor or a module is somewhere in a module.</summary>
    /// <param name="module">The module's name.</param>
    /// <param name="name">The other's.</param>
    public static bool Holds(string module, string name) =>
        name.Length > module.Length && name[module.Length] == '.' && name.StartsWith(module, StringComparison.Ordinal);

    /// <summary>The tensor of a module that is stored whole which a file has once more, as one of that module's two copies; null where it is none.</summary>
    /// <param name="name">The tensor's name in the file.</param>
    /// <param name="isStored">Whether the file has a tensor of a saved module under a name.</param>
    /// <param name="isTrained">Whether it is of the copy that is trained, and not of the base's.</param>
    public static string? CopiedFrom(string name, Func<string, bool> isStored, out bool isTrained)
    {
        isTrained = name.Contains(TrainedCopy, StringComparison.Ordinal);
        var copy = isTrained ? TrainedCopy : BaseCopy;
        var place = name.IndexOf(copy, StringComparison.Ordinal);
        if (place < 0)
            return null;
        var (module, rest) = (name[..(place + 1)], name[(place + copy.Length)..]);
        if (isStored(module + rest))
            return module + rest;
        // Where the saved module has modules in it, some versions leave the adapter's name between.
        var dot = rest.IndexOf('.');
        return isTrained && dot > 0 && isStored(module + rest[(dot + 1)..]) ? module + rest[(dot + 1)..] : null;
    }

    /// <summary>The modules that some tensors belong to, without those that are in another of them.</summary>
    /// <param name="tensors">The tensors' names.</param>
    public static string[] Outermost(IEnumerable<string> tensors)
    {
        var modules = tensors.Select(Of).Distinct().ToArray();
        return [.. modules.Where(module => !modules.Any(other => Holds(other, module)))];
    }

    /// <summary>The modules that have tensors, frozen ones and such as have another name too, and all that these are in.</summary>
    /// <param name="target">The network.</param>
    /// <exception cref="ObjectDisposedException">As for <see cref="TargetNetwork.Frozen"/>.</exception>
    public static string[] All(TargetNetwork target) =>
    [
        .. target.Parameters.Select(parameter => parameter.Name).Concat(target.Buffers.Select(buffer => buffer.Name))
            .Concat(target.Frozen().Select(frozen => frozen.Name)).Concat(target.OtherNames.Keys).SelectMany(Path).Distinct(),
    ];

    /// <summary>Why PEFT would store other modules than these, or leave out factors; null where it would do neither.</summary>
    /// <param name="saved">The modules that are to be stored whole.</param>
    /// <param name="adapted">The modules that have factors.</param>
    /// <param name="all">Every module of the network.</param>
    public static string? Misread(IReadOnlyList<string> saved, IReadOnlyList<string> adapted, IReadOnlyList<string> all)
    {
        string[] keys = [.. Around, .. all.Concat(adapted.SelectMany(module => Inside.Select(part => $"{module}.{part}"))).Select(name => Prefix + name)];
        foreach (var module in saved)
        {
            if (!all.Contains(module))
                return $"'{module}' is trained itself and is a parameter of the network, not of a module in it, and PEFT stores modules whole";
            if (adapted.Contains(module))
                return $"'{module}' has tensors of its own and factors, and PEFT's modules have one of the two";
            if (adapted.FirstOrDefault(other => Holds(module, other)) is { } inner)
                return $"'{module}' has tensors that are trained themselves, so PEFT stores all that is in it, and '{inner}' in it would lose its factors";
            if (keys.FirstOrDefault(key => key.EndsWith(module, StringComparison.Ordinal) && key != Prefix + module) is { } taken)
                return $"'{module}' is stored whole, and PEFT takes that name for every module whose name ends with it, "
                    + $"'{(taken.StartsWith(Prefix, StringComparison.Ordinal) ? taken[Prefix.Length..] : taken)}' among them";
        }

        return null;
    }

    /// <summary>
    /// What a module is whose factors compute something else in PEFT than a change of its weight by their product, and why; null where they compute
    /// that. PEFT's factor A is a convolution of the module's kernel, stride and padding, and has nothing else of it.
    /// </summary>
    /// <param name="weight">The module's weight.</param>
    public static string? Otherwise(ParameterSpecification weight)
    {
        if (weight.Groups > 1)
            return FormattableString.Invariant(
                $"is a convolution in {weight.Groups} groups: PEFT's factor A has a kernel for each of its inputs, and low rank here for those of one group");
        // A kernel of one place has no distances in it.
        if (weight.Dilation.Zip(weight.Shape.Skip(2)).Any(axis => axis.First > 1 && axis.Second > 1))
            return $"is a convolution of the dilation {ShapeText.Of(weight.Dilation)}: PEFT's factor A has none, and low rank here has the layer's";
        return weight.PaddingMode is { } mode
            ? $"is a convolution that pads in the mode '{mode}': PEFT's factor A pads with zeros, and low rank here as the layer does"
            : null;
    }

    private static IEnumerable<string> Path(string tensor)
    {
        for (var dot = tensor.LastIndexOf('.'); dot > 0; dot = tensor.LastIndexOf('.', dot - 1))
            yield return tensor[..dot];
    }
}
