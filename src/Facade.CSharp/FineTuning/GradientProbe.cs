using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>A few samples and a loss, to measure where the first gradients are.</summary>
/// <param name="Inputs">One batch for each of the network's inputs; the user's own.</param>
/// <param name="Loss">From the outputs to the loss.</param>
internal sealed record GradientProbe(IReadOnlyList<Tensor> Inputs, Func<Tensor, Tensor> Loss)
{
    /// <summary>The sum of (s_k dL/dtheta_i)^2 for each layer of a part, at the base's weights and in evaluation mode.</summary>
    /// <param name="start">The base.</param>
    /// <param name="part">The tensors that will move.</param>
    /// <param name="scales">s_k of each of them.</param>
    /// <param name="seed">The seed of a head of zeros, which gives the layers before it no gradient and is measured as a new one.</param>
    /// <exception cref="ArgumentException">The inputs do not fit, or the loss is no finite number that depends on the outputs.</exception>
    public double[] Energies(FineTuningBase start, TargetPart part, IReadOnlyList<double> scales, ulong seed)
    {
        InferenceTensors.RequireNoInferenceMode();
        using var gradients = enable_grad();
        using var scope = NewDisposeScope();
        Tensor[] weights = [.. start.Target.Layout.Split(start.Flat).Select(weight => weight.detach())];
        DrawZeroHead(start, weights, seed);
        Tensor[] moved = [.. part.Places.Select(place => weights[place] = weights[place].clone().requires_grad_(true))];
        var outputs = start.Target.Forward([.. Inputs.Select(input => input.to(start.Flat.device))], weights, start.State, training: false);
        var loss = Loss(outputs);
        if (loss is null || loss.numel() != 1 || !loss.requires_grad || !double.IsFinite(loss.ToDouble()))
            throw new ArgumentException(
                "The loss that the split is measured by must be one finite number that depends on the outputs; it is "
                + $"{(loss is null ? "null" : loss.numel() != 1 ? "a tensor of " + ShapeText.Of(loss.shape) : loss.requires_grad ? "not finite" : "cut off from them")}.",
                "loss");
        var energies = autograd.grad([loss.reshape([])], moved, allow_unused: true)
            .Zip(scales, (gradient, scale) => gradient is null || gradient.IsInvalid ? 0 : scale * scale * gradient.to(ScalarType.Float64).square().sum().ToDouble())
            .Zip(part.Parameters, (energy, parameter) => (parameter.Name, Energy: energy)).ToDictionary(pair => pair.Name, pair => pair.Energy, StringComparer.Ordinal);
        return [.. part.Layout.Layers.Select(layer => layer.Entries.Sum(entry => energies[entry.Name]))];
    }

    private static void DrawZeroHead(FineTuningBase start, Tensor[] weights, ulong seed)
    {
        var head = start.Target.Parameters.Index().Where(pair => start.HeadOrLastLayer.Contains(pair.Item.Name)).Select(pair => pair.Index).ToArray();
        if (head.Any(place => weights[place].dim() > 1 && weights[place].count_nonzero().ToInt64() > 0))
            return;
        var drawn = StartingWeights.Of(start.Target, seed);
        foreach (var place in head)
            weights[place] = drawn[place].to(start.Flat.device);
    }
}
