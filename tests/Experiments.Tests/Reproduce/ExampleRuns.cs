using MappingNets.Experiments.Reporting;

namespace MappingNets.Tests;

/// <summary>Runs for reports and pages of tests.</summary>
internal static class ExampleRuns
{
    /// <summary>A run of eight epochs with seed 1 that is as right on the training set as on the test set.</summary>
    public static RunRecord Run(string row, long trained, double? accuracy, double? loss = null) =>
        new("slvt", "cnn2", 108_618, trained, "signed-permutation", 1, 8, accuracy, accuracy, 1, 1, 1, []) { Row = row, Label = $"row {row}", TestLoss = loss };
}
