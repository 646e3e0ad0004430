using System.Diagnostics;
using MappingNets.Examples.Serve;
using Xunit;

namespace MappingNets.Tests.Serve;

/// <summary>What examples/Serve is told on its command line.</summary>
public sealed class ServeArgumentsTests
{
    [Theory]
    [InlineData("--adapters here")]
    [InlineData("here")]
    [InlineData("--folder")]
    [InlineData("--folder=here --kept")]
    public async Task What_it_does_not_know_is_refused_before_anything_is_made(string arguments)
    {
        using var folder = new TemporaryFolder();
        var start = new ProcessStartInfo("dotnet", [typeof(Service).Assembly.Location, .. arguments.Split(' ')])
        {
            WorkingDirectory = folder.Path,
            RedirectStandardError = true,
        };
        using var service = Process.Start(start)!;
        var said = await service.StandardError.ReadToEndAsync();
        await service.WaitForExitAsync();

        Assert.Equal(1, service.ExitCode);
        Assert.Equal($"There is '{arguments}'; it takes --folder F, --urls U and --kept N.", said.Trim());
        Assert.Empty(Directory.GetFileSystemEntries(folder.Path));
    }
}
