using System.Text.RegularExpressions;
using MappingNets.Examples.Cluster;
using Xunit;

namespace MappingNets.Tests;

/// <summary>compose.yaml and kubernetes.yaml start the example with arguments that it takes, and name its ports.</summary>
public sealed partial class ManifestTests
{
    [Theory]
    [InlineData("compose.yaml")]
    [InlineData("kubernetes.yaml")]
    public void TheWorkersArgumentsAreTheProgramsOwn(string file)
    {
        var settings = Settings.Parse(Worker().Match(Read(file)).Value.Split([' ', '\n', '"', ','], StringSplitOptions.RemoveEmptyEntries));
        Assert.True(settings.IsWorker);
        Assert.Equal(("redis:6379", "10.0.0.1", 3), (settings.Redis, settings.Address, settings.Epochs));
        Assert.Equal(("/certificates/worker.pem", "/certificates/authority.pem"), (settings.Certificate, settings.Authority));
    }

    [Fact]
    public void ThePortsAreTheProgramsOwn()
    {
        var ports = Port().Matches(Read("kubernetes.yaml")).Select(match => int.Parse(match.Groups[1].Value, System.Globalization.CultureInfo.InvariantCulture));
        var settings = new Settings();
        Assert.Equal([settings.Port, settings.Port + Settings.ClientsAbove, 6379], ports);
    }

    private static string Read(string file) =>
        RepositoryRoot.Read($"examples/Cluster/{file}").Replace("$$(hostname -i)", "10.0.0.1").Replace("$(POD_IP)", "10.0.0.1");

    // From the verb to the last argument.
    [GeneratedRegex(@"\bworker""?,? ""?--redis.*?authority\.pem", RegexOptions.Singleline)]
    private static partial Regex Worker();

    [GeneratedRegex(@"containerPort: (\d+)")]
    private static partial Regex Port();
}
