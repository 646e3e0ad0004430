using MappingNets.Experiments.Reporting;

namespace MappingNets.Experiments.Reproduce;

/// <summary>What a search for a learning rate is about: a row, the pictures, and the pretrained network.</summary>
/// <param name="Name">All of them in words and fingerprints.</param>
/// <param name="TakesUnnamed">Whether trials of older files, which do not name their subject, are taken for its own.</param>
internal sealed record RateSubject(string Name, bool TakesUnnamed)
{
    /// <summary>The subject of a method's search.</summary>
    /// <param name="model">The row that is searched with, untrained.</param>
    /// <param name="searched">The training and held-out pictures of the search.</param>
    /// <param name="plan">The row as the table trains it, on the same pictures.</param>
    /// <param name="options">The command line, which names the network.</param>
    /// <param name="earlier">
    /// The report that is resumed, which vouches for the unnamed trials beside it where it holds the row, the same in all that it says; null without --resume.
    /// </param>
    public static RateSubject Of(Model model, ExperimentData searched, RunPlan plan, ExperimentOptions options, ReportFile? earlier)
    {
        var settings = plan.Describe(options, plan.Data!, model);
        var network = settings.GetValueOrDefault(RunPlan.NetworkSetting) ?? "none";
        return new(
            FormattableString.Invariant($"{model.Method}, {model.FixedWeightsName}, {model.TrainableCount} trained; ")
                + $"pictures {Fingerprints.Of(searched.Training)[..Fingerprints.Shown]}, held out {Fingerprints.Of(searched.HeldOut)[..Fingerprints.Shown]}, network {network}",
            earlier?.Runs.Any(run => run.Row == plan.Row && IsSame(run, model, settings)) ?? false);
    }

    private static bool IsSame(RunRecord run, Model model, IReadOnlyDictionary<string, string> settings) =>
        run.Method == model.Method && run.FixedWeights == model.FixedWeightsName && run.Trainable == model.TrainableCount
        && RunPlan.LaterSettings.All(name => run.Settings?.GetValueOrDefault(name) is not { } there || there == settings.GetValueOrDefault(name));
}
