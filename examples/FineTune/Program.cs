using System.Globalization;
using MappingNets.Examples.FineTune;

CultureInfo.DefaultThreadCurrentCulture = CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
if (args.Length > 1 || args is ["--help" or "-h"])
{
    Console.WriteLine("""
        Pretrains a network on five classes, adapts it twice through 2,048 numbers, and serves, swaps and merges the adapters.

          FOLDER    the four IDX files of FashionMNIST or MNIST; made pictures where none is named
        """);
    return args.Length > 1 ? 1 : 0;
}

try
{
    using var pictures = args is [var folder] ? Pictures.Load(folder) : Pictures.Make();
    Walkthrough.Run(pictures);
    return 0;
}
catch (Exception fault) when (fault is IOException or ArgumentException or MappingNets.DatasetFormatException)
{
    await Console.Error.WriteLineAsync(fault.Message);
    return 1;
}
