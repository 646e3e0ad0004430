using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>
/// Pruning by magnitude: the weights of largest magnitude stay, all others are 0 for good, by one threshold for the whole network,
/// <code>
/// theta = mask * g(z).
/// </code>
/// The mask stays while training goes on: through the latent in a mapped model, through whatever is trained in any other. It is in the
/// model's state_dict() as "pruning_mask", and in adapters and files of trained tensors as a bit for each weight. The stability term runs
/// the network with the mask; the smoothness and alignment terms are those of g itself (<see cref="MappingTerms"/>).
/// </summary>
/// <example>
/// <code>
/// new Trainer(model, options).Fit(train);
/// Pruning.ToShare(model, 0.1);
/// new Trainer(model, options with { Epochs = 4 }).Fit(train);   // what is left is trained on
/// model.Export("sparse.safetensors", sparse: true);
/// </code>
/// </example>
public static class Pruning
{
    /// <summary>Keeps a number of weights.</summary>
    /// <param name="model">The model; pruned in place. One that is pruned already can only lose more.</param>
    /// <param name="kept">How many weights stay, from 1 to the number that is left.</param>
    /// <exception cref="ArgumentOutOfRangeException">The number is out of range.</exception>
    public static void ToCount(Model model, long kept)
    {
        ArgumentNullException.ThrowIfNull(model);
        var left = model.KeptWeights ?? model.Target.ParameterCount;
        if (kept < 1 || kept > left)
            throw new ArgumentOutOfRangeException(
                nameof(kept), kept, $"The number of weights that stay must be from 1 to the {left} that '{model.Target.Name}' has left.");
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        // What is pruned counts as less than every weight that is left, also than one that is 0.
        var magnitudes = model.FlatWeights().abs();
        if (model.PruningMask is { } mask)
            magnitudes = magnitudes.masked_fill(mask.logical_not(), -1);
        model.TakeMask(zeros(magnitudes.shape[0], ScalarType.Bool, magnitudes.device).index_fill_(0, magnitudes.topk((int)kept).indexes, 1));
    }

    /// <summary>Keeps a share of the network's weights.</summary>
    /// <param name="model">As for <see cref="ToCount"/>.</param>
    /// <param name="share">The share of all P weights that stays, above 0 and at most 1; at least one weight stays.</param>
    /// <exception cref="ArgumentOutOfRangeException">The share is out of range, or more than what is left.</exception>
    public static void ToShare(Model model, double share)
    {
        ArgumentNullException.ThrowIfNull(model);
        if (!(share > 0 && share <= 1))
            throw new ArgumentOutOfRangeException(nameof(share), share, "The share of weights that stay must be above 0 and at most 1.");
        var kept = Math.Max(1, (long)Math.Round(share * model.Target.ParameterCount));
        if (kept > model.KeptWeights)
            throw new ArgumentOutOfRangeException(
                nameof(share), share, $"The share is {kept} weights; '{model.Target.Name}' has {model.KeptWeights} left, and pruning gives none back.");
        ToCount(model, kept);
    }
}
