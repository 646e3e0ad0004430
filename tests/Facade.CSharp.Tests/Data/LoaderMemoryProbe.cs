using System.Globalization;
using System.Text;
using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets.Tests;

/// <summary>What a loader takes at its peak, in a process of its own: Linux keeps the highest resident memory since it was last asked.</summary>
internal static class LoaderMemoryProbe
{
    /// <summary>A loader and a file for it.</summary>
    /// <param name="Write">Writes the file "it" into a folder, for some thousands of bytes of data in memory.</param>
    /// <param name="Read">From the file's path to what is kept of it.</param>
    private sealed record Loader(Action<TemporaryFolder, int> Write, Func<string, object> Read);

    private static readonly Dictionary<string, Loader> Loaders = new()
    {
        ["npy"] = new((folder, size) => Npy(folder, "<f4", 4, size), path => NpyFile.Read(path)),
        ["npy of wider numbers"] = new((folder, size) => Npy(folder, ">u2", 2, size / 2), path => NpyFile.Read(path)),
        ["IDX"] = new((folder, size) => folder.Write("it", IdxBytes.Of([size, 1000], new byte[size * 1000])), path => IdxFile.Read(path)),
        ["gzip"] = new((folder, size) => folder.Write("it", IdxBytes.Zipped(IdxBytes.Of([size, 1000], new byte[size * 1000]))), path => IdxFile.Read(path)),
        ["images in IDX files"] = new(
            (folder, size) =>
            {
                folder.Write("it", IdxBytes.Of([size, 10, 25], new byte[size * 250]));
                folder.Write("it.labels", IdxBytes.Of([size], new byte[size]));
            },
            path => ImageDataset.FromIdx(path, path + ".labels", ["a"], 0, 1)),
        ["CIFAR"] = new(
            (folder, size) =>
            {
                folder.Write("train.bin", new byte[3074 * (size / 3 + 1)]);
                folder.Write("test.bin", new byte[3074]);
            },
            path => Cifar.Load100(Path.GetDirectoryName(path)!)),
        ["CSV"] = new((folder, size) => folder.Write("it", Csv(size)), path => FeatureVectors.FromCsv(path, "kind")),
        ["time series"] = new((folder, size) => folder.Write("it", Csv(size)), path => TimeSeriesWindows.FromCsv(path, "a", ["a", "b", "c"])),
        ["pictures"] = new(
            (folder, size) =>
            {
                // Twelve bytes of a sample for each pixel.
                for (var index = 0; index < 4; index++)
                    folder.Write(Pictures.Colour(size / 4, 1000 / 12, 1, 2, 3), "all", "a", $"{index}.png");
            },
            path => Pictured(path).ToMemory()),
        ["safetensors"] = new(
            (folder, size) => Tensors(folder, zeros(size, 250)),
            path => PretrainedWeights.FromFile(path)),
        ["safetensors of half precision"] = new(
            (folder, size) => Tensors(folder, zeros(size, 250, dtype: float16)),
            path => PretrainedWeights.FromFile(path)),
        ["safetensors from a stream"] = new(
            (folder, size) => Tensors(folder, zeros(size, 250)),
            path => SafetensorsFile.Read(File.OpenRead(path))),
        ["codes of 8 bits"] = new((folder, size) => Encoded(folder, size, StoredPrecision.Int8), path => PretrainedWeights.FromFile(path)),
        ["codes of 4 bits"] = new((folder, size) => Encoded(folder, size, StoredPrecision.Int4), path => PretrainedWeights.FromFile(path)),
    };

    /// <summary>The loaders' names.</summary>
    public static IEnumerable<string> Names => Loaders.Keys;

    /// <summary>Writes the loader's file, a small one for warming up in "small" and a large one in "large".</summary>
    public static void Write(string loader, TemporaryFolder small, TemporaryFolder large, int kilobytes)
    {
        using var scope = NewDisposeScope();
        Loaders[loader].Write(small, 64);
        Loaders[loader].Write(large, kilobytes);
    }

    /// <summary>The growth of the highest resident memory, in bytes, while the loader reads the large file.</summary>
    public static string Growth(string loader, string folders)
    {
        var (small, large) = (folders.Split('|')[0], folders.Split('|')[1]);
        for (var warming = 0; warming < 2; warming++)
            (Loaders[loader].Read(Path.Combine(small, "it")) as IDisposable)?.Dispose();
        GC.Collect();
        GC.WaitForPendingFinalizers();
        // "5" sets the highest resident memory to the present one.
        File.WriteAllText("/proc/self/clear_refs", "5");
        var before = Status("VmHWM");
        var kept = Loaders[loader].Read(Path.Combine(large, "it"));
        var grown = Status("VmHWM") - before;
        GC.KeepAlive(kept);
        return grown.ToString(CultureInfo.InvariantCulture);
    }

    private static long Status(string name) => 1024 * long.Parse(
        File.ReadLines("/proc/self/status").First(line => line.StartsWith(name, StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[1],
        CultureInfo.InvariantCulture);

    private static void Npy(TemporaryFolder folder, string type, int bytes, int size)
    {
        var header = $"{{'descr': '{type}', 'fortran_order': False, 'shape': ({size * 1000 / bytes},), }}\n";
        folder.Write("it", [0x93, .. "NUMPY"u8, 1, 0, (byte)header.Length, 0, .. Encoding.ASCII.GetBytes(header), .. new byte[size * 1000 / bytes * bytes]]);
    }

    private static byte[] Csv(int size) =>
        Encoding.ASCII.GetBytes("a,b,c,kind\n" + string.Concat(Enumerable.Range(0, size * 1000 / 24).Select(row => $"{row % 7}.12345,{row % 5}.1234,3.1234,x\n")));

    private static Dataset Pictured(string path)
    {
        var folder = Path.Combine(Path.GetDirectoryName(path)!, "all");
        using var picture = SkiaSharp.SKBitmap.Decode(Directory.GetFiles(Path.Combine(folder, "a"))[0]);
        return ImageFolder.Open(folder, picture.Height, picture.Width);
    }

    private static void Tensors(TemporaryFolder folder, Tensor tensor) => SafetensorsFile.Write(folder.File("it"), [("w", tensor)]);

    private static void Encoded(TemporaryFolder folder, int size, StoredPrecision precision)
    {
        using var model = DirectModel.For(TargetNetwork.Input(250).Linear(size).Build("wide"), seed: 1);
        model.Export(folder.File("it"), precision);
    }
}
