using System.Text.RegularExpressions;
using System.Xml.Linq;
using Xunit;

namespace MappingNets.Tests.Repository;

/// <summary>
/// The core is read in the order in which it is compiled, folder by folder. F# files use earlier files only, so this order is all
/// that has to hold for no folder to use a later one.
/// </summary>
public sealed partial class CoreOrderTests
{
    private const string Core = "src/Core.FSharp";

    private static readonly string[] Folders = ["Derivatives", "Layout", "FixedWeights", "Mapping", "Theory", "Optimisation"];

    private static readonly string[] Compiled =
        [.. XDocument.Parse(RepositoryRoot.Read($"{Core}/Core.FSharp.fsproj")).Descendants("Compile")
            .Select(item => item.Attribute("Include")!.Value.Replace('\\', '/'))];

    [Fact]
    public void FoldersAreCompiledInTheirOrderEachInOnePiece()
    {
        // What every folder may use stands above them.
        Assert.Equal("TensorChecks.fs", Compiled[0]);
        var order = Compiled.Skip(1).Select(file => file.Split('/')[0]).ToArray();
        Assert.Empty(order.Except(Folders));
        Assert.Equal(order.OrderBy(folder => Array.IndexOf(Folders, folder)), order);
    }

    [Fact]
    public void EveryFileIsCompiledAndASignatureStandsBeforeItsFile()
    {
        var folder = Path.Combine(RepositoryRoot.Path, Core);
        var files = Directory.EnumerateFiles(folder, "*.fs*", SearchOption.AllDirectories)
            .Select(file => Path.GetRelativePath(folder, file).Replace('\\', '/'))
            .Where(file => file.EndsWith(".fs", StringComparison.Ordinal) || file.EndsWith(".fsi", StringComparison.Ordinal))
            .Where(file => !file.StartsWith("obj/", StringComparison.Ordinal) && !file.StartsWith("bin/", StringComparison.Ordinal));
        Assert.Equal(files.Order(StringComparer.Ordinal), Compiled.Order(StringComparer.Ordinal));
        Assert.All(
            Compiled.Where(file => file.EndsWith(".fsi", StringComparison.Ordinal)),
            file => Assert.Equal(file[..^1], Compiled[Array.IndexOf(Compiled, file) + 1]));
    }

    // A mapping's passes over memory stand beside the mapping, and choose among the kernels; nothing else looks into that room.
    [Fact]
    public void OnlyAMappingsPassesUseKernelsFromOutside()
    {
        var kernels = Compiled.Where(file => file.StartsWith("FixedWeights/Kernels/", StringComparison.Ordinal))
            .SelectMany(file => Declaration().Matches(Code(file)))
            .Select(found => found.Groups["name"].Value)
            .ToArray();
        Assert.Contains("TilePasses", kernels);
        var uses =
            from file in Compiled
            where !file.StartsWith("FixedWeights/", StringComparison.Ordinal) && file is not ("Mapping/FusedMapping.fs" or "Mapping/TensorwisePullback.fs")
            from kernel in kernels
            where Regex.IsMatch(Code(file), $@"\b{kernel}\b")
            select $"{file}: {kernel}";
        Assert.Empty(uses.Except(["Mapping/Mapping.fs: FusedGeneration", "Mapping/FineTuning.fs: TensorMemory"]));
    }

    /// <summary>A file without its comments, which may name what they like.</summary>
    private static string Code(string file) => Comment().Replace(RepositoryRoot.Read($"{Core}/{file}"), "");

    [GeneratedRegex(@"^module internal (MappingNets\.Core\.)?(?<name>\w+)", RegexOptions.Multiline)]
    private static partial Regex Declaration();

    [GeneratedRegex(@"//.*$", RegexOptions.Multiline)]
    private static partial Regex Comment();
}
