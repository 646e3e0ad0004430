using System.CommandLine;
using System.Globalization;
using System.Runtime.InteropServices;
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
        using var stop = new CancellationTokenSource();
        void End(PosixSignalContext signal)
        {
            // The first lets a verb end its step or its file, however long these take; the second ends the process.
            signal.Cancel = !stop.IsCancellationRequested;
            if (signal.Cancel)
                stop.Cancel();
            else
                Console.Error.WriteLine("mappingnets: stopped at once.");
        }

        using var interrupted = PosixSignalRegistration.Create(PosixSignal.SIGINT, End);
        using var terminated = PosixSignalRegistration.Create(PosixSignal.SIGTERM, End);
        return await Run(args, Console.Out, Console.Error, stop.Token);
    }

    /// <summary>Runs a command line.</summary>
    /// <param name="args">The command line.</param>
    /// <param name="output">What is asked for goes here.</param>
    /// <param name="errors">The one line about what went wrong.</param>
    /// <param name="stop">Breaks it off.</param>
    public static async Task<int> Run(string[] args, TextWriter output, TextWriter errors, CancellationToken stop = default)
    {
        var parsed = Commands.Root(output).Parse(args);
        if (parsed.Errors.Count > 0)
        {
            await errors.WriteLineAsync($"mappingnets: {Misuse.Of(parsed)}");
            return Misused;
        }

        try
        {
            // The parser's own handling of signals would cut a verb off after a while, without a word.
            return await parsed.InvokeAsync(
                new() { EnableDefaultExceptionHandler = false, Output = output, Error = errors, ProcessTerminationTimeout = null }, stop);
        }
        catch (OperationCanceledException)
        {
            await errors.WriteLineAsync(parsed.CommandResult.Command.Name == "train"
                ? "mappingnets: stopped; `--resume FILE` goes on with a run that had it from the start."
                : "mappingnets: stopped.");
            return Stopped;
        }
        catch (Exception fault) when (IsAnswer(fault))
        {
            await errors.WriteLineAsync($"mappingnets: {OneLine(fault)}");
            return Failed;
        }
    }

    // What the library refuses, or the system; anything else is a fault of ours and shows where it was.
    internal static bool IsAnswer(Exception fault) => fault is IOException or InvalidDataException or UnauthorizedAccessException or ArgumentException
        or InvalidOperationException or NotSupportedException or ArithmeticException or ExternalException;

    // The name of an argument in the library means nothing on a command line.
    internal static string OneLine(Exception fault) => MessageText.Shown(
        (fault is ArgumentException { ParamName: { } name } ? fault.Message.Replace($" (Parameter '{name}')", "", StringComparison.Ordinal) : fault.Message)
        .ReplaceLineEndings(" ").Trim());
}
