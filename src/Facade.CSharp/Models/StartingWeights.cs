using static TorchSharp.torch;

namespace MappingNets;

/// <summary>Where directly trained weights start.</summary>
internal static class StartingWeights
{
    /// <summary>
    /// Uniform within 1 / sqrt(fan-in) of each tensor's center, as PyTorch starts: what a mapping with a uniform bias and a latent of zero generates, so
    /// that all ways of training begin at the same kind of weights. In the caller's dispose scope.
    /// </summary>
    public static IReadOnlyList<Tensor> Of(TargetNetwork target, ulong seed)
    {
        using var noGradient = no_grad();
        using var start = MappingDescription.For(target.Layout).SingleLatent(1).WithSeed(seed).Build();
        return target.AroundCenters(target.Layout.Split(start.Generate(start.InitialLatent())));
    }

    /// <summary>One tensor of these weights alone, with the same bits, without the memory of the others. In the caller's dispose scope.</summary>
    /// <param name="target">The network.</param>
    /// <param name="seed">The seed.</param>
    /// <param name="index">The tensor's place among the network's.</param>
    public static Tensor Of(TargetNetwork target, ulong seed, int index)
    {
        using var noGradient = no_grad();
        using var start = MappingDescription.For(target.Layout).SingleLatent(1).WithSeed(seed).Build();
        var weights = empty([.. target.Parameters[index].Shape], dtype: ScalarType.Float32, device: CPU);
        start.TensorPasses!.GenerateSome(start.InitialLatent(), index, [weights]);
        TargetNetwork.MoveToCenter(weights, target.Parameters[index]);
        return weights;
    }
}
