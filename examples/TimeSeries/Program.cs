using System.Globalization;
using MappingNets.Examples.Reporting;
using MappingNets.Examples.TimeSeries;
using Spectre.Console;

CultureInfo.DefaultThreadCurrentCulture = CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
if (args is ["--help" or "-h"])
{
    Console.WriteLine("""
        Forecasts the next hour's fine dust with an LSTM, trained directly and through a latent, and writes a table and a plot.

          FOLDER           the PRSA_Data_*.csv files of the Beijing Multi-Site Air-Quality data; made data where none is named
          --out FOLDER     where the results go; artifacts/time-series where it is not named
          --seed N         the seed of every run and of made data; 1 where it is not named
          --epochs N       epochs of every training; 15 where it is not named
        """);
    return 0;
}

try
{
    using var stop = new CancellationTokenSource();
    Console.CancelKeyPress += (_, pressed) =>
    {
        pressed.Cancel = true;
        stop.Cancel();
    };
    Forecasting.Run(ExampleOptions.Parse(args, Path.Combine("artifacts", "time-series")), stop.Token);
    return 0;
}
catch (OperationCanceledException)
{
    AnsiConsole.MarkupLine("[yellow]Stopped.[/]");
    return 130;
}
catch (Exception fault) when (fault is IOException or ArgumentException)
{
    await Console.Error.WriteLineAsync(fault.Message);
    return 1;
}
