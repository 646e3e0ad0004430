using System.Text.Json;

namespace MappingNets.Experiments.Bench;

/// <summary>This program once more, in a folder of its own, with TorchSharp.dll as it was shipped (docs/decisions/0009).</summary>
internal sealed class UncuredCopy : IDisposable
{
    private const string Library = "TorchSharp.dll";
    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("mappingnets-uncured-");

    /// <summary>Copies the build output; the natives, which are large, are linked.</summary>
    /// <exception cref="FileNotFoundException">The package cache that the build used is not there any more.</exception>
    public UncuredCopy()
    {
        var source = new DirectoryInfo(AppContext.BaseDirectory);
        foreach (var file in source.EnumerateFiles())
            file.CopyTo(Path.Combine(folder.FullName, file.Name));
        foreach (var natives in source.EnumerateDirectories())
            Directory.CreateSymbolicLink(Path.Combine(folder.FullName, natives.Name), natives.FullName);
        File.Copy(Shipped(source), Path.Combine(folder.FullName, Library), overwrite: true);
    }

    /// <summary>The program's assembly in that folder.</summary>
    public string Program => Path.Combine(folder.FullName, Path.GetFileName(typeof(UncuredCopy).Assembly.Location));

    /// <summary>Deletes the folder.</summary>
    public void Dispose() => folder.Delete(recursive: true);

    // NuGet's record of the build, three folders above the output, names the package cache.
    private static string Shipped(DirectoryInfo output)
    {
        var assets = Path.Combine(output.FullName, "..", "..", "..", "obj", "project.assets.json");
        using var document = JsonDocument.Parse(File.ReadAllText(assets));
        var version = document.RootElement.GetProperty("libraries").EnumerateObject().Single(one => one.Name.StartsWith("TorchSharp/", StringComparison.Ordinal)).Name;
        return document.RootElement.GetProperty("packageFolders").EnumerateObject()
            .Select(cache => Path.Combine(cache.Name, version.ToLowerInvariant(), "lib", "net8.0", Library))
            .FirstOrDefault(File.Exists) ?? throw new FileNotFoundException($"{Library} of {version} is in no package cache.");
    }
}
