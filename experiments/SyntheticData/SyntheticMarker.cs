namespace MappingNets.Experiments.SyntheticData;

/// <summary>A file beside synthetic data, which is in a real format, that tells the folder from one of real data.</summary>
public static class SyntheticMarker
{
    /// <summary>The file's name.</summary>
    public const string FileName = "SYNTHETIC.txt";

    /// <summary>Marks a folder, before anything else is written into it.</summary>
    /// <param name="folder">The folder; created where it is missing.</param>
    public static void Write(string folder)
    {
        Directory.CreateDirectory(folder);
        AtomicFile.WriteAllText(Path.Combine(folder, FileName), "The data in this folder is synthetic: only its format is that of real data.\n");
    }

    /// <summary>Whether a folder is marked.</summary>
    /// <param name="folder">The folder.</param>
    public static bool IsIn(string folder) => File.Exists(Path.Combine(folder, FileName));
}
