using System.Globalization;
using Spectre.Console;

namespace MappingNets.Experiments.Reporting;

/// <summary>How an example is run: its heap, its help, Ctrl-C, and its messages for wrong arguments.</summary>
public static class ExampleProgram
{
    /// <summary>Runs an example by its command line.</summary>
    /// <param name="arguments">The words.</param>
    /// <param name="help">What --help prints.</param>
    /// <param name="output">The default folder for the results.</param>
    /// <param name="run">The example.</param>
    /// <returns>The exit code: 0, 1 where a file or an argument is wrong, 130 where it was stopped.</returns>
    public static int Run(string[] arguments, string help, string output, Action<ExampleOptions, CancellationToken> run)
    {
        _ = NativeHeap.RetainFreedMemory();
        CultureInfo.DefaultThreadCurrentCulture = CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
        if (arguments is ["--help" or "-h"])
        {
            Console.WriteLine(help);
            return 0;
        }

        using var stop = new StopSignals();
        try
        {
            run(ExampleOptions.Parse(arguments, output), stop.Token);
            return 0;
        }
        catch (OperationCanceledException)
        {
            AnsiConsole.MarkupLine("[yellow]Stopped.[/]");
            return 130;
        }
        catch (Exception fault) when (IsAnswer(fault))
        {
            return Refuse(fault);
        }
    }

    /// <summary>Whether an exception tells what is wrong with an argument, a file or the machine, so that its message says more than a stack trace.</summary>
    /// <param name="fault">The exception.</param>
    public static bool IsAnswer(Exception fault) => OneLine.IsAnswer(fault);

    /// <summary>Writes the message of such an exception to the error stream, in one line.</summary>
    /// <param name="fault">The exception.</param>
    /// <returns>The exit code, 1.</returns>
    public static int Refuse(Exception fault) => OneLine.Of(fault);
}
