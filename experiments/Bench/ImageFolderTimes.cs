using System.Diagnostics;
using SkiaSharp;
using TorchSharp;

namespace MappingNets.Experiments.Bench;

/// <summary>The speed of an epoch whose pictures are read from a folder while it trains, over that of the same pictures in memory.</summary>
public static class ImageFolderTimes
{
    /// <summary>The least that streaming may reach.</summary>
    public const double Goal = 0.9;

    /// <summary>Names a folder of classes to measure on in place of the synthetic pictures of 32 x 32 pixels.</summary>
    public const string Variable = "MAPPINGNETS_PICTURES";

    private const int Batch = 128;

    /// <summary>The cases: networks for pictures of 32 x 32 and 64 x 64 pixels, from little to much arithmetic for each.</summary>
    /// <param name="quick">Whether to leave out the slow one.</param>
    public static IReadOnlyList<(string Name, TargetNetwork Target, int Side, int Count, bool Keeps)> Cases(bool quick) =>
    [
        ("cnn2", Small(32), 32, 40 * Batch, false),
        ("cnn2", Small(32), 32, 40 * Batch, true),
        ("cnn2", Small(64), 64, 10 * Batch, false),
        .. quick ? Array.Empty<(string, TargetNetwork, int, int, bool)>() : [("resnet-18", Targets.ResNet18(10, ResNetStem.Cifar), 32, 2 * Batch, false)],
    ];

    /// <summary>One network: the same pictures, order, batches, optimiser and threads on both sides.</summary>
    /// <param name="name">The network's name.</param>
    /// <param name="target">The network.</param>
    /// <param name="side">Pixels of a side.</param>
    /// <param name="count">Pictures of an epoch.</param>
    /// <param name="keeps">Whether the decoded pictures stay in memory from the epoch on that does not count.</param>
    /// <param name="pairs">How many pairs count.</param>
    public static Ratio Measure(string name, TargetNetwork target, int side, int count, bool keeps, int pairs)
    {
        using var work = new Pictures(side, count);
        using var all = ImageFolder.Open(work.Folder, side, side, keepBytes: keeps ? 1 << 30 : 0);
        using var streamed = all.Count > count ? all.SplitHoldOut(count, 1).HeldOut : all.Take(count);
        using var held = streamed.ToMemory();
        using var one = MappingNetwork.For(target).SingleLatent(2048).Build();
        using var other = MappingNetwork.For(target).SingleLatent(2048).Build();
        return Ratio.Measure(
            $"{name}, {work.Origin}, batch {Batch}: {(keeps ? "kept as bytes" : "read from files")} / in memory", "pictures/s", pairs,
            () => Speed(one, streamed), () => Speed(other, held), atLeast: Goal);
    }

    private static TargetNetwork Small(int side) => TargetNetwork.Input(3, side, side)
        .Conv2d(16, 3).ReLU().MaxPool2d(2).Conv2d(32, 3).ReLU().MaxPool2d(2).Flatten().Linear(128).ReLU().Linear(10).Build("cnn2");

    // The whole of an epoch: waiting for a batch is what streaming could cost.
    private static double Speed(Model model, Dataset data)
    {
        var trainer = new Trainer(model, new() { Epochs = 1, BatchSize = Batch, Seed = 1 });
        var started = Stopwatch.GetTimestamp();
        trainer.Fit(data);
        return data.Count / Stopwatch.GetElapsedTime(started).TotalSeconds;
    }

    /// <summary>A folder of JPEG files of ten classes: the user's, or smooth colours in noise, about as many bytes a pixel as photographs have.</summary>
    private sealed class Pictures : IDisposable
    {
        private readonly bool isOwn;

        public Pictures(int side, int count)
        {
            if (side == 32 && Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } named)
            {
                (Folder, Origin) = (named, $"{string.Join('/', named.Split(Path.DirectorySeparatorChar, StringSplitOptions.RemoveEmptyEntries)[^2..])} as files");
                return;
            }

            (isOwn, Folder, Origin) = (true, Directory.CreateTempSubdirectory("bench-").FullName, $"{side} x {side} synthetic JPEG");
            using var generator = new torch.Generator(1);
            for (var number = 0; number < count; number++)
            {
                using var scope = torch.NewDisposeScope();
                var coarse = torch.rand([1, 3, 4, 4], generator: generator) * 200;
                var smooth = torch.nn.functional.interpolate(coarse, [side, side], mode: torch.InterpolationMode.Bilinear);
                var values = (smooth + torch.rand([1, 3, side, side], generator: generator) * 40).permute(0, 2, 3, 1).contiguous().data<float>().ToArray();
                using var bitmap = new SKBitmap(side, side, SKColorType.Rgba8888, SKAlphaType.Opaque);
                var pixels = bitmap.GetPixelSpan();
                for (var pixel = 0; pixel < side * side; pixel++)
                    for (var colour = 0; colour < 4; colour++)
                        pixels[(4 * pixel) + colour] = colour == 3 ? byte.MaxValue : (byte)values[(3 * pixel) + colour];
                var path = Path.Combine(Folder, $"class-{number % 10}", $"{number}.jpg");
                Directory.CreateDirectory(Path.GetDirectoryName(path)!);
                using var encoded = bitmap.Encode(SKEncodedImageFormat.Jpeg, 90);
                File.WriteAllBytes(path, encoded.ToArray());
            }
        }

        public string Folder { get; }

        public string Origin { get; }

        public void Dispose()
        {
            if (isOwn)
                Directory.Delete(Folder, recursive: true);
        }
    }
}
