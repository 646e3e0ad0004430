using System.Text.Json;
using Xunit;

namespace MappingNets.Tests.Notebooks;

/// <summary>The notebooks run from their first cell to the last, and show what they say they show.</summary>
public sealed class NotebookTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);
    private static readonly string Folder = Path.Combine(RepositoryRoot.Path, "notebooks");

    [NotebookTheory]
    [InlineData("theorem-on-a-curve.ipynb", "fsharp", "conclusion: HoldsByTheorem", "g(z*)")]
    [InlineData("adapters.ipynb", "csharp", "with its adapter", "after the replacement: ")]
    public async Task Every_cell_succeeds(string notebook, string language, params string[] shown)
    {
        using var stop = new CancellationTokenSource(Patience);
        using var kernel = await NotebookKernel.Start(Folder, stop.Token);
        var all = "";
        foreach (var cell in Cells(notebook))
            all += await kernel.Run(cell, language, stop.Token);
        Assert.All(shown, text => Assert.Contains(text, all, StringComparison.Ordinal));
    }

    [Fact]
    public void Every_notebook_is_run() =>
        Assert.Equal(["adapters.ipynb", "theorem-on-a-curve.ipynb"], Directory.GetFiles(Folder, "*.*").Select(Path.GetFileName).Order(StringComparer.Ordinal));

    private static IEnumerable<string> Cells(string notebook)
    {
        using var document = JsonDocument.Parse(File.ReadAllText(Path.Combine(Folder, notebook)));
        foreach (var cell in document.RootElement.GetProperty("cells").EnumerateArray().Where(cell => cell.GetProperty("cell_type").GetString() == "code"))
            yield return string.Concat(cell.GetProperty("source").EnumerateArray().Select(line => line.GetString()));
    }
}
