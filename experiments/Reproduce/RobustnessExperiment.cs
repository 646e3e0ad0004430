using MappingNets.Experiments.Rivals.Controls;
namespace MappingNets.Experiments.Reproduce;

/// <summary>The paper's controls: what happens when other parts of the mapping are trained, or the modulation is left out.</summary>
internal sealed class RobustnessExperiment : TableExperiment
{
    /// <summary>
    /// alpha of the modulated rows: with unit-norm rows a latent of 2,048 numbers of the order of 1 shifts every weight by
    /// alpha |z|^2, 0.06 in units of its start.
    /// </summary>
    private const double Strength = 3e-5;

    public override string Name => "robustness";

    public override string Summary => "CNN2 with the mapping trained, without modulation, with a modulation of its own: the paper's controls.";

    protected override IReadOnlyList<ExperimentRow> Rows { get; } =
    [
        new("full-dnn", "mapping trained, z fixed", seed => ParameterCounts.Held(FullDnn.Build(Targets.Cnn2(), seed), 6_753_104)) { Cost = 2 },
        Slvt("unmodulated", 1_024, "without modulation", description => description.WithoutModulation()),
        Slvt("unmodulated", 2_048, "without modulation", description => description.WithoutModulation()),
        Slvt("modulated", 1_024, "additive modulation", description => description.WithAdditiveModulation(Strength)),
        Slvt("modulated", 2_048, "additive modulation", description => description.WithAdditiveModulation(Strength)),
        SeparateVector(2_048),
        SeparateVector(4_096),
        Trained(5, 543_095),
        Trained(15, 1_629_285),
    ];

    protected override TrainingOptions Training(ExperimentOptions options) => new() { Epochs = options.Epochs ?? (options.Quick ? 1 : 8) };

    private static ExperimentRow Slvt(string name, int latents, string what, Func<MappingNetwork, MappingNetwork> modulation) => new(
        FormattableString.Invariant($"slvt-{name}-{latents}"),
        FormattableString.Invariant($"SLVT {latents:N0}, {what}"),
        seed => ParameterCounts.Held(
            modulation(MappingNetwork.For(Targets.Cnn2()).SingleLatent(latents)).WithSeed(seed).Build(), latents))
    {
        Settings = name == "modulated" ? Modulation("additive", Strength) : new Dictionary<string, string>(),
    };

    private static ExperimentRow SeparateVector(int trained) => new(
        FormattableString.Invariant($"lv-wmap-{trained}"),
        FormattableString.Invariant($"latent and modulation vector, {trained:N0}"),
        seed => ParameterCounts.Held(SeparateModulation.Build(Targets.Cnn2(), trained / 2, seed), trained))
    {
        Settings = Modulation("a vector of its own", SeparateModulation.Strength),
    };

    private static Dictionary<string, string> Modulation(string kind, double strength) =>
        new() { [RunPlan.ModulationSetting] = FormattableString.Invariant($"{kind}, alpha {strength}") };

    private static ExperimentRow Trained(int latents, long trained) => new(
        FormattableString.Invariant($"lv-full-dnn-{trained}"),
        FormattableString.Invariant($"latent of {latents} and mapping trained"),
        seed => ParameterCounts.Held(TrainedMapping.Build(Targets.Cnn2(), latents, seed), trained));
}
