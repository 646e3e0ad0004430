using System.Globalization;

namespace MappingNets.Experiments.Reporting;

/// <summary>What the auxiliary terms of the loss came to: their size, their coefficient, and the product that the loss saw.</summary>
public static class TermTable
{
    /// <summary>The means over the seeds as a Markdown table; empty where no run has such a term.</summary>
    /// <param name="runs">The runs.</param>
    public static string Of(IReadOnlyList<RunRecord> runs)
    {
        var rows = runs.Where(run => run.Coefficients is not null && run.TermSizes is not null).GroupBy(run => run.Label ?? Plots.Label(run)).ToArray();
        if (rows.Length == 0)
            return "";
        var lines = new List<string>
        {
            "The terms when training ended: the mean over the last epoch, the coefficient, and their product, which is what the loss saw.",
            "",
            "| row | term | size | coefficient | product |",
            "|---|---|---:|---:|---:|",
        };
        foreach (var row in rows)
            foreach (var term in row.SelectMany(run => run.TermSizes!.Keys).Distinct())
            {
                var size = row.Average(run => run.TermSizes!.GetValueOrDefault(term));
                var coefficient = row.Average(run => run.Coefficients!.GetValueOrDefault(term));
                var product = row.Average(run => run.TermSizes!.GetValueOrDefault(term) * run.Coefficients!.GetValueOrDefault(term));
                lines.Add($"| {row.Key} | {term} | {Text(size)} | {Text(coefficient)} | {Text(product)} |");
            }

        return string.Join('\n', lines);
    }

    private static string Text(double value) => value.ToString("G4", CultureInfo.InvariantCulture);
}
