using System.Globalization;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>
/// Time series cut into windows for forecasting: some past rows of every feature, and the value of one series after them. The split
/// is by time, and everything is scaled to 0 .. 1 by the smallest and largest values of the training part alone.
/// </summary>
public sealed class TimeSeriesWindows : IDisposable
{
    private TimeSeriesWindows(
        Dataset training, Dataset test, IReadOnlyList<string> featureNames, (double Smallest, double Largest) target)
    {
        (Training, Test, FeatureNames) = (training, test, featureNames);
        (SmallestTarget, LargestTarget) = target;
    }

    /// <summary>The earlier part: inputs (length, features), targets (1).</summary>
    public Dataset Training { get; }

    /// <summary>The later part; its first target comes after the last of the training part.</summary>
    public Dataset Test { get; }

    /// <summary>What the features are called, in the order of the inputs' last dimension.</summary>
    public IReadOnlyList<string> FeatureNames { get; }

    /// <summary>The value of the target that 0 stands for.</summary>
    public double SmallestTarget { get; }

    /// <summary>The value of the target that 1 stands for.</summary>
    public double LargestTarget { get; }

    /// <summary>Reads a CSV file with a header, one row for each step of time, the earliest first.</summary>
    /// <param name="path">The file.</param>
    /// <param name="target">The column that is forecast.</param>
    /// <param name="features">The columns that the windows hold, in this order; at least one.</param>
    /// <param name="length">How many rows a window has, at least 1.</param>
    /// <param name="ahead">How many rows after the window's last one the target lies, at least 1.</param>
    /// <param name="trainingFraction">The share of the rows that is the training part, above 0 and below 1.</param>
    /// <param name="time">A column of dates, which must grow from row to row; not looked at where null.</param>
    /// <param name="missing">What a field says where there is no value; an empty field says it too.</param>
    /// <param name="limits">What the file may cost; <see cref="ReadLimits.Default"/> where none are given.</param>
    /// <returns>The data; the caller disposes it.</returns>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="DatasetFormatException">
    /// The file lacks a column or has a field that is neither a number nor missing; the dates do not grow; in the training part a
    /// column has no value or the target never changes; a part has no window.
    /// </exception>
    /// <exception cref="ArgumentException">There is no feature, or a number is out of range.</exception>
    public static TimeSeriesWindows FromCsv(
        string path,
        string target,
        IReadOnlyList<string> features,
        int length = 24,
        int ahead = 1,
        double trainingFraction = 0.8,
        string? time = null,
        string missing = "NA",
        ReadLimits? limits = null)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        ArgumentException.ThrowIfNullOrWhiteSpace(target);
        ArgumentNullException.ThrowIfNull(features);
        if (features.Contains(null!))
            throw new ArgumentException("A feature's name is null.", nameof(features));
        var file = CsvFile.Open(path, limits);
        var (goal, clock) = (file.Column(target), time is null ? -1 : file.Column(time));
        int[] places = [.. features.Select(file.Column)];
        Check(features.Count, length, ahead, trainingFraction);
        // Twice through the file: what is counted first is in memory once, and not in lists that grow.
        var count = file.Rows().Count();
        // The columns in double precision, and all rows of the windows in single.
        file.RequireWithin((UInt128)count * (((UInt128)places.Append(goal).Distinct().Count() * sizeof(double)) + ((UInt128)places.Length * sizeof(float))));
        var targets = new double[count];
        double[]?[] columns = [.. places.Select(place => place == goal ? targets : new double[count])];
        DateTime? before = null;
        var row = 0;
        foreach (var (line, fields) in file.Rows())
        {
            if (row == count)
                throw new DatasetFormatException(path, "changed while it was read.");
            if (clock >= 0)
                before = Later(file, line, fields[clock], before);
            for (var index = 0; index < places.Length; index++)
                columns[index]![row] = Value(line, places[index], fields);
            targets[row++] = Value(line, goal, fields);
        }

