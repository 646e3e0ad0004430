using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>Data sets of feature vectors with classes, such as features that another network put out.</summary>
public static class FeatureVectors
{
    /// <summary>Feature vectors and labels from two .npy files.</summary>
    /// <param name="featuresPath">Floats (N, features).</param>
    /// <param name="labelsPath">Integers (N), each from 0 to the number of class names less one.</param>
    /// <param name="classNames">What the classes are called, by number.</param>
    /// <returns>Inputs (features), single precision.</returns>
    /// <exception cref="DatasetFormatException">A file is damaged, of another shape or kind, or they do not fit together.</exception>
    public static Dataset FromNpy(string featuresPath, string labelsPath, IReadOnlyList<string> classNames)
    {
        ArgumentNullException.ThrowIfNull(classNames);
        using var scope = NewDisposeScope();
        var features = NpyFile.Read(featuresPath);
        var labels = NpyFile.Read(labelsPath);
        if (features.dim() != 2 || !features.is_floating_point())
            throw new DatasetFormatException(
                featuresPath, $"holds {features.dtype}{ShapeText.Of(features.shape)}; features are floats (number, features).");
        if (labels.dim() != 1 || labels.is_floating_point())
            throw new DatasetFormatException(
                labelsPath, $"holds {labels.dtype}{ShapeText.Of(labels.shape)}; labels are integers (number).");
        return Together(featuresPath, features, labelsPath, labels, classNames);
    }

    /// <summary>Feature vectors and classes from one CSV file with a header: one column of class names, all others numbers.</summary>
    /// <param name="path">The file.</param>
    /// <param name="labelColumn">The name of the column with the classes.</param>
    /// <param name="classNames">What the classes are called, by number; null takes the names in the file in alphabetical order.</param>
    /// <returns>Inputs (features), single precision, in the order of the columns.</returns>
    /// <exception cref="DatasetFormatException">The file is empty, lacks the column, or has a field that is no number or no class.</exception>
    public static Dataset FromCsv(string path, string labelColumn, IReadOnlyList<string>? classNames = null)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        ArgumentException.ThrowIfNullOrWhiteSpace(labelColumn);
        var file = CsvFile.Open(path);
        var label = file.Column(labelColumn);
        var values = new List<float>();
        var classes = new List<(int Line, string Name)>();
        foreach (var (line, fields) in file.Rows())
        {
            classes.Add((line, fields[label]));
            for (var column = 0; column < fields.Length; column++)
                if (column != label)
                    values.Add((float)file.Number(line, column, fields[column]));
        }

        if (classes.Count == 0 || file.Header.Count < 2)
            throw new DatasetFormatException(path, "holds no feature vector.");
        var names = classNames ?? [.. classes.Select(found => found.Name).Distinct().Order(StringComparer.Ordinal)];
        var numbers = names.Select((name, number) => (name, number)).ToDictionary(pair => pair.name, pair => (long)pair.number);
        using var scope = NewDisposeScope();
        var labels = tensor(classes.Select(found => numbers.TryGetValue(found.Name, out var number)
            ? number
            : throw new DatasetFormatException(
                path, $"has the class '{found.Name}' in line {found.Line}; known are {string.Join(", ", names)}.")).ToArray());
        var features = tensor(values.ToArray(), [classes.Count, file.Header.Count - 1], dtype: float32);
        return Together(path, features, path, labels, names);
    }

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
            throw new DatasetFormatException(fault.ParamName == "inputs" ? featuresPath : labelsPath, $"is unusable: {fault.Message}", fault);
        }
    }
}
