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
        { "F8_E4M3FNUZ", [0x00, 0x40, 0xC0, 0x7F, 0xFF, 0x01], ScalarType.Float32, [0, 1, -1, 240, -240, 1.0 / 1024] },
        { "F8_E5M2FNUZ", [0x40, 0xC0, 0x7F, 0x01], ScalarType.Float32, [1, -1, 57344, 1.0 / 131072] },
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
        foreach (var (type, code) in new[] { ("F8_E4M3", 0x7F), ("F8_E4M3", 0xFF), ("F8_E5M2", 0x7D), ("F8_E8M0", 0xFF), ("F8_E4M3FNUZ", 0x80), ("F8_E5M2FNUZ", 0x80) })
        {
            using var file = Read(type, [(byte)code], 1);
            Assert.True(float.IsNaN(file.Load("x").item<float>()));
        }

        using var large = Read("U64", [0, 0, 0, 0, 0, 0, 0, 0x80], 8);
        Assert.Contains("beyond 2^63 - 1", Assert.Throws<CheckpointFormatException>(() => large.Load("x")).Message);
    }

    [Theory]
    [InlineData("F4", "4", 2)]
    [InlineData("F6_E2M3", "4", 3)]
    [InlineData("F6_E3M2", "2,2", 3)]
    public void A_type_that_is_not_read_is_refused_by_name_and_hides_no_other_tensor(string type, string shape, int bytes)
    {
        using var scope = NewDisposeScope();
        using var file = SafetensorsFile.Read(
            new MemoryStream(Of($"{{{Entry("a", "F32", "1", 0, 4)},{Entry("q", type, shape, 4, 4 + bytes)}}}", [0, 0, 0x80, 0x3F, .. new byte[bytes]])), "some");

        Assert.Equal(1f, file.Load("a").item<float>());
        foreach (var load in new Action[] { () => file.Load("q"), () => file.LoadAll() })
            Assert.Contains(
                $"'some' has the tensor q {type}({shape.Replace(",", ", ")}), whose type is not read; read are F64, F32, F16",
                Assert.Throws<CheckpointFormatException>(load).Message);
        var uneven = Of($"{{{Entry("q", type, "3", 0, 2)}}}", 0, 0);
        Assert.Contains("takes no whole number of bytes", Assert.Throws<CheckpointFormatException>(() => SafetensorsFile.Read(new MemoryStream(uneven), "some")).Message);
    }

    [Fact]
    public void Complex_numbers_are_read()
    {
        using var scope = NewDisposeScope();
        using var file = Read("C64", [0, 0, 0xC0, 0x3F, 0, 0, 0, 0xC0], 8);

        Assert.Equal([1.5f, -2], Small.Values(view_as_real(file.Load("x"))));
    }

    [Theory]
    [InlineData("F4", 2)]
    [InlineData("C64", 1)]
    public void A_tensor_whose_type_holds_no_weights_is_refused_only_where_a_network_needs_it(string type, int count)
    {
        using var folder = new TemporaryFolder();
        var network = TargetNetwork.Input(1).Linear(1).Build("one");
        var bytes = type == "F4" ? 1 : 8;
        string File(string name) => folder.Write("it", Of(
            $"{{{Entry("fc1.weight", "F32", "1,1", 0, 4)},{Entry("fc1.bias", "F32", "1", 4, 8)},{Entry(name, type, $"{count}", 8, 8 + bytes)}}}", new byte[8 + bytes]));

        using (var weights = PretrainedWeights.FromFile(File("other")))
        using (var model = FineTuning.Of(network, weights).Groups(1, groupSize: 2).Build())
            Assert.Equal(["fc1.bias", "fc1.weight"], weights.Names.Order(StringComparer.Ordinal));
        var path = folder.Write("it", Of(
            $"{{{Entry("fc1.weight", "F32", "1,1", 0, 4)},{Entry("fc1.bias", type, $"{count}", 4, 4 + bytes)}}}", new byte[4 + bytes]));
        using var lacking = PretrainedWeights.FromFile(path);
        var refusal = Assert.Throws<CheckpointFormatException>(() => FineTuning.Of(network, lacking).Groups(1, groupSize: 2).Build());
        Assert.Contains($"has the tensor fc1.bias {type}({count}), whose type holds no weights; F64, F32", refusal.Message);
        Assert.DoesNotContain("C64,", refusal.Message);
    }

    [Fact]
    public void Whole_numbers_are_no_weights()
    {
        using var folder = new TemporaryFolder();
        var path = folder.Write("it", Of($"{{{Entry("fc1.weight", "I8", "1,1", 0, 1)},{Entry("fc1.bias", "F32", "1", 1, 5)}}}", new byte[5]));
        using var codes = PretrainedWeights.FromFile(path);

        Assert.Contains("'fc1.weight' is Int8", Assert.Throws<ArgumentException>(
            "pretrained", () => FineTuning.Of(TargetNetwork.Input(1).Linear(1).Build("one"), codes).Groups(1, groupSize: 2).Build()).Message);
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
