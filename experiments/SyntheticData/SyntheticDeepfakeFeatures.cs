namespace MappingNets.Experiments.SyntheticData;

/// <summary>
/// Synthetic feature vectors of real and faked faces, as train_features.npy, train_labels.npy, test_features.npy and test_labels.npy. No
/// face was ever behind them: each vector is a chance mixture of smooth patterns, of which a fake one has a little more, and
/// small ripples somewhere, as blending leaves them. Chance is large enough that no one can tell all of them apart.
/// </summary>
public static class SyntheticDeepfakeFeatures
{
    /// <summary>The length of a vector.</summary>
    public const int Features = Rows * Columns;

    private const int Rows = 34;
    private const int Columns = 64;
    private const int Patterns = 16;
    private const int RippleSide = 6;
    private const double PatternDeviation = 0.35;

    // Over all patterns the means of the classes lie sqrt(16) x 0.14 / 0.35 = 1.6 deviations apart.
    private const double FakeShift = 0.14;

    /// <summary>Writes the four files; half of the vectors are fake.</summary>
    /// <param name="folder">The folder; created where it is missing.</param>
    /// <param name="training">How many vectors to train with, at least 2.</param>
    /// <param name="test">How many vectors to judge by, at least 2.</param>
    /// <param name="seed">Any seed; the same one gives the same files everywhere.</param>
    public static void Write(string folder, int training, int test, ulong seed)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(folder);
        ArgumentOutOfRangeException.ThrowIfLessThan(training, 2);
        ArgumentOutOfRangeException.ThrowIfLessThan(test, 2);
        SyntheticMarker.Write(folder);
        var patterns = SmoothPatterns(new(seed, "feature patterns"));
        foreach (var (part, count) in new[] { ("train", training), ("test", test) })
        {
            var random = new SyntheticRandom(seed, $"features to {part}");
            var features = new float[count * Features];
            var labels = new long[count];
            for (var number = 0; number < count; number++)
            {
                labels[number] = number % 2;
                Fill(features.AsSpan(number * Features, Features), patterns, labels[number] == 1, random);
            }

            AtomicFile.WriteAllBytes(Path.Combine(folder, part + "_features.npy"), NpyBytes.Of(features, count, Features));
            AtomicFile.WriteAllBytes(Path.Combine(folder, part + "_labels.npy"), NpyBytes.Of(labels, count));
        }
    }

    private static double[][] SmoothPatterns(SyntheticRandom random) => [.. Enumerable.Range(0, Patterns).Select(_ =>
    {
        var (across, down, phase) = (random.Between(0.02, 0.25), random.Between(0.02, 0.25), random.Between(0, 2 * Math.PI));
        return Enumerable.Range(0, Features).Select(place => Math.Sin((across * (place % Columns)) + (down * (place / Columns)) + phase)).ToArray();
    })];

    private static void Fill(Span<float> vector, double[][] patterns, bool isFake, SyntheticRandom random)
    {
        var shares = patterns.Select(_ => (PatternDeviation * random.Normal()) + (isFake ? FakeShift : 0)).ToArray();
        var strength = isFake ? random.Between(0.1, 0.8) : 0;
        var (top, left) = (random.Below(Rows - RippleSide), random.Below(Columns - RippleSide));
        for (var place = 0; place < Features; place++)
        {
            double value = 0.5;
            for (var pattern = 0; pattern < shares.Length; pattern++)
                value += shares[pattern] * patterns[pattern][place];
            value += 0.25 * random.Normal();
            var (row, column) = ((place / Columns) - top, (place % Columns) - left);
            if (row is >= 0 and < RippleSide && column is >= 0 and < RippleSide)
                value += (row + column) % 2 == 0 ? strength : -strength;
            vector[place] = (float)Math.Max(0, value);
        }
    }
}
