using System.Diagnostics;
using System.Text.Json;
using Xunit;

namespace MappingNets.Tests;

/// <summary>A test that runs Python with numpy; build.sh installs both where it may.</summary>
public sealed class NumpyFactAttribute : FactAttribute
{
    public NumpyFactAttribute()
    {
        if (Python.Interpreter is null)
            Skip = "There is no python3 with numpy.";
    }
}

/// <summary>The system's Python.</summary>
public static class Python
{
    // Reads an adapter and holds every name and number to the weights that the library exported.
    private const string Comparison = """
        import json, sys
        sys.path.insert(0, "python")
        import numpy, mappingnets
        adapter, exported, names, base = sys.argv[1:]
        expected = mappingnets.File(exported).arrays
        shapes = {name: expected[name].shape for name in json.loads(names)}
        state = mappingnets.load(adapter, shapes, base=mappingnets.File(base).arrays if base else None)
        assert sorted(state) == sorted(expected), f"{sorted(state)} instead of {sorted(expected)}"
        for name, array in expected.items():
            numpy.testing.assert_array_equal(state[name], array, name)
        """;

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

    /// <summary>The reader in Python gives the names and numbers that the model exports, told nothing of the network but its shapes.</summary>
    /// <param name="model">The model.</param>
    /// <param name="adapter">Its adapter's file.</param>
    /// <param name="pretrained">The exported weights that it was fine-tuned from; null for a mapped model.</param>
    public static void AssertReads(Model model, string adapter, string? pretrained = null)
    {
        using var folder = new TemporaryFolder();
        var exported = folder.File("exported.safetensors");
        model.Export(exported);
        var names = JsonSerializer.Serialize(model.Target.Parameters.Select(parameter => parameter.Name));
        var (status, errors) = Run(Interpreter!, "-c", Comparison, adapter, exported, names, pretrained ?? "");
        Assert.True(status == 0, errors);
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
