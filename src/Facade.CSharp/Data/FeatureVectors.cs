using System.Buffers.Binary;
using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>Data sets of feature vectors with classes, such as features that another network put out.</summary>
public static class FeatureVectors
{
    /// <summary>Feature vectors and labels from two .npy files.</summary>
    /// <param name="featuresPath">Floats (N, features).</param>
    /// <param name="labelsPath">Integers (N), each from 0 to the number of class names less one.</param>
    /// <param name="classNames">What the classes are called, by number; at least one.</param>
    /// <param name="limits">What each file may cost; <see cref="ReadLimits.Default"/> where none are given.</param>
    /// <returns>Inputs (features), single precision.</returns>
    /// <exception cref="ArgumentException">A path is blank, or there are no class names.</exception>
    /// <exception cref="DatasetFormatException">A file is damaged, of another shape or kind, or they do not fit together.</exception>
    /// <exception cref="IOException">A file cannot be read.</exception>
    public static Dataset FromNpy(string featuresPath, string labelsPath, IReadOnlyList<string> classNames, ReadLimits? limits = null)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(featuresPath);
        ArgumentException.ThrowIfNullOrWhiteSpace(labelsPath);
        ArgumentNullException.ThrowIfNull(classNames);
        RequireNames(classNames);
        using var scope = NewDisposeScope();
        var features = NpyFile.Read(featuresPath, limits);
        var labels = NpyFile.Read(labelsPath, limits);
        if (features.dim() != 2 || !features.is_floating_point())
            throw new DatasetFormatException(
                featuresPath, $"holds {features.dtype}{ShapeText.Of(features.shape)}; features are floats (number, features).");
        if (labels.dim() != 1 || labels.is_floating_point() || labels.is_complex())
            throw new DatasetFormatException(
                labelsPath, $"holds {labels.dtype}{ShapeText.Of(labels.shape)}; labels are integers (number).");
        return Together(featuresPath, features, labelsPath, labels, classNames);
    }

    /// <summary>Feature vectors and classes from one CSV file with a header: one column of class names, all others numbers.</summary>
    /// <param name="path">The file.</param>
    /// <param name="labelColumn">The name of the column with the classes.</param>
    /// <param name="classNames">
    /// What the classes are called, by number, each once and at least one; null takes the names in the file in alphabetical order.
    /// </param>
    /// <param name="limits">What the file may cost; <see cref="ReadLimits.Default"/> where none are given.</param>
    /// <returns>Inputs (features), single precision, in the order of the columns.</returns>
    /// <exception cref="ArgumentException">The path or the column's name is blank, there are no class names, or one is given twice.</exception>
    /// <exception cref="DatasetFormatException">The file is empty, lacks the column, or has a field that is no number or no class.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static Dataset FromCsv(string path, string labelColumn, IReadOnlyList<string>? classNames = null, ReadLimits? limits = null)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        ArgumentException.ThrowIfNullOrWhiteSpace(labelColumn);
        if (classNames is not null)
            RequireDifferent(classNames);
        var file = CsvFile.Open(path, limits);
        var label = file.Column(labelColumn);
        // Twice through the file: what is counted first is in memory once, and not in lists that grow.
        var (rows, found) = Counted(file, label);
        if (rows == 0 || file.Header.Count < 2)
            throw new DatasetFormatException(path, "holds no feature vector.");
        var names = classNames ?? found;
        var numbers = names.Select((name, number) => (name, number)).ToDictionary(pair => pair.name, pair => (long)pair.number, StringComparer.Ordinal);
        using var scope = NewDisposeScope();
        var width = file.Header.Count - 1;
        file.RequireWithin((UInt128)rows * (((UInt128)width * sizeof(float)) + sizeof(long)));
        var features = empty([rows, width], ScalarType.Float32, device: CPU);
        var labels = empty([rows], ScalarType.Int64, device: CPU);
        Fill(file, label, names, numbers, rows, features, labels);
        return Together(path, features, path, labels, names);
    }

    private static void RequireNames(IReadOnlyList<string> classNames)
    {
        if (classNames.Count == 0)
            throw new ArgumentException("There are no class names; at least one is needed.", nameof(classNames));
    }

    private static void RequireDifferent(IReadOnlyList<string> classNames)
    {
        RequireNames(classNames);
        if (classNames.GroupBy(name => name, StringComparer.Ordinal).FirstOrDefault(group => group.Count() > 1) is { } same)
            throw new ArgumentException(
                $"The class names have '{MessageText.Of(same.Key)}' {same.Count()} times; each must be there once, because the file tells classes by their names.",
                nameof(classNames));
    }

    private static (int Rows, string[] Classes) Counted(CsvFile file, int label)
    {
        var rows = 0;
        var classes = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var (_, fields) in file.Rows())
        {
            rows++;
            classes.Add(fields[label]);
        }

        return (rows, [.. classes]);
    }

    private static void Fill(
        CsvFile file, int label, IReadOnlyList<string> names, Dictionary<string, long> numbers, int rows, Tensor features, Tensor labels)
    {
        var width = file.Header.Count - 1;
        var row = 0;
        var values = new float[width];
        foreach (var (line, fields) in file.Rows())
        {
            if (row == rows)
                throw Changed(file);
            for (var column = 0; column < fields.Length; column++)
                if (column != label)
                    values[column < label ? column : column - 1] = (float)file.Number(line, column, fields[column]);
            if (!numbers.TryGetValue(fields[label], out var number))
                throw new DatasetFormatException(
                    file.Path, $"has the class '{MessageText.Of(fields[label])}' in line {line}; known are {MessageText.Names(names)}.");
            using (var place = features.narrow(0, row, 1))
                MemoryMarshal.AsBytes(values.AsSpan()).CopyTo(place.bytes);
            using (var place = labels.narrow(0, row, 1))
                BinaryPrimitives.WriteInt64LittleEndian(place.bytes, number);
            row++;
        }

        if (row < rows)
            throw Changed(file);
    }

    private static DatasetFormatException Changed(CsvFile file) => new(file.Path, "changed while it was read.");

    private static Dataset Together(string featuresPath, Tensor features, string labelsPath, Tensor labels, IReadOnlyList<string> classNames)
    {
        if (features.shape[0] != labels.shape[0])
            throw new DatasetFormatException(labelsPath, $"holds {labels.shape[0]} labels; '{featuresPath}' holds {features.shape[0]} vectors.");
        try
        {
            return Dataset.FromTensors(features.to(ScalarType.Float32), labels.to(ScalarType.Int64), classNames);
        }
        catch (ArgumentException fault) when (fault.ParamName is "inputs" or "labels")
        {
            throw new DatasetFormatException(fault.ParamName == "inputs" ? featuresPath : labelsPath, $"is unusable: {MessageText.Of(fault.Message)}", fault);
        }
    }
}
