using System.Text.Json;

namespace MappingNets.Tests.Repository;

/// <summary>TorchSharp as it was shipped: the file in the package cache from which this output's copy was made.</summary>
internal static class PackagedTorchSharp
{
    /// <summary>Its path. NuGet's record of the build names the cache.</summary>
    public static string Path { get; } = Find();

    private static string Find()
    {
        var assets = System.IO.Path.Combine(RepositoryRoot.Path, "tests", "Facade.CSharp.Tests", "obj", "project.assets.json");
        using var document = JsonDocument.Parse(File.ReadAllText(assets));
        return document.RootElement.GetProperty("packageFolders").EnumerateObject()
            .Select(folder => System.IO.Path.Combine(folder.Name, "torchsharp", "0.107.0", "lib", "net8.0", "TorchSharp.dll"))
            .First(File.Exists);
    }
}
