using MappingNets.Experiments.Reporting;

namespace MappingNets.Experiments.Reproduce;

/// <summary>What every experiment's command line says.</summary>
/// <param name="Dataset">"fashion-mnist", "mnist", or a folder; what a folder holds is up to the experiment.</param>
/// <param name="Seeds">The seeds; an experiment runs once for each.</param>
/// <param name="Epochs">Epochs of each training; null takes the experiment's own number.</param>
/// <param name="Quick">Fewer images and epochs: under two minutes on two cores, for a first look.</param>
/// <param name="Output">The folder for the results.</param>
internal sealed record ExperimentOptions(
    string Dataset, IReadOnlyList<ulong> Seeds, int? Epochs, bool Quick, string Output)
{
    /// <summary>The default of --dataset.</summary>
    public const string DefaultDataset = "fashion-mnist";

    /// <summary>Where the data came from, instead of <see cref="Dataset"/>; null for what --dataset says.</summary>
    public DataSource? Source { get; init; }

    /// <summary>What reports call the data.</summary>
    public string DatasetName => Source?.Name ?? Dataset;

    /// <summary>The rows to run, by name, with * for any characters; all where empty.</summary>
    public IReadOnlyList<string> Methods { get; init; } = [];

    /// <summary>Where a pretrained network lies; null where nothing was named.</summary>
    public string? Pretrained { get; init; }

    /// <summary>Whether runs that the output folder's report holds already are taken from there, and an unfinished one goes on.</summary>
    public bool Resume { get; init; }

    /// <summary>A file of the output folder, which is made where it is missing.</summary>
    /// <param name="name">The file's name.</param>
    public string File(string name)
    {
        Directory.CreateDirectory(Output);
        return Path.Combine(Output, name);
    }

    /// <summary>Whether a row is to be run.</summary>
    /// <param name="row">The row's name.</param>
    public bool Wants(string row) => Methods.Count == 0 || Methods.Any(pattern => MethodPattern.Matches(pattern, row));

    /// <summary>These options as a report records them.</summary>
    /// <param name="experiment">The verb.</param>
    /// <param name="trainingImages">The training set's size, where it is one for all rows.</param>
    public ReportConfiguration Describe(string experiment, int? trainingImages)
    {
        var words = new List<string> { "dotnet run -c Release --project experiments/Reproduce --", experiment };
        var data = Source?.Argument ?? (Dataset == DefaultDataset ? "" : "--dataset " + Quoted(Dataset));
        if (data.Length > 0)
            words.Add(data);
        words.Add("--seeds " + string.Join(',', Seeds));
        if (Epochs is { } epochs)
            words.Add($"--epochs {epochs}");
        if (Methods.Count > 0)
            words.Add("--methods " + Quoted(string.Join(',', Methods)));
        if (Quick)
            words.Add("--quick");
        // A folder of somebody's own disk says nothing to others.
        if (!Path.IsPathRooted(Output))
            words.Add("--out " + Quoted(Output));
        return new(string.Join(' ', words), DatasetName, Seeds, Epochs, Methods, Quick) { TrainingImages = trainingImages };
    }

    private static string Quoted(string word) => word.Any(letter => char.IsWhiteSpace(letter) || letter == '*') ? $"'{word}'" : word;
}
