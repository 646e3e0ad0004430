namespace MappingNets;

/// <summary>W_c (1 + o_c) for each channel of the chosen matrices, with o = strength (W z).</summary>
internal sealed record GatesForm(int? Parameters, double Strength, FixedWeightsKind FixedWeights, IReadOnlyList<string>? Layers) : FineTuningForm(Layers)
{
    public override string Name => "Gates";

    public override bool Takes(FineTuningBase start, ParameterSpecification parameter) =>
        parameter.Shape.Count > 1 && !start.Target.IsScaleOrShift(parameter);

    public override IReadOnlyList<FineTuningPart> Describe(
        FineTuningBase start, IReadOnlyList<string> tensors, bool everything, ulong seed, GradientProbe? probe)
    {
        var layout = GateIncrement.LayoutOf(start.Target, tensors);
        var description = Core.MappingModule.singleLatent(
            ParametersOf(Parameters, layout.Count, $"The matrices that were chosen of '{start.Target.Name}' have {layout.Count} channels"));
        return [FineTuningPart.OfGates(tensors, new(
            description.Split, FixedWeights, seed, description.Modulations, description.Activation, MappingBias.Zero, Core.ScaleRule.NewFanInScale(Strength),
            false, Core.LatentStart.ZeroStart, description.FixedWeightsVersion))];
    }
}
