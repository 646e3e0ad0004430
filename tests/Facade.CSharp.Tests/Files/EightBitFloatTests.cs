using TorchSharp;
using Xunit;
using static MappingNets.Tests.SafetensorsBytes;
using static TorchSharp.torch;

namespace MappingNets.Tests;

/// <summary>The types of safetensors that libtorch lacks, read into wider ones.</summary>
public sealed class EightBitFloatTests
{
    // From the tables of OFP8 1.0 and the microscaling formats 1.0.
    public static TheoryData<string, byte[], ScalarType, double[]> Types => new()
    {
        { "F8_E4M3", [0x00, 0x80, 0x38, 0xB8, 0x7E, 0x01, 0x08, 0x07], ScalarType.Float32, [0, -0.0, 1, -1, 448, 1.0 / 512, 1.0 / 64, 7.0 / 512] },
        { "F8_E5M2", [0x3C, 0xBC, 0x7B, 0x01, 0x04, 0x7C], ScalarType.Float32, [1, -1, 57344, 1.0 / 65536, 1.0 / 16384, double.PositiveInfinity] },
        { "F8_E8M0", [127, 128, 126], ScalarType.Float32, [1, 2, 0.5] },
        { "U16", [0xFF, 0xFF, 1, 0], ScalarType.Int32, [65535, 1] },
        { "U32", [0xFF, 0xFF, 0xFF, 0xFF, 2, 0, 0, 0], ScalarType.Int64, [4294967295, 2] },
        { "U64", [5, 0, 0, 0, 0, 0, 0, 0], ScalarType.Int64, [5] },
    };

    private static SafetensorsFile Read(string type, byte[] bytes, int size) =>
        SafetensorsFile.Read(new MemoryStream(Of($"{{{Entry("x", type, $"{bytes.Length / size}", 0, bytes.Length)}}}", bytes)), "some");

    [Theory]
    [MemberData(nameof(Types))]
    public void Every_value_is_kept(string type, byte[] bytes, ScalarType becomes, double[] values)
    {
        using var scope = NewDisposeScope();
        using var file = Read(type, bytes, bytes.Length / values.Length);

        var loaded = file.Load("x");

        Assert.Equal((becomes, type), (loaded.dtype, file.Entries[0].StoredType));
        Assert.Equal(becomes, file.Entries[0].DType);
        Assert.Equal(values, loaded.to(float64).data<double>().ToArray());
    }

    [Fact]
    public void What_is_no_number_stays_none_and_what_is_too_large_is_refused()
    {
        using var scope = NewDisposeScope();
        foreach (var (type, code) in new[] { ("F8_E4M3", 0x7F), ("F8_E4M3", 0xFF), ("F8_E5M2", 0x7D), ("F8_E8M0", 0xFF) })
        {
            using var file = Read(type, [(byte)code], 1);
            Assert.True(float.IsNaN(file.Load("x").item<float>()));
        }

        using var large = Read("U64", [0, 0, 0, 0, 0, 0, 0, 0x80], 8);
        Assert.Contains("beyond 2^63 - 1", Assert.Throws<CheckpointFormatException>(() => large.Load("x")).Message);
    }

    [Fact]
    public void Pretrained_weights_may_have_them_beside_the_others()
    {
        using var folder = new TemporaryFolder();
        var path = folder.Write("it", Of($"{{{Entry("a", "F32", "1", 0, 4)},{Entry("q", "F8_E4M3", "2", 4, 6)},{Entry("n", "U16", "1", 6, 8)}}}", 0, 0, 0x80, 0x3F, 0x38, 0xC0, 9, 0));

        using var weights = PretrainedWeights.FromFile(path);

        Assert.Equal(["a", "n", "q"], weights.Names.Order(StringComparer.Ordinal));
        Assert.Equal([1f, -2], Small.Values(weights.Find("q")!));
    }
}
