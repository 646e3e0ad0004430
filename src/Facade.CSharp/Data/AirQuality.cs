using static TorchSharp.torch;

namespace MappingNets;

/// <summary>
/// The Beijing air-quality data of twelve stations, ready for forecasting: windows of past hours, and the next hour's PM2.5 of one
/// station. Everything is scaled to 0 .. 1 by the smallest and largest values of the training part alone.
/// </summary>
public sealed class AirQuality : IDisposable
{
    internal AirQuality(Dataset training, Dataset test, IReadOnlyList<string> featureNames, (double Smallest, double Largest) target)
    {
        (Training, Test, FeatureNames) = (training, test, featureNames);
        (SmallestTarget, LargestTarget) = target;
    }

    /// <summary>The earlier part: inputs (hours, features), targets (1).</summary>
    public Dataset Training { get; }

    /// <summary>The later part; its first target comes after the last of the training part.</summary>
    public Dataset Test { get; }

    /// <summary>What the features are called, such as "Aotizhongxin PM2.5"; 67 with twelve stations.</summary>
    public IReadOnlyList<string> FeatureNames { get; }

    /// <summary>The PM2.5 that 0 stands for, micrograms a cubic metre.</summary>
    public double SmallestTarget { get; }

    /// <summary>The PM2.5 that 1 stands for, micrograms a cubic metre.</summary>
    public double LargestTarget { get; }

    /// <summary>
    /// Reads the folder of PRSA_Data_STATION_*.csv files. Features are PM2.5, PM10, SO2, NO2 and CO of every station, and of the
    /// main one TEMP, PRES, DEWP, RAIN, WSPM and the wind direction as sine and cosine. A missing value ("NA") is the last one
    /// before it; before the first one, the median of the training part. An hour whose own PM2.5 is missing is no target.
    /// </summary>
    /// <param name="folder">The folder with one file for each station, all over the same hours.</param>
    /// <param name="hours">How many past hours a window has, at least 1.</param>
    /// <param name="trainingFraction">The share of the hours that is the training part, above 0 and below 1.</param>
    /// <param name="station">The station whose PM2.5 is forecast.</param>
    /// <returns>The data; the caller disposes it.</returns>
    /// <exception cref="DirectoryNotFoundException">There is no such folder.</exception>
    /// <exception cref="DatasetFormatException">
    /// The station is missing; a file lacks a column or has a field that is no number; the files do not hold the same hours one
    /// after another; in the training part a feature has no value or the target never changes; a part has no window.
    /// </exception>
    public static AirQuality Load(string folder, int hours = 24, double trainingFraction = 0.8, string station = "Aotizhongxin")
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(folder);
        ArgumentException.ThrowIfNullOrWhiteSpace(station);
        ArgumentOutOfRangeException.ThrowIfLessThan(hours, 1);
        if (!(trainingFraction > 0 && trainingFraction < 1))
            throw new ArgumentOutOfRangeException(nameof(trainingFraction), trainingFraction, "The share must lie between 0 and 1.");
        var stations = AirQualityFiles.Read(folder);
        var main = stations.FirstOrDefault(read => read.Name == station) ?? throw new DatasetFormatException(
            folder, $"has no file of the station '{station}'; it has {string.Join(", ", stations.Select(read => read.Name))}.");

        var columns = AirQualityFiles.Features(stations, main);
        var target = main.Columns["PM2.5"];
        // The first hour of the test part.
        var split = (int)(trainingFraction * target.Length);
        var (smallest, largest) = Range(target.Take(split).Where(double.IsFinite), folder, $"{station} PM2.5");
        if (!(largest > smallest))
            throw new DatasetFormatException(folder, $"has the same {station} PM2.5, {smallest}, throughout the training part; there is nothing to learn.");
        var features = columns.Select(column => Scaled(column.Values, split, folder, column.Name)).ToArray();
        // Hours are rows: a window is then one piece of memory.
        var rows = new float[target.Length * features.Length];
        for (var hour = 0; hour < target.Length; hour++)
            for (var feature = 0; feature < features.Length; feature++)
                rows[hour * features.Length + feature] = (float)features[feature][hour];

        return new(
            Windows(hours, split, "training"),
            Windows(Math.Max(split, hours), target.Length, "test"),
            [.. columns.Select(column => column.Name)],
            (smallest, largest));

        Dataset Windows(int first, int end, string part)
        {
            int[] targets = [.. Enumerable.Range(first, Math.Max(0, end - first)).Where(hour => double.IsFinite(target[hour]))];
            if (targets.Length == 0)
                throw new DatasetFormatException(folder, $"holds {target.Length} hours, which leave the {part} part without a window of {hours}.");
            return Dataset.FromSamples(targets.Length, [hours, features.Length], [1], [], number =>
            {
                var hour = targets[number];
                return (
                    tensor(rows[((hour - hours) * features.Length)..(hour * features.Length)], [hours, features.Length]),
                    tensor(new[] { (float)((target[hour] - smallest) / (largest - smallest)) }));
            });
        }
    }

    /// <summary>A scaled value as PM2.5 in micrograms a cubic metre.</summary>
    /// <param name="scaled">An output of the network or a target; 0 to 1 over the range of the training part.</param>
    public double ToConcentration(double scaled) => SmallestTarget + scaled * (LargestTarget - SmallestTarget);

    /// <summary>Frees both parts.</summary>
    public void Dispose()
    {
        Training.Dispose();
        Test.Dispose();
    }

    private static double[] Scaled(double[] values, int split, string folder, string name)
    {
        double[] known = [.. values.Take(split).Where(double.IsFinite).Order()];
        var (smallest, largest) = Range(known, folder, name);
        var last = known.Length % 2 == 1 ? known[known.Length / 2] : (known[known.Length / 2 - 1] + known[known.Length / 2]) / 2;
        var filled = new double[values.Length];
        for (var hour = 0; hour < values.Length; hour++)
        {
            if (double.IsFinite(values[hour]))
                last = values[hour];
            // A feature that never changes in training says nothing.
            filled[hour] = largest > smallest ? (last - smallest) / (largest - smallest) : 0;
        }

        return filled;
    }

    private static (double Smallest, double Largest) Range(IEnumerable<double> values, string folder, string name)
    {
        double[] known = [.. values];
        return known.Length > 0
            ? (known.Min(), known.Max())
            : throw new DatasetFormatException(folder, $"has no value of {name} in the training part.");
    }
}
