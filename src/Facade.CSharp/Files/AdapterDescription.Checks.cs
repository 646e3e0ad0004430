using System.Globalization;
using MappingNets.Core;

namespace MappingNets;

/// <content>What a description is refused for, before anything is made of it.</content>
internal sealed partial record AdapterDescription
{
    /// <summary>
    /// Holds the description to the network, whose size bounds every count in it. Takes neither work nor memory that grows with what the
    /// description claims.
    /// </summary>
    /// <param name="layout">The weights that it generates.</param>
    /// <param name="limits">What the fixed weights may cost; null where the mapping exists already.</param>
    /// <exception cref="FormatException">It does not fit; the message says in what.</exception>
    public void Check(ParameterLayout layout, ReadLimits? limits)
    {
        CheckLatents(layout);
        CheckNumbers();
        if (Scales is { } scales && scales.Length != layout.Entries.Length)
            throw new FormatException($"There are {scales.Length} scales; the target network has {layout.Entries.Length} weight tensors");
        if (limits is not null && FixedWeights == "dense")
            CheckDense(layout, limits);
    }

    /// <summary>Refuses numbers that are absurd, whatever the network.</summary>
    /// <exception cref="FormatException">One is.</exception>
    public void CheckNumbers()
    {
        foreach (var (name, value) in new[] { ("gain", FanInGain), ("start's amplitude", StartAmplitude), ("modulation's strength", ModulationStrength) })
            if (value is { } number)
                StoredNumber.Require(name, number);
        if (FanInGain is <= 0)
            throw new FormatException($"The gain is {Text(FanInGain.Value)}; it must be above 0");
        foreach (var scale in Scales ?? [])
            StoredNumber.Require("scale of a tensor", scale);
        foreach (var (name, value) in Coefficients ?? new Dictionary<string, double>())
            if (!double.IsFinite(value))
                throw new FormatException($"The coefficient '{MessageText.Of(name)}' is {Text(value)}; it must be finite");
    }

    /// <summary>d of each piece, where the pieces fit the network.</summary>
    private void CheckLatents(ParameterLayout layout)
    {
        if (SingleLatent is null == LayerWise is null)
            throw new FormatException("It must name either a single latent or layer-wise latents");
        if (SingleLatent is { } count)
        {
            RequireCount(count, "weights", layout.Count);
            return;
        }

        var layers = layout.Layers;
        if (!LayerWise!.Select(layer => layer.Layer).SequenceEqual(layers.Select(layer => layer.Name)))
            throw new FormatException(
                $"The split names the layers [{MessageText.Names(LayerWise!.Take(layers.Length + 1).Select(layer => layer.Layer))}]; the target network has, "
                + $"in this order, [{MessageText.Names(layers.Select(layer => layer.Name))}]");
        foreach (var (latents, layer) in LayerWise!.Zip(layers))
            RequireCount(latents.Latents, $"weights in the layer '{layer.Name}'", layer.Count);
    }

    private void CheckDense(ParameterLayout layout, ReadLimits limits)
    {
        var pieces = SingleLatent is { } single
            ? [(Rows: layout.Count, Columns: (long)single)]
            : LayerWise!.Zip(layout.Layers, (latents, layer) => (Rows: layer.Count, Columns: (long)latents.Latents)).ToArray();
        var bytes = pieces.Aggregate((Int128)0, (sum, piece) => sum + ((Int128)4 * piece.Rows * piece.Columns));
        if (bytes > limits.FixedWeightsBytes)
            throw new FormatException(
                $"The dense fixed weights would take {bytes.ToString(CultureInfo.InvariantCulture)} bytes; at most "
                + $"{ShapeText.Count(limits.FixedWeightsBytes)} are allowed ({nameof(ReadLimits)}.{nameof(ReadLimits.FixedWeightsBytes)})");
    }

    private static void RequireCount(int count, string what, long limit)
    {
        if (count < 1 || count > limit)
            throw new FormatException(
                $"The number of latents is {count.ToString(CultureInfo.InvariantCulture)}; with {ShapeText.Count(limit)} {what} it must be from 1 to "
                + ShapeText.Count(limit));
    }

    private static string Text(double number) => number.ToString("R", CultureInfo.InvariantCulture);
}
