using System.Globalization;
using MappingNets.Examples.Reporting;
using MappingNets.Examples.Segmentation;
using Spectre.Console;

CultureInfo.DefaultThreadCurrentCulture = CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
if (args is ["--help" or "-h"])
{
    Console.WriteLine("""
        Names the class of each pixel of street scenes with a U-Net, trained directly and through latents, and writes a table and a picture.

          FOLDER           leftImg8bit and gtFine of Cityscapes; made scenes where none is named
          --out FOLDER     where the results go; artifacts/segmentation where it is not named
          --seed N         the seed of every run and of made scenes; 1 where it is not named
          --epochs N       epochs of every training; 10 where it is not named
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
    StreetScenes.Run(ExampleOptions.Parse(args, Path.Combine("artifacts", "segmentation")), stop.Token);
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
