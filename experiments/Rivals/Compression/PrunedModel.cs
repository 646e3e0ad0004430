using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets.Experiments.Rivals.Compression;

/// <summary>
/// The paper's pruning add-on: after training, the k weights of largest magnitude stay, all others are 0 for good, and the rest is fine-tuned,
/// <code>
/// theta = mask * g(z),
/// </code>
/// the mask fixed. In a directly trained network the kept weights are fine-tuned themselves, in a mapped one the latent is: it
/// moves the kept weights alone. For CNN2 10,862 of 108,618 are kept, a tenth, by one threshold for the whole network.
/// </summary>
internal static class PrunedModel
{
    /// <summary>The name that the pruned direct model has.</summary>
    public const string DirectMethod = "pruned";

    /// <summary>Prunes a directly trained model: its kept weights are trained on, as one vector of k numbers.</summary>
    /// <param name="trained">The model; it is not changed.</param>
    /// <param name="kept">k.</param>
    public static GeneratedModel OfDirect(Model trained, int kept)
    {
        var places = LargestWeights(trained, kept);
        using var scope = NewDisposeScope();
        return GeneratedModel.For(
            trained.Target,
            DirectMethod,
            [new("kept", trained.Weights().index_select(0, places))],
            numbers => zeros(trained.Target.ParameterCount).scatter(0, places, numbers[0]),
            [places],
            learningRate: 1e-3,
            fixedWeights: "mask");
    }

    /// <summary>Prunes a mapped model: its latent is trained on, at the rate of training from scratch: nine weights of ten are gone.</summary>
    /// <param name="trained">A model of the library's plain mapping (<see cref="PlainMapping"/>); it is not changed.</param>
    /// <param name="kept">k.</param>
    /// <exception cref="ArgumentException">It is a model of another mapping.</exception>
    public static GeneratedModel OfMapped(MappedModel trained, int kept)
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        var target = trained.Target;
        var mapping = PlainMapping.Of(PlainMapping.LayoutOf(target), PlainMapping.SplitOf(trained), trained.Seed);
        if (!mapping.Generate(trained.Latent).eq(trained.Weights()).all().item<bool>())
            throw new ArgumentException("The model's weights are not those of the plain mapping.", nameof(trained));
        var mask = zeros(target.ParameterCount).DetachFromDisposeScope();
        using (var places = LargestWeights(trained, kept))
            mask.index_fill_(0, places, 1);
        return GeneratedModel.For(
            target,
            trained.Method,
            [new("latent", trained.Latent)],
            numbers => mapping.Generate(numbers[0]) * mask,
            [mapping, mask],
            learningRate: 0.05,
            fixedWeights: trained.FixedWeightsName + ", mask");
    }

    /// <summary>Where the largest weights are in theta, shape (k); outside every dispose scope.</summary>
    private static Tensor LargestWeights(Model trained, int kept)
    {
        using var scope = NewDisposeScope();
        return trained.Weights().abs().topk(kept).indexes.DetachFromDisposeScope();
    }
}
