using System.Globalization;
using Xunit;

namespace MappingNets.Tests;

/// <summary>No loader ever holds twice the data it reads, counted by what it has in memory or, where that is more, in its file.</summary>
public sealed class LoaderMemoryTests
{
    private const int Kilobytes = 24_000;

    public static TheoryData<string> Loaders => [.. LoaderMemoryProbe.Names];

    [LinuxTheory]
    [MemberData(nameof(Loaders))]
    public void A_loader_takes_less_than_twice_the_data(string loader)
    {
        using var small = new TemporaryFolder();
        using var large = new TemporaryFolder();
        LoaderMemoryProbe.Write(loader, small, large, Kilobytes);

        // The collector's youngest generation is kept small: what it has not come to yet is no need of the loader.
        var grown = long.Parse(
            ChildProcess.Run(
                "env", ["DOTNET_GCgen0size=100000", "dotnet", typeof(LoaderMemoryProbe).Assembly.Location, "memory", loader, $"{small.Path}|{large.Path}"]),
            CultureInfo.InvariantCulture);

        Assert.InRange(grown, Kilobytes * 1000L / 3, 2 * Kilobytes * 1000L);
    }
}
