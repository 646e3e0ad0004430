using System.Globalization;
using MappingNets;
using MappingNets.Experiments.Demo;
using MappingNets.Experiments.Reporting;
using Spectre.Console;

CultureInfo.DefaultThreadCurrentCulture = CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
_ = NativeHeap.RetainFreedMemory();
if (args is ["--help" or "-h"])
{
    Console.WriteLine("""
        Trains CNN2 on FashionMNIST directly and through a latent, and writes the table, the plots and report.json.

          --out FOLDER     where the results go; artifacts/demo where it is not named
          --data FOLDER    the four IDX files; otherwise MAPPINGNETS_FASHION_MNIST or the Debian package's folder
          --seed N         the seed of every run; 1 where it is not named
          --update FILE    also writes the table into the file's section "demo table", as README.md has one
        """);
    return 0;
}

try
{
    var options = DemoOptions.Parse(args);
    if (options.Document is { } document)
        MarkedSection.Require(document, Demo.TableSection);
    using var stop = new StopSignals();
    Demo.Run(options, stop.Token);
    return 0;
}
catch (OperationCanceledException)
{
    AnsiConsole.MarkupLine("[yellow]Stopped. What was finished is kept.[/]");
    return 130;
}
catch (Exception fault) when (ExampleProgram.IsAnswer(fault))
{
    return ExampleProgram.Refuse(fault);
}
