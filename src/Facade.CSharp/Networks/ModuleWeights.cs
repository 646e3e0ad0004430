using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>Copies weights into a plain TorchSharp module by name.</summary>
internal static class ModuleWeights
{
    /// <summary>All or nothing: what does not fit is refused before anything is written.</summary>
    /// <param name="module">Whose tensors are overwritten, in their own type and on their own device.</param>
    /// <param name="tensors">Names of its state_dict and values.</param>
    /// <exception cref="ArgumentException">The module lacks a tensor, has one too many, or one of another shape.</exception>
    public static void Write(nn.Module module, IReadOnlyList<(string Name, Tensor Value)> tensors)
    {
        var own = module.state_dict();
        foreach (var (name, value) in tensors)
        {
            if (!own.TryGetValue(name, out var tensor))
                throw new ArgumentException(
                    $"The module has no '{name}'; it has [{string.Join(", ", own.Keys)}].", nameof(module));
            if (!tensor.shape.SequenceEqual(value.shape))
                throw new ArgumentException(
                    $"The module's '{name}' has the shape {ShapeText.Of(tensor.shape)}; the weights have {ShapeText.Of(value.shape)}.",
                    nameof(module));
        }

        if (own.Keys.Except(tensors.Select(tensor => tensor.Name)).FirstOrDefault() is { } unknown)
            throw new ArgumentException($"The module has '{unknown}' too; the network has no such tensor.", nameof(module));
        foreach (var (name, value) in tensors)
            own[name].copy_(value);
    }
}
