using System.Globalization;
using MappingNets;
using MappingNets.Examples.FineTune;

_ = NativeHeap.RetainFreedMemory();
CultureInfo.DefaultThreadCurrentCulture = CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
if (args.Length > 1 || args is ["--help" or "-h"])
{
    Console.WriteLine("""
        Pretrains a network on half of the classes, adapts it twice through 2,048 latents, and serves, swaps and merges the adapters.

          FOLDER    a folder of PNG or JPEG files for each class, at least four, which are made grey and scaled to 28 x 28; or the
                    four IDX files of FashionMNIST or MNIST; synthetic pictures by default
        """);
    return args.Length > 1 ? 1 : 0;
}

try
{
    using var pictures = args is [var folder] ? Pictures.Load(folder) : Pictures.Synthetic();
    Walkthrough.Run(pictures);
    return 0;
}
catch (Exception fault) when (fault is IOException or ArgumentException or DatasetFormatException)
{
    await Console.Error.WriteLineAsync(fault.Message);
    return 1;
}
