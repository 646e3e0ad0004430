using System.Text;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

public sealed class FeatureVectorsTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    // The format's specification: magic, version 1.0, the header's length, the header, padded to 64 bytes and ended by a new line.
    private string Npy(string name, string type, string shape, byte[] data, string order = "False", byte version = 1)
    {
        var header = $"{{'descr': '{type}', 'fortran_order': {order}, 'shape': {shape}, }}";
        header = header.PadRight((header.Length + 11 + 63) / 64 * 64 - 11) + "\n";
        byte[] length = version == 1
            ? [(byte)header.Length, (byte)(header.Length >> 8)]
            : [(byte)header.Length, (byte)(header.Length >> 8), 0, 0];
        return folder.Write(name, [0x93, .. "NUMPY"u8, version, 0, .. length, .. Encoding.ASCII.GetBytes(header), .. data]);
    }

    private static byte[] Floats(params float[] values) => [.. values.SelectMany(BitConverter.GetBytes)];

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Npy_files_become_vectors_with_classes(byte version)
    {
        var features = Npy("features.npy", "<f4", "(3, 2)", Floats(1, 2, 3, 4, 5, 6), version: version);
        var labels = Npy("labels.npy", "<i8", "(3,)", [.. new long[] { 1, 0, 1 }.SelectMany(BitConverter.GetBytes)], version: version);

        using var data = FeatureVectors.FromNpy(features, labels, ["real", "fake"]);

        Assert.Equal([1f, 2, 3, 4, 5, 6], data.Inputs.data<float>());
        Assert.Equal([1L, 0, 1], data.Labels.data<long>());
        Assert.Equal([2L], data.InputShape);
    }

    [Fact]
    public void Doubles_and_bytes_are_read_too()
    {
        var features = Npy("features.npy", "<f8", "(1, 2)", [.. new[] { 1.5, -2 }.SelectMany(BitConverter.GetBytes)]);
        var labels = Npy("labels.npy", "|u1", "(1,)", [0]);

        using var data = FeatureVectors.FromNpy(features, labels, ["real"]);

        Assert.Equal([1.5f, -2], data.Inputs.data<float>());
    }

    [Fact]
    public void Faulty_npy_files_are_refused_by_name()
    {
        var good = Npy("good.npy", "<f4", "(2, 2)", Floats(1, 2, 3, 4));
        var labels = Npy("labels.npy", "|u1", "(2,)", [0, 1]);

        Assert.Contains("does not start with 93", Refusal(folder.Write("a.npy", [1, 2, 3]), labels));
        Assert.Contains("is cut short", Refusal(folder.Write("a.npy", File.ReadAllBytes(good)[..40]), labels));
        Assert.Contains("16 bytes, and has 15", Refusal(folder.Write("a.npy", File.ReadAllBytes(good)[..^1]), labels));
        Assert.Contains("16 bytes, and has 17", Refusal(folder.Write("a.npy", [.. File.ReadAllBytes(good), 0]), labels));
        Assert.Contains("Fortran order", Refusal(Npy("a.npy", "<f4", "(2, 2)", Floats(1, 2, 3, 4), order: "True"), labels));
        Assert.Contains("type '<f16'", Refusal(Npy("a.npy", "<f16", "(2, 2)", Floats(1, 2, 3, 4)), labels));
        Assert.Contains("has 16", Refusal(Npy("a.npy", "<f4", "(2147483647, 2147483647)", Floats(1, 2, 3, 4)), labels));
        Assert.Contains("features are floats (number, features)", Refusal(Npy("a.npy", "<f4", "(4,)", Floats(1, 2, 3, 4)), labels));
        Assert.Contains("labels are integers", Refusal(good, good));
        Assert.Contains("holds 3 labels", Refusal(good, Npy("b.npy", "|u1", "(3,)", [0, 1, 0])));
        Assert.Contains("Label 1 is 2", Refusal(good, Npy("b.npy", "|u1", "(2,)", [0, 2])));
        Assert.Contains("not finite", Refusal(Npy("a.npy", "<f4", "(2, 2)", Floats(1, 2, float.NaN, 4)), labels));

        string Refusal(string features, string labelsFile) =>
            Assert.Throws<DatasetFormatException>(() => FeatureVectors.FromNpy(features, labelsFile, ["real", "fake"])).Message;
    }

    [Fact]
    public void Class_names_that_cannot_serve_are_refused_before_a_file_is_read()
    {
        var absent = folder.File("absent");
        Assert.Contains("at least one is needed", Refusal(() => FeatureVectors.FromNpy(absent, absent, [])));
        Assert.Contains("at least one is needed", Refusal(() => FeatureVectors.FromCsv(absent, "kind", [])));
        Assert.Contains("'real' 2 times; each must be there once", Refusal(() => FeatureVectors.FromCsv(absent, "kind", ["real", "fake", "real"])));

        static string Refusal(Action read) => Assert.Throws<ArgumentException>("classNames", read).Message;
    }

    private string Csv(params string[] lines) => folder.Write("data.csv", Encoding.UTF8.GetBytes(string.Join('\n', lines)));

    [Fact]
    public void Csv_files_become_vectors_with_classes()
    {
        using var data = FeatureVectors.FromCsv(Csv("a,kind,\"b, too\"", "1,real,2.5", "-3e1,\"fa\"\"ke\",4", ""), "kind");

        Assert.Equal(["fa\"ke", "real"], data.ClassNames);
        Assert.Equal([1f, 2.5f, -30, 4], data.Inputs.data<float>());
        Assert.Equal([1L, 0], data.Labels.data<long>());
    }

    [Fact]
    public void Faulty_csv_files_are_refused_by_name_and_line()
    {
        Assert.Contains("is empty", Refusal());
        Assert.Contains("no column 'kind'; it has a, b", Refusal("a,b"));
        Assert.Contains("the column 'a' twice", Refusal("a,a,kind"));
        Assert.Contains("holds no feature vector", Refusal("a,kind"));
        Assert.Contains("has 3 fields in line 2; its header has 2", Refusal("a,kind", "1,x,2"));
        Assert.Contains("has 'NA' in line 3, column 'a'", Refusal("a,kind", "1,x", "NA,x"));
        Assert.Contains("a quote in line 2", Refusal("a,kind", "1,\"x"));
        Assert.Contains(
            "the class 'y' in line 3",
            Assert.Throws<DatasetFormatException>(() => FeatureVectors.FromCsv(Csv("a,kind", "1,x", "1,y"), "kind", ["x"])).Message);

        string Refusal(params string[] lines) =>
            Assert.Throws<DatasetFormatException>(() => FeatureVectors.FromCsv(Csv(lines), "kind")).Message;
    }
}
