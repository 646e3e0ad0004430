using Xunit;

namespace MappingNets.Tests.Notebooks;

/// <summary>A test that runs notebooks, skipped where dotnet-interactive is not installed.</summary>
public sealed class NotebookTheoryAttribute : TheoryAttribute
{
    public NotebookTheoryAttribute()
    {
        if (NotebookKernel.Program is null)
            Skip = "dotnet-interactive is missing: dotnet tool install Microsoft.dotnet-interactive --version 1.0.712001 --tool-path artifacts/tools.";
    }
}
