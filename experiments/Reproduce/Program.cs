using System.Globalization;
using MappingNets;
using MappingNets.Experiments.Reporting;
using MappingNets.Experiments.Reproduce;
using Spectre.Console;

CultureInfo.DefaultThreadCurrentCulture = CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
// A file or a pipe has no width to keep to.
if (Console.IsOutputRedirected)
    AnsiConsole.Profile.Width = 160;
_ = NativeHeap.RetainFreedMemory();
using var stop = new StopSignals();
try
{
    return CommandLine.Build(stop.Token).Parse(args).Invoke(new() { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null });
}
catch (OperationCanceledException)
{
    AnsiConsole.MarkupLine("[yellow]Stopped. What was finished is kept; the same command with --resume goes on from there.[/]");
    return 130;
}
catch (Exception fault) when (ExampleProgram.IsAnswer(fault))
{
    return ExampleProgram.Refuse(fault);
}
