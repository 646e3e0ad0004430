using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using MappingNets.Experiments.SyntheticData;
using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets.Experiments.Fuzz;

/// <summary>The kinds of file that the package MappingNets reads; tests of the other packages damage theirs.</summary>
internal static class Subjects
{
    private static readonly string[] Names = ["a", "b", "c"];

    /// <summary>All subjects; each makes its models when it is first used.</summary>
    public static IReadOnlyList<KeyValuePair<string, Func<Subject>>> All { get; } =
    [
        new("mapped adapter", () => AdapterSubjects.Mapped()),
        new("fine-tuned adapter", () => AdapterSubjects.FineTuned()),
        new("adapter in a host", () => AdapterSubjects.Host()),
        new("adapter folder", () => AdapterSubjects.Folder()),
        new("trained tensors", () => AdapterSubjects.Trained()),
        new("weights of a network", () => AdapterSubjects.Weights()),
        new("pretrained weights", () => AdapterSubjects.Pretrained()),
        new("resume file", () => AdapterSubjects.Resume()),
        new("safetensors", Safetensors),
        new("npy", () => Data("npy", "case.npy", Header, path => Bits(NpyFile.Read(path)))),
        new("npy features", () => Data("npy-features", "case.npy", Header, Features)),
        new("idx", () => Data("idx", "case.idx", ByteMutation.Of, path => Convert.ToHexString(IdxFile.Read(path).Values.Span))),
        new("idx.gz", () => Data("idx-gz", "case.gz", ImageMutation.Gzip, path => Convert.ToHexString(IdxFile.Read(path).Values.Span))),
        new("csv", () => Data("csv", "case.csv", Table, Csv)),
        new("time series csv", () => Data("series", "case.csv", Table, Series)),
        new("air quality csv", () => Data("prsa", "PRSA_Data_A_20130301-20170228.csv", Table, Air)),
        new("cifar", () => Data("cifar", "test.bin", ByteMutation.Of, CifarBatch)),
        new("png", () => Data("png", Path.Combine("c", "case.png"), ImageMutation.Png, Picture)),
        new("jpeg", () => Data("jpeg", Path.Combine("c", "case.jpg"), ByteMutation.Of, Picture)),
        new("mask png", () => Data("mask", Path.Combine("masks", "case.png"), ImageMutation.Png, Mask)),
    ];

    /// <summary>A digest of tensors: shapes, types and bits.</summary>
    public static string Bits(params Tensor[] tensors)
    {
        using var scope = NewDisposeScope();
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var tensor in tensors)
        {
            hash.AppendData(Encoding.UTF8.GetBytes($"{tensor.dtype}{string.Join(',', tensor.shape)};"));
            if (tensor.numel() > 0)
                hash.AppendData(tensor.detach().cpu().contiguous().bytes);
        }

        return Convert.ToHexString(hash.GetHashAndReset());
    }

    private static Subject Safetensors() => new(
        "safetensors", "case.safetensors", Corpus("safetensors"), SafetensorsMutation.Of,
        path =>
        {
            using var scope = NewDisposeScope();
            using var file = SafetensorsFile.Read(path);
            return Bits([.. file.LoadAll().OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => pair.Value)])
                + string.Join(',', file.Entries) + JsonSerializer.Serialize(file.Metadata);
        },
        IsSigned: false, typeof(CheckpointFormatException));

    private static Subject Data(string corpus, string file, Func<byte[], IReadOnlyList<byte[]>, Chance, byte[]> mutate, Func<string, string> read) => new(
        corpus, file, Corpus(corpus), (whole, others, chance) => (mutate(whole, others, chance), false),
        path =>
        {
            using var scope = NewDisposeScope();
            return read(path);
        },
        IsSigned: false, typeof(DatasetFormatException));

    private static byte[][] Corpus(string name) =>
        [.. Directory.GetFiles(Path.Combine(AppContext.BaseDirectory, "corpus", name)).Order(StringComparer.Ordinal).Select(File.ReadAllBytes)];

    // The text of the header and its length, or the bytes.
    private static byte[] Header(byte[] whole, IReadOnlyList<byte[]> others, Chance chance)
    {
        var length = BinaryPrimitives.ReadUInt16LittleEndian(whole.AsSpan(8));
        if (chance.OneIn(2) || whole[6] != 1)
            return ByteMutation.Of(whole, others, chance);
        var text = Encoding.UTF8.GetBytes(TextMutation.Of(Encoding.UTF8.GetString(whole, 10, length), chance));
        var changed = (byte[])whole[..10].Clone();
        BinaryPrimitives.WriteUInt16LittleEndian(changed.AsSpan(8), (ushort)text.Length);
        return [.. changed, .. text, .. whole[(10 + length)..]];
    }

    private static byte[] Table(byte[] whole, IReadOnlyList<byte[]> others, Chance chance) =>
        chance.OneIn(2) ? ByteMutation.Of(whole, others, chance) : Encoding.UTF8.GetBytes(TextMutation.Of(Encoding.UTF8.GetString(whole), chance));

    private static string Features(string path)
    {
        var labels = Path.ChangeExtension(path, ".labels.npy");
        if (!File.Exists(labels))
            File.WriteAllBytes(labels, Corpus("npy-labels")[0]);
        using var data = FeatureVectors.FromNpy(path, labels, Names);
        return Bits(data.Inputs, data.Labels);
    }

    private static string Csv(string path)
    {
        using var data = FeatureVectors.FromCsv(path, "kind");
        return Bits(data.Inputs, data.Labels) + string.Join('|', data.ClassNames);
    }

    private static string Series(string path)
    {
        using var data = TimeSeriesWindows.FromCsv(path, "y", ["x", "y"], length: 2, time: "when");
        return Batches(data.Training) + Batches(data.Test);
    }

    private static string Air(string path)
    {
        using var data = AirQuality.Load(Path.GetDirectoryName(path)!, 2, station: "A");
        return Batches(data.Training) + Batches(data.Test);
    }

    private static string CifarBatch(string path)
    {
        var training = Path.Combine(Path.GetDirectoryName(path)!, "train.bin");
        if (!File.Exists(training))
            File.WriteAllBytes(training, Corpus("cifar")[0]);
        var (first, test) = Cifar.Load100(Path.GetDirectoryName(path)!);
        using (first)
        using (test)
            return Batches(test);
    }

    private static string Picture(string path)
    {
        using var data = ImageFolder.Open(Path.GetDirectoryName(Path.GetDirectoryName(path))!, 4, 4);
        return Batches(data);
    }

    private static string Mask(string path)
    {
        var root = Path.GetDirectoryName(Path.GetDirectoryName(path))!;
        var image = Path.Combine(root, "images", "case.png");
        if (!File.Exists(image))
        {
            Directory.CreateDirectory(Path.GetDirectoryName(image)!);
            File.WriteAllBytes(image, Corpus("png")[0]);
        }

        using var data = SegmentationFolder.Open(Path.Combine(root, "images"), Path.Combine(root, "masks"), Names, 4, 4);
        return Batches(data);
    }

    private static string Batches(Dataset data)
    {
        using var all = data.ToMemory();
        return Bits(all.Inputs, data.IsClassification ? all.Labels : all.Targets);
    }
}