        if (row < count)
            throw new DatasetFormatException(path, "changed while it was read.");

        return FromColumns(path, features, Taken, new(target, targets), length, ahead, trainingFraction);

        // Each column is free as soon as it is scaled.
        double[] Taken(int index)
        {
            var taken = columns[index]!;
            columns[index] = null;
            return taken;
        }

        double Value(int line, int column, string[] fields) =>
            fields[column].Length == 0 || fields[column] == missing ? double.NaN : file.Number(line, column, fields[column]);
    }

    /// <summary>
    /// Cuts windows from columns in memory. A feature's missing value (not a number) is the last one before it; before the first one,
    /// the median of the training part. A row whose own target is missing is no target.
    /// </summary>
    /// <param name="source">Where the columns come from, as messages call it.</param>
    /// <param name="features">Names and values of the features, all of one length, the earliest row first; at least one.</param>
    /// <param name="target">Name and values of what is forecast, of the same length.</param>
    /// <param name="length">How many rows a window has, at least 1.</param>
    /// <param name="ahead">How many rows after the window's last one the target lies, at least 1.</param>
    /// <param name="trainingFraction">The share of the rows that is the training part, above 0 and below 1.</param>
    /// <returns>The data; the caller disposes it.</returns>
    /// <exception cref="DatasetFormatException">
    /// In the training part a column has no value or the target never changes; a part has no window.
    /// </exception>
    /// <exception cref="ArgumentException">There is no feature, the columns differ in length, a value is infinite, or a number is out of range.</exception>
    public static TimeSeriesWindows FromColumns(
        string source,
        IReadOnlyList<KeyValuePair<string, IReadOnlyList<double>>> features,
        KeyValuePair<string, IReadOnlyList<double>> target,
        int length = 24,
        int ahead = 1,
        double trainingFraction = 0.8)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(source);
        ArgumentNullException.ThrowIfNull(features);
        Check(features.Count, length, ahead, trainingFraction);
        ArgumentNullException.ThrowIfNull(target.Key, nameof(target));
        ArgumentNullException.ThrowIfNull(target.Value, nameof(target));
        foreach (var (name, values) in features)
            if (name is null || values is null)
                throw new ArgumentException("A feature has no name or no values; each needs both.", nameof(features));
        foreach (var (name, values) in features)
            if (values.Count != target.Value.Count)
                throw new ArgumentException(
                    $"'{name}' has {values.Count} rows, '{target.Key}' has {target.Value.Count}; all must have equally many.", nameof(features));
        foreach (var (name, values) in features.Append(target))
            for (var row = 0; row < values.Count; row++)
                if (double.IsInfinity(values[row]))
                    throw new ArgumentException(
                        string.Create(CultureInfo.InvariantCulture, $"'{name}' is {values[row]} in row {row}; values are finite, or not a number where one is missing."),
                        name == target.Key && ReferenceEquals(values, target.Value) ? nameof(target) : nameof(features));
        return FromColumns(source, [.. features.Select(feature => feature.Key)], index => features[index].Value, target, length, ahead, trainingFraction);
    }

    private static void Check(int features, int length, int ahead, double trainingFraction)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(length, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(ahead, 1);
        if (!(trainingFraction > 0 && trainingFraction < 1))
            throw new ArgumentOutOfRangeException(nameof(trainingFraction), trainingFraction, "The share must lie between 0 and 1.");
        if (features == 0)
            throw new ArgumentException("There is no feature; a window needs at least one.", nameof(features));
    }

    private static TimeSeriesWindows FromColumns(
        string source, IReadOnlyList<string> names, Func<int, IReadOnlyList<double>> column, KeyValuePair<string, IReadOnlyList<double>> target,
        int length, int ahead, double trainingFraction)
    {
        var count = target.Value.Count;
        // The first row of the test part.
        var split = (int)(trainingFraction * count);
        var (smallest, largest) = Range(target.Value, split, source, target.Key);
        if (!(largest > smallest))
            throw new DatasetFormatException(
                source, $"has the same {target.Key}, {smallest.ToString(CultureInfo.InvariantCulture)}, throughout the training part; there is nothing to learn.");
        // Steps of time are rows: a window is then one piece of memory.
        var width = names.Count;
        var rows = new float[checked(count * width)];
        for (var feature = 0; feature < width; feature++)
            Scale(column(feature), split, source, names[feature], rows, feature, width);

        // The first row that has a window before it.
        var first = length + ahead - 1;
        return new(
            Windows(first, split, "training"),
            Windows(Math.Max(split, first), count, "test"),
            [.. names],
            (smallest, largest));

        Dataset Windows(int start, int end, string part)
        {
            var known = Enumerable.Range(start, Math.Max(0, end - start)).Where(row => double.IsFinite(target.Value[row]));
            // Counted first: a list that grows is in memory up to three times.
            var targets = new int[known.Count()];
            foreach (var (index, row) in known.Index())
                targets[index] = row;
            if (targets.Length == 0)
                throw new DatasetFormatException(source, $"holds {count} rows, which leave the {part} part without a window of {length}.");
            return Dataset.FromSamples(targets.Length, [length, width], [1], [], number =>
            {
                var row = targets[number];
                var end = (row - ahead + 1) * width;
                return (
                    tensor(rows[(end - length * width)..end], [length, width], dtype: float32, device: CPU),
                    tensor(new[] { (float)((target.Value[row] - smallest) / (largest - smallest)) }, dtype: float32, device: CPU));
            });
        }
    }

    /// <summary>A scaled target, or an output of a network trained on these, in the unit of the series.</summary>
    /// <param name="scaled">0 to 1 over the range of the training part.</param>
    public double ToUnits(double scaled) => SmallestTarget + scaled * (LargestTarget - SmallestTarget);

    /// <summary>Frees both parts.</summary>
    public void Dispose()
    {
        Training.Dispose();
        Test.Dispose();
    }

    private static DateTime Later(CsvFile file, int line, string text, DateTime? before)
    {
        if (!DateTime.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out var time))
            throw new DatasetFormatException(file.Path, $"has '{MessageText.Of(text)}' in line {line}, which is no date.");
        return before is null || time > before
            ? time
            : throw new DatasetFormatException(file.Path, $"has '{MessageText.Of(text)}' in line {line}, which is not after the row before it.");
    }

    /// <summary>Writes a feature's values, scaled and without gaps, into its place of every row.</summary>
    private static void Scale(IReadOnlyList<double> values, int split, string source, string name, float[] rows, int place, int width)
    {
        var (smallest, largest) = Range(values, split, source, name);
        // Only a gap at the beginning needs it, and it takes a copy.
        var last = double.IsFinite(values[0]) ? values[0] : Median(values.Take(split));
        for (var row = 0; row < values.Count; row++)
        {
            if (double.IsFinite(values[row]))
                last = values[row];
            // A feature that never changes in training says nothing.
            rows[row * width + place] = (float)(largest > smallest ? (last - smallest) / (largest - smallest) : 0);
        }
    }

    private static (double Smallest, double Largest) Range(IReadOnlyList<double> values, int split, string source, string name)
    {
        var (smallest, largest) = (double.PositiveInfinity, double.NegativeInfinity);
        for (var row = 0; row < split; row++)
            if (double.IsFinite(values[row]))
                (smallest, largest) = (Math.Min(smallest, values[row]), Math.Max(largest, values[row]));
        return smallest <= largest
            ? (smallest, largest)
            : throw new DatasetFormatException(source, $"has no value of {name} in the training part.");
    }

    private static double Median(IEnumerable<double> values)
    {
        double[] known = [.. values.Where(double.IsFinite).Order()];
        return known.Length % 2 == 1 ? known[known.Length / 2] : (known[known.Length / 2 - 1] + known[known.Length / 2]) / 2;
    }
}
