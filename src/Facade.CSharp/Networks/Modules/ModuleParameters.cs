using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>Which parameters of a module a mapping generates: each once however many names it has, none that its owner froze.</summary>
internal sealed record ModuleParameters(
    IReadOnlyList<(string Name, Parameter Value)> Generated,
    IReadOnlyList<string> Frozen,
    IReadOnlyList<string> OtherNames,
    IReadOnlySet<string> Norms)
{
    /// <summary>Sorts a module's parameters.</summary>
    /// <exception cref="ArgumentException">Two of them have different types, or one is no float.</exception>
    public static ModuleParameters Of(nn.Module module)
    {
        var all = module.named_parameters().ToArray();
        if (all.Length > 0)
            CheckTypes(all);
        var generated = new List<(string Name, Parameter Value)>();
        var frozen = new List<string>();
        var seen = new HashSet<(nint Memory, long Offset, string Shape)>();
        foreach (var (name, parameter) in all)
            if (!parameter.requires_grad)
                frozen.Add(name);
            else if (seen.Add(Place(parameter)))
                generated.Add((name, parameter));
        var known = generated.Select(parameter => parameter.Name).Concat(frozen).ToHashSet();
        // state_dict has every name, also the further ones of a shared parameter.
        var others = module.state_dict().Keys.Concat(all.Select(parameter => parameter.name)).Distinct()
            .Where(name => !known.Contains(name)).Except(module.named_buffers().Select(buffer => buffer.name));
        return new(ByLayer(generated), frozen, [.. others], generated.Where(IsNormScale).Select(parameter => parameter.Name).ToHashSet());
    }

    // A vector called "weight" scales what a normalisation puts out; a network whose scales start around 0 would be silent. The
    // one exception among PyTorch's layers, the slopes of PReLU, then start as the identity.
    private static bool IsNormScale((string Name, Parameter Value) parameter) =>
        parameter.Value.dim() == 1 && (parameter.Name == "weight" || parameter.Name.EndsWith(".weight", StringComparison.Ordinal));

    /// <summary>The tensors of one layer as neighbours, as a layout wants them, layers in order of first appearance.</summary>
    private static (string Name, Parameter Value)[] ByLayer(List<(string Name, Parameter Value)> parameters) =>
        [.. parameters.GroupBy(parameter => LayerOf(parameter.Name)).SelectMany(layer => layer)];

    /// <summary>The number of inputs that feed an output: a matrix's row, and for a vector the row of its layer's matrix.</summary>
    public static long FanIn(string name, IReadOnlyList<(string Name, Parameter Value)> parameters)
    {
        var shape = parameters.Single(parameter => parameter.Name == name).Value.shape;
        if (shape.Length < 2)
            shape = parameters
                .Where(parameter => LayerOf(parameter.Name) == LayerOf(name) && parameter.Value.dim() >= 2)
                .Select(parameter => parameter.Value.shape).FirstOrDefault() ?? [1, .. shape];
        return Math.Max(1, ShapeText.Product(shape.Skip(1)));
    }

    private static string LayerOf(string name) => name.LastIndexOf('.') is >= 0 and var dot ? name[..dot] : name;

    private static (nint, long, string) Place(Tensor parameter)
    {
        // Where a tensor lies is asked of its storage, whose element type must be named but does not matter here.
        using var plain = parameter.detach();
        using var bytes = plain.storage<byte>();
        return (bytes.data_ptr(), plain.storage_offset(), ShapeText.Of(plain.shape) + ShapeText.Of(plain.stride()));
    }

    private static void CheckTypes((string Name, Parameter Value)[] all)
    {
        var (first, type) = (all[0].Name, all[0].Value.dtype);
        foreach (var (name, parameter) in all)
        {
            if (!parameter.is_floating_point())
                throw new ArgumentException($"The parameter '{name}' is {parameter.dtype}; a mapping generates floats only.", "module");
            if (parameter.dtype != type)
                throw new ArgumentException(
                    $"The parameter '{name}' is {parameter.dtype}, but '{first}' is {type}; all must be of one type.", "module");
        }
    }
}
