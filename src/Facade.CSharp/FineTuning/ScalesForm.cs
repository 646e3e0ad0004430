using System.Globalization;
using MappingNets.Core;
using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>theta = theta_pretrained + s (W z) for scales, shifts, biases and the head, with s from each tensor's own values.</summary>
internal sealed record ScalesForm(int? Parameters, double Strength, FixedWeightsKind FixedWeights, IReadOnlyList<string>? Layers)
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

    public override FineTuningPart Describe(FineTuningBase start, IReadOnlyList<string> tensors, bool everything, ulong seed, GradientProbe? probe)
    {
        var part = new TargetPart(start.Target, tensors);
        var latents = ParametersOf(
            Parameters, part.ParameterCount,
            $"The scales, shifts, biases and head that were chosen of '{start.Target.Name}' are {part.ParameterCount} weights");
        var scales = Scales(start, part);
        var description = MappingNetwork.OnTopOf(part, seed).SingleLatent(latents).WithFixedWeights(FixedWeights).WithScales(scales);
        return FineTuningPart.OfMapping(tensors, (probe is null ? description : Split(description, latents, probe.Energies(start, part, scales, seed))).Specification);
    }

    private static MappingNetwork Split(MappingNetwork description, int latents, double[] energies) => description.LayerWise(
        [.. ((LatentSplit.LayerWise)LatentSplitModule.byEnergy(energies, latents, description.Target.Layout)).counts.Select(pair => (pair.Item1, pair.Item2))]);

    private double[] Scales(FineTuningBase start, TargetPart part)
    {
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        return
        [
            .. part.Places.Zip(part.Parameters, (place, parameter) =>
            {
                var deviation = start.Head.Contains(parameter.Name) ? 0 : Deviation(start.Values.Of(place).to(ScalarType.Float32).cpu().contiguous().data<float>().ToArray());
                return Rounded(Strength * (deviation > 0 ? deviation : 1 / Math.Sqrt(parameter.FanIn)));
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
