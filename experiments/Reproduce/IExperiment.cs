using MappingNets.Experiments.Reporting;

namespace MappingNets.Experiments.Reproduce;

/// <summary>One experiment: a verb of the command line. To add one, write its class and name it in <see cref="Experiments"/>.</summary>
internal interface IExperiment
{
    /// <summary>The verb.</summary>
    string Name { get; }

    /// <summary>What it shows, in one sentence.</summary>
    string Summary { get; }

    /// <summary>What the command line takes for it beyond what all verbs take; empty where that is all.</summary>
    string Usage => "";

    /// <summary>The names of its rows, for --methods; empty where there is nothing to choose.</summary>
    IReadOnlyList<string> Methods => [];

    /// <summary>Whether --pretrained names a network that it starts from.</summary>
    bool TakesPretrained => false;

    /// <summary>Trains what it needs, prints a table, and writes report.json, report.md and plots into the options' output folder.</summary>
    /// <param name="options">What the command line says.</param>
    /// <param name="stop">Asked for by Ctrl-C.</param>
    void Run(ExperimentOptions options, CancellationToken stop);

    /// <summary>The table on the page that a reader finishes, as Markdown, where a grid says more than a row for each training; null for the rows.</summary>
    /// <param name="report">The report.</param>
    string? Digest(ReportFile report) => null;

    /// <summary>Draws again what follows from a report alone; pictures of a trained model's outputs stay.</summary>
    /// <param name="report">The report.</param>
    /// <param name="folder">Its folder.</param>
    void Redraw(ReportFile report, string folder)
    {
    }
}
