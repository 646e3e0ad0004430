using MappingNets.Experiments.SyntheticData;

namespace MappingNets.Experiments.Reproduce;

/// <summary>Where the data of an experiment comes from that does not run on FashionMNIST.</summary>
/// <param name="Name">What reports call it; published numbers are shown beside ours only where it is one of the paper's.</param>
/// <param name="Argument">Its form on the command line, without a user's own path; empty for the default.</param>
/// <param name="Statement">One sentence that the experiment begins with and its report repeats.</param>
internal sealed record DataSource(string Name, string Argument, string Statement)
{
    /// <summary>Whether it lies on the user's disk although --dataset names no folder, so that other machines may hold something else.</summary>
    public bool IsOnDisk { get; init; }

    /// <summary>Synthetic data in the real format.</summary>
    /// <param name="name">What reports call it.</param>
    /// <param name="what">What it is, as the rest of the sentence "Synthetic data: ...".</param>
    public static DataSource Synthetic(string name, string what) => new(name, "", $"Synthetic data: {what}. These results do not compare with the paper's.");

    /// <summary>A folder of real data, whose place on this machine says nothing to a reader.</summary>
    /// <param name="name">What reports call it.</param>
    public static DataSource Real(string name) => new(name, $"--dataset {name}:FOLDER", $"Data: {name}.");

    /// <summary>
    /// The folder that --dataset names, as FOLDER or as NAME:FOLDER; null where it was left at its default, so that the data is synthetic.
    /// </summary>
    /// <param name="options">The command line.</param>
    /// <param name="names">The data sets that the experiment knows, by the names of the published tables; the first one where FOLDER stands alone.</param>
    /// <exception cref="ArgumentException">
    /// A data set is named that the experiment does not run on, or a folder of synthetic data by itself, as if it were real.
    /// </exception>
    /// <exception cref="DirectoryNotFoundException">There is no such folder.</exception>
    public static (string Name, string Folder)? Folder(ExperimentOptions options, params string[] names)
    {
        if (options.Dataset == ExperimentOptions.DefaultDataset)
            return null;
        var known = names.FirstOrDefault(name => options.Dataset.StartsWith(name + ":", StringComparison.Ordinal));
        var folder = known is null ? options.Dataset : options.Dataset[(known.Length + 1)..];
        if (known is null && (folder == "mnist" || folder.StartsWith("mnist:", StringComparison.Ordinal)))
            throw new ArgumentException(
                $"--dataset is '{options.Dataset}'; this experiment takes {string.Join(" or ", names.Select(name => name + ":FOLDER"))}, or none for synthetic data.");
        if (!Directory.Exists(folder))
            throw new DirectoryNotFoundException($"--dataset names the folder '{folder}', which does not exist.");
        return known is null && SyntheticMarker.IsIn(folder)
            ? throw new ArgumentException(
                $"--dataset names the folder '{folder}', whose file {SyntheticMarker.FileName} says that its data is synthetic. Without --dataset the experiment makes such data and "
                + $"says so; {string.Join(" or ", names.Select(name => name + ":FOLDER"))} takes the folder for that data set.")
            : (known ?? names[0], folder);
    }
}
