using static TorchSharp.torch;

namespace MappingNets;

/// <summary>The weights of a fine-tuned network: the base's, changed, and the head's own.</summary>
internal static class FineTunedWeights
{
    /// <summary>Where the tensors that an adapter holds themselves stand among the target's.</summary>
    public static IEnumerable<int> Places(TargetNetwork target, FineTuningConfiguration configuration) =>
        configuration.Head.Select(name => target.Parameters.TakeWhile(parameter => parameter.Name != name).Count());

    /// <summary>One tensor per entry of the target; differentiable in the values: the increment's, then the head's.</summary>
    public static IReadOnlyList<Tensor> Of(Tensor pretrained, Increment increment, IEnumerable<int> places, IReadOnlyList<Tensor> values)
    {
        var changed = increment.Weights(pretrained, values);
        var own = values.Skip(increment.Values.Count);
        var weights = changed.ToArray();
        foreach (var (place, value) in places.Zip(own))
            weights[place] = value;
        return weights;
    }
}
