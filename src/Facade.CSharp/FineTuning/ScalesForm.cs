using System.Globalization;
using MappingNets.Core;
using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>
/// theta = theta_pretrained + s (W z) for scales, shifts, biases and the head, with s from each tensor's own values and a latent for the head
/// apart from that of the rest.
/// </summary>
internal sealed record ScalesForm(int? Parameters, double Strength, double HeadStrength, FixedWeightsKind FixedWeights, IReadOnlyList<string>? Layers)
    : FineTuningForm(Layers)
{
    public override string Name => "Scales";

    public override int Turn => Layers is null ? 1 : 0;

    public override bool MovesNewHead => true;

    public override bool IsSplit => true;

    public override string NothingToChange =>
        "The chosen layers have no scale, shift, bias or head, or it is changed in another way already, or belongs to a new head that is trained directly.";

    public override bool Takes(FineTuningBase start, ParameterSpecification parameter) =>
        start.Target.IsScaleOrShift(parameter) || start.HeadOrLastLayer.Contains(parameter.Name);

    public override IReadOnlyList<FineTuningPart> Describe(
        FineTuningBase start, IReadOnlyList<string> tensors, bool everything, ulong seed, GradientProbe? probe)
    {
        var whole = new TargetPart(start.Target, tensors);
        var latents = ParametersOf(
            Parameters, whole.ParameterCount,
            $"The scales, shifts, biases and head that were chosen of '{start.Target.Name}' are {whole.ParameterCount} weights");
        string[] head = [.. tensors.Where(start.HeadOrLastLayer.Contains)];
        if (probe is not null || head.Length == 0 || head.Length == tensors.Count || latents < 2)
            return [Part(start, whole, latents, seed, probe)];
        var (rest, last) = (new TargetPart(start.Target, [.. tensors.Except(head)]), new TargetPart(start.Target, head));
        var forHead = OfHead(latents, last.ParameterCount, rest.ParameterCount);
        return [Part(start, rest, latents - forHead, seed, null), Part(start, last, forHead, seed, null)];
    }

    // Found on held-out pictures (docs/experiments-log.md): with few parameters the head takes most of what they can do, and it needs no more than it has weights.
    private static int OfHead(int latents, long head, long rest) => (int)Math.Max(latents - rest, Math.Min(head, Math.Max(1, 5L * latents / 8)));

    private FineTuningPart Part(FineTuningBase start, TargetPart part, int latents, ulong seed, GradientProbe? probe)
    {
        var scales = Scales(start, part, latents);
        var description = MappingNetwork.OnTopOf(part, seed).SingleLatent(latents).WithFixedWeights(FixedWeights).WithScales(scales);
        return FineTuningPart.OfMapping(
            [.. part.Parameters.Select(parameter => parameter.Name)],
            (probe is null ? description : Split(description, start.Target.Name, latents, probe.Energies(start, part, scales, seed))).Specification);
    }

    // Refused under the names that the user gave: parameters of Scales, the loss of SplitByGradient.
    private static MappingNetwork Split(MappingNetwork description, string target, int latents, double[] energies)
    {
        if (!energies.All(double.IsFinite))
            throw new ArgumentException("The loss that the split is measured by has a gradient that is not finite.", "loss");
        if (energies.All(energy => energy == 0))
            throw new ArgumentException("The loss that the split is measured by has the gradient 0 at every weight that is to move.", "loss");
        var split = LatentSplitModule.byEnergyFor(
            "parameters", $"the scales, shifts, biases and head of '{target}'", energies, latents, description.Target.Layout);
        return description.LayerWise([.. ((LatentSplit.LayerWise)split).counts.Select(pair => (pair.Item1, pair.Item2))]);
    }

    private double[] Scales(FineTuningBase start, TargetPart part, int latents)
    {
        // A head of few parameters has to go farther with each. Of scales and shifts that share one, most are moved by chance, and farther does harm.
        var shared = Math.Sqrt(part.ParameterCount / (double)latents);
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        return
        [
            .. part.Places.Zip(part.Parameters, (place, parameter) =>
            {
                var strength = start.HeadOrLastLayer.Contains(parameter.Name) ? HeadStrength * shared : Strength;
                var deviation = start.Head.Contains(parameter.Name) ? 0 : Deviation(start.Values.Of(place).to(ScalarType.Float32).cpu().contiguous().data<float>().ToArray());
                return Rounded(strength * (deviation > 0 ? deviation : 1 / Math.Sqrt(parameter.FanIn)));
            }),
        ];
    }

    // Added in one order, and then rounded, so that the adapter's scales are the same on every machine and short in its file.
    private static double Deviation(float[] values)
    {
        var mean = values.Average(value => (double)value);
        return Math.Sqrt(values.Sum(value => (value - mean) * (value - mean)) / values.Length);
    }

    private static double Rounded(double scale) =>
        double.Parse(scale.ToString("E2", CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);
}
