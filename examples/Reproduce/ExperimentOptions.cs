namespace MappingNets.Examples.Reproduce;

/// <summary>What every experiment's command line says.</summary>
/// <param name="Dataset">"fashion-mnist", "mnist", or a folder with four IDX files.</param>
/// <param name="Seeds">The seeds; an experiment runs once for each.</param>
/// <param name="Epochs">Epochs of each training; null takes the experiment's own number.</param>
/// <param name="Quick">Fewer images and epochs: under two minutes on two cores, for a first look.</param>
/// <param name="Output">The folder for the results.</param>
internal sealed record ExperimentOptions(
    string Dataset, IReadOnlyList<ulong> Seeds, int? Epochs, bool Quick, string Output)
{
    /// <summary>A file of the output folder, which is made where it is missing.</summary>
    /// <param name="name">The file's name.</param>
    public string File(string name)
    {
        Directory.CreateDirectory(Output);
        return Path.Combine(Output, name);
    }
}
