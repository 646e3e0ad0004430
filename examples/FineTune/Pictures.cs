using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets.Examples.FineTune;

/// <summary>Grey pictures, 28 x 28: half of the classes to pretrain on, half to adapt to, and the first half lying on their side.</summary>
/// <param name="Origin">Where they come from, in a sentence.</param>
/// <param name="Pretraining">The first half of the classes.</param>
/// <param name="New">A few of the second half, to adapt with.</param>
/// <param name="NewTest">Others of these, to judge by.</param>
/// <param name="Turned">A few of the first half with rows and columns exchanged, to adapt with.</param>
/// <param name="TurnedTest">Others of these, to judge by.</param>
internal sealed record Pictures(
    string Origin, Dataset Pretraining, Dataset New, Dataset NewTest, Dataset Turned, Dataset TurnedTest) : IDisposable
{
    private const int Side = 28;
    private const int PretrainingCount = 4_000;
    private const int AdaptationCount = 1_000;
    private const int TestCount = 1_000;

    /// <summary>How many classes each half has.</summary>
    public int Classes => Pretraining.ClassNames.Count;

    /// <summary>Real pictures.</summary>
    /// <param name="folder">The four IDX files, or a folder of PNG and JPEG files for each class.</param>
    /// <exception cref="ArgumentException">There are fewer than four classes.</exception>
    public static Pictures Load(string folder)
    {
        var hasFolders = Directory.Exists(folder) && Directory.EnumerateDirectories(folder).Any();
        var (training, test) = hasFolders ? LoadFolders(folder) : FashionMnist.Load(folder);
        using (training)
        using (test)
            return Of($"Data: {(hasFolders ? "the pictures in the folders" : "the IDX files")} of '{folder}'.", training, test);
    }

    /// <summary>Stripes of five directions and two widths, in noise.</summary>
    public static Pictures Synthetic()
    {
        using var training = Stripes(6_000, 1);
        using var test = Stripes(2_000, 2);
        return Of(
            "Data: no folder was named, so the pictures are synthetic (stripes in noise); the accuracies do not carry over to real ones.",
            training, test);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var part in new[] { Pretraining, New, NewTest, Turned, TurnedTest })
            part.Dispose();
    }

    // A fifth of them to judge by.
    private static (Dataset Training, Dataset Test) LoadFolders(string folder)
    {
        using var files = ImageFolder.Open(folder, Side, Side, channels: 1);
        if (files.ClassNames.Count < 4)
            throw new ArgumentException(
                $"'{folder}' has {files.ClassNames.Count} folders of pictures; it takes four, two to pretrain on and two to adapt to.", nameof(folder));
        // Decoded once rather than in every epoch.
        using var all = files.ToMemory();
        return all.SplitHoldOut(Math.Max(1, all.Count / 5), 1);
    }

    private static Pictures Of(string origin, Dataset training, Dataset test)
    {
        var half = training.ClassNames.Count / 2;
        int[] firstHalf = [.. Enumerable.Range(0, half)];
        int[] secondHalf = [.. Enumerable.Range(half, half)];
        using var first = training.OfClasses(firstHalf);
        using var last = training.OfClasses(secondHalf);
        using var firstTest = test.OfClasses(firstHalf);
        using var lastTest = test.OfClasses(secondHalf);
        return new(
            origin,
            Few(first, PretrainingCount),
            Few(last, AdaptationCount),
            Few(lastTest, TestCount),
            OnTheirSide(first, AdaptationCount),
            OnTheirSide(firstTest, TestCount));
    }

    // At random, because folders come class by class.
    private static Dataset Few(Dataset data, int count)
    {
        if (count >= data.Count)
            return data.Take(data.Count);
        var (rest, few) = data.SplitHoldOut(count, 1);
        rest.Dispose();
        return few;
    }

    private static Dataset OnTheirSide(Dataset data, int count)
    {
        using var few = Few(data, count);
        using var scope = NewDisposeScope();
        return Dataset.FromTensors(few.Inputs.transpose(2, 3).contiguous(), few.Labels, few.ClassNames);
    }

    private static Dataset Stripes(int count, ulong seed)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(seed);
        var labels = arange(count, dtype: ScalarType.Int64) % 10;
        var number = labels.to(float32).view(-1, 1, 1, 1);
        var wide = number.ge(5).to(float32);
        // In the reverse order for the wide ones, so that what was learnt of the others does not tell them.
        var angle = (number - (9 * wide)).abs() * (MathF.PI / 10);
        var place = arange(Side, dtype: float32);
        var along = (angle.cos() * place.view(1, 1, 1, -1)) + (angle.sin() * place.view(1, 1, -1, 1));
        var phase = rand([count, 1, 1, 1], generator: generator) * (2 * MathF.PI);
        var stripes = ((along * (0.9 - (0.45 * wide))) + phase).sin();
        return Dataset.FromTensors(
            stripes + randn([count, 1, Side, Side], generator: generator), labels, [.. Enumerable.Range(0, 10).Select(index => $"stripes {index}")]);
    }
}
