using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets.Examples.FineTune;

/// <summary>Pictures of 64 x 64 in colour, to train with and to judge by.</summary>
/// <param name="Origin">Where they come from, in a sentence.</param>
/// <param name="Training">To train with; shape (N, 3, 64, 64), blue before green before red, 0 to 255 less ImageNet's mean.</param>
/// <param name="Test">A fifth of them, to judge by.</param>
internal sealed record Pictures(string Origin, Dataset Training, Dataset Test) : IDisposable
{
    public const int Side = 64;

    // ImageNet's, red first, on the scale from 0 to 1.
    private static readonly double[] Means = [0.485, 0.456, 0.406];

    public IReadOnlyList<string> Classes => Training.ClassNames;

    public static Pictures Load(string folder)
    {
        using var files = ImageFolder.Open(folder, Side, Side, channels: 3, Means, [1 / 255.0, 1 / 255.0, 1 / 255.0]);
        using var all = files.ToMemory();
        using var scope = NewDisposeScope();
        using var turned = Dataset.FromTensors(all.Inputs.flip(1).contiguous(), all.Labels, all.ClassNames);
        return Of($"Data: {all.Count:N0} pictures in the folders of '{folder}'.", turned);
    }

    /// <summary>Stripes of ten directions in noise and random colours.</summary>
    /// <param name="seed">The seed of the pictures.</param>
    /// <param name="turn">By how many radians all directions are turned.</param>
    public static Pictures Synthetic(ulong seed, double turn)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(seed);
        const int count = 625;
        var labels = arange(count, dtype: ScalarType.Int64) % 10;
        var angle = labels.to(float32).view(-1, 1, 1, 1) * (MathF.PI / 10) + turn;
        var place = arange(Side, dtype: float32);
        var along = angle.cos() * place.view(1, 1, 1, -1) + angle.sin() * place.view(1, 1, -1, 1);
        var stripes = (along * 0.6 + rand([count, 1, 1, 1], generator: generator) * (2 * MathF.PI)).sin();
        var pictures = stripes * (rand([count, 3, 1, 1], generator: generator) * 60 + 20) + randn([count, 3, Side, Side], generator: generator) * 40;
        using var all = Dataset.FromTensors(pictures, labels, [.. Enumerable.Range(0, 10).Select(index => $"stripes at {18 * index} degrees")]);
        return Of("Data: no folder was named, so the pictures are synthetic (stripes in noise); the accuracies do not carry over to real ones.", all);
    }

    /// <summary>The pictures of a customer whose camera hangs upside down.</summary>
    public Pictures UpsideDown() => new(Origin, Turned(Training), Turned(Test));

    public void Dispose()
    {
        Training.Dispose();
        Test.Dispose();
    }

    private static Pictures Of(string origin, Dataset all)
    {
        var (training, test) = all.SplitHoldOut(Math.Max(10, all.Count / 5), 1);
        return new(origin, training, test);
    }

    private static Dataset Turned(Dataset data)
    {
        using var scope = NewDisposeScope();
        return Dataset.FromTensors(data.Inputs.flip(2, 3).contiguous(), data.Labels, data.ClassNames);
    }
}
