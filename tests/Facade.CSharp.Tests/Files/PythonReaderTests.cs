using System.Diagnostics;
using MappingNets.Tests.Repository;
using Xunit;

namespace MappingNets.Tests;

/// <summary>A test that runs Python with numpy; build.sh installs both where it may.</summary>
internal sealed class NumpyFactAttribute : FactAttribute
{
    public NumpyFactAttribute()
    {
        if (Python.Interpreter is null)
            Skip = "There is no python3 with numpy.";
    }
}

/// <summary>The system's Python.</summary>
internal static class Python
{
    /// <summary>The first interpreter that has numpy; null where none has.</summary>
    public static string? Interpreter { get; } = new[] { "/usr/bin/python3", "python3" }.FirstOrDefault(HasNumpy);

    /// <summary>Runs it in the repository; the exit status and what it wrote to its error stream.</summary>
    public static (int Status, string Errors) Run(string interpreter, params string[] arguments)
    {
        var start = new ProcessStartInfo(interpreter, arguments) { RedirectStandardError = true, WorkingDirectory = RepositoryRoot.Path };
        start.Environment["PYTHONDONTWRITEBYTECODE"] = "1";
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, errors);
    }

    private static bool HasNumpy(string interpreter)
    {
        try
        {
            return Run(interpreter, "-c", "import numpy").Status == 0;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false;
        }
    }
}

/// <summary>The reader in Python gives the weights that the library gives, for files of every kind and version.</summary>
public sealed class PythonReaderTests
{
    [NumpyFact]
    public void Its_own_tests_pass()
    {
        var (status, errors) = Python.Run(Python.Interpreter!, Path.Combine("python", "test_mappingnets.py"));
        Assert.True(status == 0, errors);
        Assert.Contains("OK", errors, StringComparison.Ordinal);
    }

    [Fact]
    public void It_is_short()
    {
        Assert.True(File.ReadLines(Path.Combine(RepositoryRoot.Path, "python", "mappingnets.py")).Count() < 400);
    }
}
