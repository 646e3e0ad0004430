using System.Globalization;
using MappingNets.Examples.Reproduce;
using Spectre.Console;

CultureInfo.DefaultThreadCurrentCulture = CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
using var stop = new CancellationTokenSource();
Console.CancelKeyPress += (_, pressed) =>
{
    pressed.Cancel = true;
    stop.Cancel();
};
try
{
    return CommandLine.Build(stop.Token).Parse(args).Invoke(new() { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null });
}
catch (OperationCanceledException)
{
    AnsiConsole.MarkupLine("[yellow]Stopped. What was finished is kept.[/]");
    return 130;
}
catch (Exception fault) when (fault is IOException or ArgumentException)
{
    await Console.Error.WriteLineAsync(fault.Message);
    return 1;
}
