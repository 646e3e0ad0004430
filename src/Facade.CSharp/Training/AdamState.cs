using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>What Adam remembers of each parameter: two running means and how many steps it has taken.</summary>
internal static class AdamState
{
    /// <summary>What is remembered of each parameter, in their order: the optimiser's own, to be read and changed.</summary>
    public static IReadOnlyList<Adam.State> Of(Adam optimizer) => [.. optimizer.state_dict().State.Cast<Adam.State>()];

    /// <summary>The running means by name.</summary>
    public static IEnumerable<(string Name, Tensor Tensor)> Tensors(Adam optimizer) =>
        Of(optimizer).SelectMany((state, index) => new[]
        {
            (FormattableString.Invariant($"adam.{index}.mean"), state.exp_avg),
            (FormattableString.Invariant($"adam.{index}.square"), state.exp_avg_sq),
        });
}
