using System.Text.Json;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using Xunit;

namespace MappingNets.Tests.Repository;

public sealed partial class RepositoryTests
{
    [Fact]
    public void NoCommittedFileNamesARegistry()
    {
        var root = RepositoryRoot.Path;
        if (RepositoryRoot.Committed() is not { } files)
            return;

        var hosts = FeedHosts().ToArray();
        Assert.Contains("paket.lock", files);
        var offenders = files
            .Select(file => Path.Combine(root, file))
            .Where(File.Exists)
            .Where(file =>
            {
                var text = File.ReadAllText(file);
                return RegistryHost().IsMatch(text) || hosts.Any(host => text.Contains(host, StringComparison.OrdinalIgnoreCase));
            });
        Assert.Empty(offenders);
    }

    [Fact]
    public void NoCommittedFileIsOneThatGitIsToIgnore()
    {
        Assert.Empty(RepositoryRoot.Committed("--cached", "--ignored", "--exclude-standard") ?? []);
    }

    [Fact]
    public void EveryChangeThatTheMutantsPlantStillFitsTheCode()
    {
        using var list = JsonDocument.Parse(File.ReadAllText(Path.Combine(RepositoryRoot.Path, "tests", "mutants", "list.json")));
        var stale = list.RootElement.EnumerateArray()
            .Select(change => (File: change.GetProperty("file").GetString()!, Old: change.GetProperty("old").GetString()!))
            .Where(change => File.ReadAllText(Path.Combine(RepositoryRoot.Path, change.File)).Split(change.Old).Length != 2);
        Assert.Empty(stale);
    }

    /// <summary>Where it is exported, 'cd' looks for a relative folder in other places first, and prints which it took.</summary>
    [Fact]
    public void EveryScriptThatChangesFoldersDoesWithoutCdpath()
    {
        if (RepositoryRoot.Committed() is not { } files)
            return;
        var scripts =
            from file in files
            where Path.GetExtension(file) is ".sh" or "" && File.Exists(Path.Combine(RepositoryRoot.Path, file))
            let text = RepositoryRoot.Read(file)
            let change = ChangeOfFolder().Match(text)
            where ShellScript().IsMatch(text) && change.Success
            select (File: file, Before: text[..change.Index]);
        Assert.Contains(scripts, script => script.File == "build.sh");
        Assert.All(scripts, script => Assert.Contains("\nunset CDPATH\n", script.Before));
    }

    [Fact]
    public void TheLockFileTakesItsFeedFromTheEnvironment()
    {
        var remotes = File.ReadLines(Path.Combine(RepositoryRoot.Path, "paket.lock")).Where(line => line.Contains("remote:")).ToArray();
        Assert.NotEmpty(remotes);
        Assert.All(remotes, line => Assert.Equal("remote: %NUGET_FEED%", line.Trim()));
    }

    /// <summary>A short name is left as text by the tools that build the site, for F# does not resolve it.</summary>
    [Fact]
    public void EveryReferenceInThePackagesDocumentationNamesItsMemberInFull()
    {
        var references =
            from type in new[] { typeof(Core.Mapping), typeof(MappingNetwork), typeof(ImageFolder) }
            from reference in XDocument.Load(Path.ChangeExtension(type.Assembly.Location, ".xml")).Descendants().Attributes("cref")
            select reference.Value;
        Assert.NotEmpty(references);
        Assert.DoesNotContain(references, name => !FullReference().IsMatch(name));
    }

    /// <summary>Hosts of the feeds of this machine, read where NuGet keeps them and only where one was found for this build.</summary>
    private static IEnumerable<string> FeedHosts() =>
        from line in ChildProcess.Run("dotnet", ["nuget", "list", "source", "--format", "short"], RepositoryRoot.Path).Split('\n')
        let address = line[(line.IndexOf(' ') + 1)..].Trim()
        where Uri.TryCreate(address, UriKind.Absolute, out var uri) && uri.Host.Contains('.')
        select new Uri(address).Host;

    [GeneratedRegex("^#!.*sh\n")]
    private static partial Regex ShellScript();

    [GeneratedRegex(@"^[^#\n]*\bcd ", RegexOptions.Multiline)]
    private static partial Regex ChangeOfFolder();

    [GeneratedRegex("^[TMPFEN]:[A-Z]")]
    private static partial Regex FullReference();

    [GeneratedRegex(@"https?://[^\s""'/]*(nuget|registry|artifactory)[^\s""'/]*/", RegexOptions.IgnoreCase)]
    private static partial Regex RegistryHost();
}
