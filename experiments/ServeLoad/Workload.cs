using MappingNets.Examples.Serve;
using SkiaSharp;
using TorchSharp;

namespace MappingNets.Experiments.ServeLoad;

/// <summary>The base, the adapters and the pictures that are sent.</summary>
internal static class Workload
{
    private const int Latents = 1024;
    private const int PictureCount = 256;

    /// <summary>
    /// Trains the example's base, writes adapters for it, and gives pictures of FashionMNIST's test set as PNG files. The adapters have the
    /// example's size and a latent of random numbers: what a prediction costs does not depend on them.
    /// </summary>
    public static IReadOnlyList<byte[]> Prepare(string folder, int adapters, CancellationToken stop)
    {
        var trained = Path.Combine(folder, "trained");
        using (var network = Tenants.Prepare(trained, stop))
            foreach (var count in new[] { 1, adapters })
            {
                Directory.CreateDirectory(Folder(folder, count));
                File.Copy(BaseIn(trained), BaseIn(Folder(folder, count)));
                WriteAdapters(network, Folder(folder, count), count, stop);
            }

        var (training, test) = FashionMnist.Load();
        using (training)
        using (test)
        using (var some = test.Take(PictureCount))
            return [.. Enumerable.Range(0, PictureCount).Select(place => Png(some.Inputs[place]))];
    }

    /// <summary>The folder of a service with so many adapters.</summary>
    public static string Folder(string folder, int adapters) => Path.Combine(folder, $"{adapters}");

    /// <summary>Their names.</summary>
    public static string[] Names(int adapters) => [.. Enumerable.Range(0, adapters).Select(number => $"tenant-{number}")];

    private static string BaseIn(string folder) => Path.Combine(folder, Tenants.BaseName + ".safetensors");

    private static void WriteAdapters(PretrainedNetwork network, string folder, int count, CancellationToken stop)
    {
        using var model = FineTuning.Of(network.Target, network.Weights).Mapping(mapping => mapping.SingleLatent(Latents)).WithSeed(1).Build();
        using var generator = new torch.Generator(1);
        foreach (var name in Names(count))
        {
            stop.ThrowIfCancellationRequested();
            using (torch.no_grad())
            using (torch.NewDisposeScope())
                foreach (var trained in model.parameters())
                    trained.copy_(torch.randn(trained.shape, generator: generator).mul(0.1f));
            model.SaveAdapter(Path.Combine(folder, name + ".safetensors"));
        }
    }

    private static byte[] Png(torch.Tensor picture)
    {
        using var scope = torch.NewDisposeScope();
        var bytes = picture.mul(FashionMnist.StandardDeviation).add(FashionMnist.Mean).mul(255f).round().clamp(0, 255)
            .to(torch.uint8).contiguous().data<byte>().ToArray();
        using var bitmap = new SKBitmap(Tenants.Side, Tenants.Side, SKColorType.Gray8, SKAlphaType.Opaque);
        for (var row = 0; row < Tenants.Side; row++)
            bytes.AsSpan(row * Tenants.Side, Tenants.Side).CopyTo(bitmap.GetPixelSpan()[(row * bitmap.RowBytes)..]);
        using var encoded = bitmap.Encode(SKEncodedImageFormat.Png, 100);
        return encoded.ToArray();
    }
}
