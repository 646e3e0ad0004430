using System.CommandLine;
using System.Globalization;
using TorchSharp;

namespace MappingNets.Tool;

/// <summary>
/// The exit status is 0 where all went well, 1 where something was refused or failed, 2 for a command line that makes no sense, and 130 where the
/// user broke off.
/// </summary>
internal static class Program
{
    private const int Failed = 1;
    private const int Misused = 2;
    private const int Stopped = 130;

    public static async Task<int> Main(string[] args)
    {
        CultureInfo.DefaultThreadCurrentCulture = CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
        _ = NativeHeap.RetainFreedMemory();
        return await Run(args, Console.Out, Console.Error);
    }

    /// <summary>Runs a command line.</summary>
    public static async Task<int> Run(string[] args, TextWriter output, TextWriter errors)
    {
        var parsed = Commands.Root(output).Parse(args);
        if (parsed.Errors.Count > 0)
        {
            await errors.WriteLineAsync($"mappingnets: {Misuse.Of(parsed)}");
            return Misused;
        }

        try
        {
            return await parsed.InvokeAsync(new() { EnableDefaultExceptionHandler = false, Output = output, Error = errors });
        }
        catch (OperationCanceledException)
        {
            await errors.WriteLineAsync("mappingnets: stopped; `--resume FILE` goes on with a run that had it from the start.");
            return Stopped;
        }
        catch (Exception fault) when (IsAnswer(fault))
        {
            await errors.WriteLineAsync($"mappingnets: {OneLine(fault)}");
            return Failed;
        }
    }

    // What the library refuses, or the system; anything else is a fault of ours and shows where it was.
    private static bool IsAnswer(Exception fault) => fault is IOException or InvalidDataException or UnauthorizedAccessException or ArgumentException
        or InvalidOperationException or NotSupportedException or ArithmeticException or System.Runtime.InteropServices.ExternalException;

    // The name of an argument in the library means nothing on a command line.
    private static string OneLine(Exception fault) => MessageText.Shown(
        (fault is ArgumentException { ParamName: { } name } ? fault.Message.Replace($" (Parameter '{name}')", "", StringComparison.Ordinal) : fault.Message)
        .ReplaceLineEndings(" ").Trim());
}
