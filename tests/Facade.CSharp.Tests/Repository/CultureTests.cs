using Xunit;

namespace MappingNets.Tests.Repository;

/// <summary>
/// Parsing, formatting and ordering do not follow the language of the machine. The repository runs without cultures, which would hide it,
/// so the cultures run in processes of their own, with ICU.
/// </summary>
public sealed class CultureTests
{
    [IcuTheory]
    [InlineData("de-DE")]
    [InlineData("tr-TR")]
    [InlineData("th-TH")]
    [InlineData("fa-IR")]
    public void Everything_reads_and_prints_the_same_everywhere(string culture) => Assert.Equal(Report(""), Report(culture));

    private static string Report(string culture) => ChildProcess.Run(
        "env", ["DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=0", "dotnet", typeof(CultureProbe).Assembly.Location, "culture", culture]);
}
