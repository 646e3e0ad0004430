using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets.Examples.FineTune;

/// <summary>Pictures of ten classes, 28 x 28: five to pretrain on, five to adapt to, and the first five lying on their side.</summary>
/// <param name="Origin">Where they come from, in a sentence.</param>
/// <param name="Pretraining">Classes 0-4.</param>
/// <param name="New">A few of classes 5-9, to adapt with.</param>
/// <param name="NewTest">Others of these, to judge by.</param>
/// <param name="Turned">A few of classes 0-4 with rows and columns exchanged, to adapt with.</param>
/// <param name="TurnedTest">Others of these, to judge by.</param>
internal sealed record Pictures(
    string Origin, Dataset Pretraining, Dataset New, Dataset NewTest, Dataset Turned, Dataset TurnedTest) : IDisposable
{
    private const int Side = 28;
    private const int PretrainingCount = 4_000;
    private const int AdaptationCount = 1_000;
    private const int TestCount = 1_000;

    private static readonly int[] FirstFive = [0, 1, 2, 3, 4];
    private static readonly int[] LastFive = [5, 6, 7, 8, 9];

    /// <summary>Real pictures.</summary>
    /// <param name="folder">A folder with the four IDX files.</param>
    public static Pictures Load(string folder)
    {
        var (training, test) = FashionMnist.Load(folder);
        using (training)
        using (test)
            return Of($"Data: the IDX files in '{folder}'.", training, test);
    }

    /// <summary>Stripes of five directions and two widths, in noise.</summary>
    public static Pictures Make()
    {
        using var training = Stripes(6_000, 1);
        using var test = Stripes(2_000, 2);
        return Of(
            "Data: no folder was named, so the pictures are made here (stripes in noise); the accuracies say nothing of real data.",
            training, test);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var part in new[] { Pretraining, New, NewTest, Turned, TurnedTest })
            part.Dispose();
    }

    private static Pictures Of(string origin, Dataset training, Dataset test)
    {
        using var first = training.OfClasses(FirstFive);
        using var last = training.OfClasses(LastFive);
        using var firstTest = test.OfClasses(FirstFive);
        using var lastTest = test.OfClasses(LastFive);
        return new(
            origin,
            Few(first, PretrainingCount),
            Few(last, AdaptationCount),
            Few(lastTest, TestCount),
            OnTheirSide(first, AdaptationCount),
            OnTheirSide(firstTest, TestCount));
    }

    private static Dataset Few(Dataset data, int count) => data.Take(Math.Min(count, data.Count));

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
