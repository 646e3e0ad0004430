namespace MappingNets;

/// <summary>Where the four files of an MNIST-like data set lie.</summary>
/// <param name="Title">The data set's name.</param>
/// <param name="Variable">The environment variable that names the folder.</param>
/// <param name="InstalledFolder">The folder a system package installs to, or null.</param>
/// <param name="HowToInstall">What to do to have that folder, as a sentence, or null.</param>
internal sealed record IdxFolder(string Title, string Variable, string? InstalledFolder, string? HowToInstall)
{
    private const string TrainingImages = "train-images-idx3-ubyte";
    private const string TrainingLabels = "train-labels-idx1-ubyte";
    private const string TestImages = "t10k-images-idx3-ubyte";
    private const string TestLabels = "t10k-labels-idx1-ubyte";

    public (Dataset Training, Dataset Test) Load(
        string? folder, IReadOnlyList<string> classNames, double mean, double standardDeviation, ReadLimits? limits)
    {
        var found = Find(folder);
        // All four are looked up before the first is read: a missing one is told at once.
        string[] files = [.. new[] { TrainingImages, TrainingLabels, TestImages, TestLabels }.Select(name => FileIn(found, name))];
        var training = ImageDataset.FromIdx(files[0], files[1], classNames, mean, standardDeviation, limits);
        try
        {
            return (training, ImageDataset.FromIdx(files[2], files[3], classNames, mean, standardDeviation, limits));
        }
        catch
        {
            training.Dispose();
            throw;
        }
    }

    /// <summary>The folder that is read where none is named; null where there is none.</summary>
    public string? Folder => Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } named
        ? Directory.Exists(named) ? named : null
        : Directory.Exists(InstalledFolder) ? InstalledFolder : null;

    private string Find(string? folder)
    {
        if (folder is not null)
            return Directory.Exists(folder) ? folder : throw NotFound($"The folder '{folder}' does not exist.");
        return Folder ?? throw NotFound(Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } named
            ? $"{Variable} names the folder '{named}', which does not exist."
            : $"{Variable} is not set{(InstalledFolder is null ? "." : $" and '{InstalledFolder}' does not exist.")}");
    }

    private string FileIn(string folder, string name)
    {
        string[] candidates = [Path.Combine(folder, name + ".gz"), Path.Combine(folder, name)];
        return candidates.FirstOrDefault(File.Exists) ?? throw new FileNotFoundException(
            $"{Title}: the folder '{folder}' holds neither '{name}.gz' nor '{name}'. {WhatToDo}", candidates[0]);
    }

    private string WhatToDo =>
        (HowToInstall is null ? "Put " : $"{HowToInstall} Or put ") +
        $"{TrainingImages}, {TrainingLabels}, {TestImages} and {TestLabels} (plain or .gz) into one folder, and " +
        $"set {Variable} to it or pass it to Load.";

    private DirectoryNotFoundException NotFound(string reason) => new($"{Title} was not found. {reason} {WhatToDo}");
}
