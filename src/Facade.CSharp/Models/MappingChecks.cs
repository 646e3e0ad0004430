using MappingNets.Core;
using Microsoft.FSharp.Core;
using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>What the steps of a mapping's description refuse, each under the name of its own argument.</summary>
internal static class MappingChecks
{
    public static Core.LatentSplit Single(TargetNetwork target, int latents)
    {
        if (latents < 1 || latents > target.ParameterCount)
            throw new ArgumentOutOfRangeException(
                nameof(latents), latents,
                $"The number of latents d of '{target.Name}' must be from 1 to its number of weights P, {target.ParameterCount}.");
        return Core.LatentSplit.NewSingleLatent(latents);
    }

    public static Core.LatentSplit ByPower(TargetNetwork target, int latents, double power)
    {
        var layers = target.Layout.Layers.Length;
        if (latents < layers || latents > target.ParameterCount)
            throw new ArgumentOutOfRangeException(
                nameof(latents), latents,
                $"A layer-wise split of '{target.Name}' needs from {layers} latents (one a layer) to {target.ParameterCount} (one a weight).");
        return LatentSplitModule.byPower(Finite(power, nameof(power)), latents, target.Layout);
    }

    public static Core.LatentSplit Explicit(TargetNetwork target, (string Layer, int Latents)[] latents)
    {
        ArgumentNullException.ThrowIfNull(latents);
        var layers = target.Layout.Layers;
        if (!latents.Select(pair => pair.Layer).SequenceEqual(layers.Select(layer => layer.Item1)))
            throw new ArgumentException(
                $"The split names the layers [{string.Join(", ", latents.Select(pair => pair.Layer))}]; '{target.Name}' has, "
                + $"in this order, [{string.Join(", ", layers.Select(layer => layer.Item1))}].",
                nameof(latents));
        foreach (var ((layer, count), (_, entries)) in latents.Zip(layers))
            if (entries.Sum(entry => entry.Count) is var weights && (count < 1 || count > weights))
                throw new ArgumentOutOfRangeException(
                    nameof(latents), count,
                    $"The number of latents of layer '{layer}' must be from 1 to its number of weights, {weights}.");
        return Core.LatentSplit.NewLayerWise([.. latents.Select(pair => Tuple.Create(pair.Layer, pair.Latents))]);
    }

    public static double Finite(double value, string argument) => double.IsFinite(value)
        ? value
        : throw new ArgumentOutOfRangeException(argument, value, "It must be a finite number.");

    public static double Positive(double value, string argument) => value > 0 && double.IsFinite(value)
        ? value
        : throw new ArgumentOutOfRangeException(argument, value, "It must be a positive finite number.");

    public static double[] Scales(TargetNetwork target, double[] scales)
    {
        ArgumentNullException.ThrowIfNull(scales);
        if (scales.Length != target.Parameters.Count)
            throw new ArgumentException(
                $"There are {scales.Length} scales; '{target.Name}' has {target.Parameters.Count} weight tensors.", nameof(scales));
        foreach (var (scale, parameter) in scales.Zip(target.Parameters))
            if (!double.IsFinite(scale))
                throw new ArgumentOutOfRangeException(
                    nameof(scales), scale, $"The scale of '{parameter.Name}' must be a finite number.");
        return [.. scales];
    }

    public static Tensor LinearMap(TargetNetwork target, Tensor map)
    {
        ArgumentNullException.ThrowIfNull(map);
        if (map.dim() != 3 || map.shape[0] != target.ParameterCount || map.shape[1] != map.shape[2])
            throw new ArgumentException(
                $"The map B has the shape {ShapeText.Of(map.shape)}; it must be (P, d, d) with P = {target.ParameterCount}.", nameof(map));
        if (!map.is_floating_point())
            throw new ArgumentException($"The map B is {map.dtype}; its numbers must be floats.", nameof(map));
        if (!FiniteNumbers.AllIn(map))
            throw new ArgumentException("The map B holds a number that is not finite.", nameof(map));
        return map;
    }

    /// <summary>Refuses a modulation of a single latent for several.</summary>
    public static void Together(MappingSpecification specification)
    {
        if (specification.Split.IsLayerWise
            && specification.Modulations.Any(modulation => modulation.IsLinearModulation || modulation.IsCustomModulation))
            throw new ArgumentException(
                "A linear or custom modulation is for a single latent; this mapping has latents for each layer.", nameof(specification));
    }

    /// <summary>A modulation by a function of the user, whose every answer is held to the shape it must have.</summary>
    public static Modulation Custom(TargetNetwork target, string name, Func<Tensor, Tensor> matrix)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        ArgumentNullException.ThrowIfNull(matrix);
        return ModulationModule.ofMatrix(name, FuncConvert.FromFunc<Tensor, Tensor>(latent =>
        {
            var value = matrix(latent);
            if (value is null || !value.shape.SequenceEqual([target.ParameterCount, latent.shape[0]]))
                throw new ArgumentException(
                    $"The modulation '{name}' gave {(value is null ? "null" : ShapeText.Of(value.shape))} for a latent of "
                    + $"{ShapeText.Of(latent.shape)}; M(z) must have the shape ({target.ParameterCount}, {latent.shape[0]}), which is (P, d).",
                    nameof(matrix));
            return value;
        }));
    }
}
