using System.Text;
using TorchSharp;
using Xunit;
using static MappingNets.Tests.SafetensorsBytes;
using static TorchSharp.torch;

namespace MappingNets.Tests;

public sealed class SafetensorsReaderTests
{
    private static SafetensorsFile Read(byte[] bytes)
    {
        using var stream = new MemoryStream(bytes);
        return SafetensorsFile.Read(stream, "some.safetensors");
    }

    // 1.5 in each float format and -2 or a known value in each integer format, bytes as IEEE 754 and two's complement give them.
    public static TheoryData<string, ScalarType, byte[], double> Types => new()
    {
        { "F64", ScalarType.Float64, [0, 0, 0, 0, 0, 0, 0xF8, 0x3F], 1.5 },
        { "F32", ScalarType.Float32, [0, 0, 0xC0, 0x3F], 1.5 },
        { "F16", ScalarType.Float16, [0x00, 0x3E], 1.5 },
        { "BF16", ScalarType.BFloat16, [0xC0, 0x3F], 1.5 },
        { "I64", ScalarType.Int64, [0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF], -2 },
        { "I32", ScalarType.Int32, [0xFE, 0xFF, 0xFF, 0xFF], -2 },
        { "I16", ScalarType.Int16, [0xFE, 0xFF], -2 },
        { "I8", ScalarType.Int8, [0xFE], -2 },
        { "U8", ScalarType.Byte, [0xFE], 254 },
        { "BOOL", ScalarType.Bool, [1], 1 },
    };

    [Theory]
    [MemberData(nameof(Types))]
    public void Every_element_type_is_read(string name, ScalarType type, byte[] bytes, double value)
    {
        using var scope = NewDisposeScope();
        using var file = Read(Of($"{{{Entry("x", name, "2,1", 0, 2 * bytes.Length)}}}", [.. bytes, .. new byte[bytes.Length]]));

        var loaded = file.Load("x");

        Assert.Equal(new SafetensorsEntry("x", type, [], 0, 2 * bytes.Length), file.Entries.Single() with { Shape = [] });
        Assert.Equal([2L, 1], file.Entries.Single().Shape);
        Assert.Equal(type, loaded.dtype);
        Assert.Equal([2L, 1], loaded.shape);
        Assert.Equal([value, 0], loaded.to(ScalarType.Float64).flatten().data<double>());
    }

    [Theory]
    [MemberData(nameof(Types))]
    public void Every_element_type_is_written_as_it_was_read(string name, ScalarType type, byte[] bytes, double value)
    {
        using var scope = NewDisposeScope();
        using var stream = new MemoryStream();

        SafetensorsFile.Write(stream, [("x", tensor(value).to(type))]);

        var expected = $"{{{Entry("x", name, "", 0, bytes.Length)}}}";
        Assert.Equal(Of(expected.PadRight((expected.Length + 7) / 8 * 8), bytes), stream.ToArray());
    }

    [Fact]
    public void Tensors_in_any_header_order_scalars_empty_tensors_and_metadata_are_read()
    {
        using var scope = NewDisposeScope();
        using var file = Read(Of(
            $$"""
            { {{Entry("b", "U8", "", 4, 5)}}, "__metadata__": {"format":"pt","ü":"\u00e9\n"},
              {{Entry("none", "F32", "3,0", 4, 4)}}, {{Entry("a", "U8", "2,2", 0, 4)}} }

            """,
            1, 2, 3, 4, 5));

        Assert.Equal(["a", "none", "b"], file.Entries.Select(entry => entry.Name));
        Assert.Equal("pt", file.Metadata["format"]);
        Assert.Equal("é\n", file.Metadata["ü"]);
        Assert.Equal(5, file.Load("b").item<byte>());
        Assert.Equal([3L, 0], file.Load("none").shape);
        Assert.Equal(new byte[] { 1, 2, 3, 4 }, file.LoadAll()["a"].data<byte>());
        Assert.Contains("holds no tensor 'c'; it holds a, none, b", Assert.Throws<KeyNotFoundException>(() => file.Load("c")).Message);
    }

    [Fact]
    public void A_file_without_tensors_is_valid()
    {
        using var file = Read(Of("{}"));

        Assert.Empty(file.Entries);
        Assert.Empty(file.Metadata);
    }

    private static byte[] One(string entry, params byte[] data) => Of($"{{{entry}}}", data);

    private static byte[] Described(string description) => Of($"{{\"x\":{description}}}", 0, 0, 0, 0);

    public static TheoryData<byte[], string> Faulty => new()
    {
        { [], "is truncated: it has 0 bytes" },
        { [2, 0, 0, 0, 0, 0, 0], "is truncated: it has 7 bytes" },
        { [0x01, 0xE1, 0xF5, 0x05, 0, 0, 0, 0, .. "{}"u8], "its header is too long: it announces 100000001 bytes" },
        { Encoding.ASCII.GetBytes("PK\u0003\u0004 a zip archive"), "is no safetensors file or its header is too long" },
        { [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF], "its header is too long: it announces 18446744073709551615 bytes" },
        { [3, 0, 0, 0, 0, 0, 0, 0, .. "{}"u8], "is truncated: it announces a header of 3 bytes and ends after 2" },
        { new byte[8], "starts with '{'" },
        { Of(" {}"), "starts with '{'" },
        { Of("[]"), "starts with '{'" },
        { Of("{\"x\":"), "it is not JSON" },
        { Of("{} {}"), "it is not JSON" },
        { Of("{\"\\ud800\":{}}"), "it is not JSON" },
        { [3, 0, 0, 0, 0, 0, 0, 0, (byte)'{', 0xFF, (byte)'}'], "it is not JSON" },
        { Of($"{{{Entry("x", "U8", "1", 0, 1)},{Entry("x", "U8", "1", 1, 2)}}}", 0, 0), "has the name 'x' twice in the header" },
        { Of("""{"__metadata__":{"a":"1","a":"2"}}"""), "has the name 'a' twice in __metadata__" },
        { Of("""{"__metadata__":{"a":1}}"""), "has the value of 'a' in __metadata__ as no text" },
        { Of("""{"__metadata__":"a"}"""), "has a __metadata__ that is no object" },
        { Described("[]"), "describes the tensor 'x' wrongly: its description is no object" },
        { Described("""{"shape":[1],"data_offsets":[0,4]}"""), "its dtype is missing" },
        { Described("""{"dtype":"F32","data_offsets":[0,4]}"""), "its shape is missing" },
        { Described("""{"dtype":"F32","shape":[1]}"""), "its data_offsets is missing" },
        { Described("""{"dtype":"F32","shape":1,"data_offsets":[0,4]}"""), "its shape is missing or no array" },
        { Described("""{"dtype":7,"shape":[1],"data_offsets":[0,4]}"""), "its dtype is missing or no string" },
        { Described("""{"dtype":"F32","shape":[1],"data_offsets":[0,4],"more":0}"""), "the field 'more' is unknown" },
        { Described("""{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}"""), "'dtype' twice in the description of 'x'" },
        { Described("""{"dtype":"F33","shape":[1],"data_offsets":[0,4]}"""), "the dtype 'F33' is unknown; known are F64, F32" },
        { Described("""{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}"""), "its shape holds -1" },
        { Described("""{"dtype":"F32","shape":[1.0],"data_offsets":[0,4]}"""), "its shape holds 1.0" },
        { Described("""{"dtype":"F32","shape":["1"],"data_offsets":[0,4]}"""), "its shape holds \"1\"" },
        { Described("""{"dtype":"F32","shape":[1],"data_offsets":[0,99999999999999999999]}"""), "its data_offsets holds 9999" },
        { Described("""{"dtype":"F32","shape":[1],"data_offsets":[0,4,4]}"""), "its data_offsets are [0, 4, 4]" },
        { Described("""{"dtype":"F32","shape":[1],"data_offsets":[4,0]}"""), "its data_offsets are [4, 0]" },
        { Described("""{"dtype":"F32","shape":[2],"data_offsets":[0,4]}"""), "F32(2) takes 8 bytes, its data_offsets [0, 4] span 4" },
        { Described("""{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,4]}"""), "takes more than 2^63 bytes" },
        { One(Entry("x", "U8", "2", 0, 2), 0), "is truncated or has offsets out of range: 'x' needs 2 bytes from byte 0, and there are 1" },
        { One(Entry("x", "U8", "2", 0, 2), 0, 0, 0), "has trailing bytes: 3 bytes of data, of which 'x' ends at 2" },
        { Of("{}", 0), "has trailing bytes" },
        { One(Entry("x", "U8", "2", 1, 3), 0, 0, 0), "has a hole: bytes 0 to 1, between the header and 'x'" },
        { One($"{Entry("x", "U8", "1", 0, 1)},{Entry("y", "U8", "1", 2, 3)}", 0, 0, 0), "has a hole: bytes 1 to 2, between 'x' and 'y'" },
        {
            One($"{Entry("x", "U8", "2", 0, 2)},{Entry("y", "U8", "2", 1, 3)}", 0, 0, 0),
            "has overlapping tensors: 'y' starts at byte 1, before 'x' ends at 2"
        },
        { One($"{Entry("x", "U8", "1", 0, 1)},{Entry("y", "U8", "1", 0, 1)}", 0), "has overlapping tensors" },
    };

    [Theory]
    [MemberData(nameof(Faulty))]
    public void A_faulty_file_is_refused_by_name(byte[] bytes, string fault)
    {
        var refusal = Assert.Throws<CheckpointFormatException>(() => Read(bytes));

        Assert.StartsWith("'some.safetensors' ", refusal.Message);
        Assert.Contains(fault, refusal.Message);
    }

    [Fact]
    public void A_boolean_that_is_neither_true_nor_false_is_refused()
    {
        using var file = Read(One(Entry("x", "BOOL", "2", 0, 2), 1, 2));

        Assert.Contains("has the byte 2 in the BOOL tensor 'x'", Assert.Throws<CheckpointFormatException>(() => file.Load("x")).Message);
    }

    [Fact]
    public void Every_cut_of_a_good_file_is_refused()
    {
        var whole = One($"{Entry("x", "F32", "2", 0, 8)},{Entry("y", "U8", "3", 8, 11)}", new byte[11]);
        Read(whole).Dispose();

        for (var length = 0; length < whole.Length; length++)
            Assert.Throws<CheckpointFormatException>(() => Read(whole[..length]));
    }

    [Fact]
    public void A_stream_that_no_array_holds_is_refused_before_it_is_read()
    {
        using var folder = new TemporaryFolder();
        using var stream = File.Create(folder.File("large"));
        // A hole, which takes no place on the disk.
        stream.SetLength(3L << 30);

        Assert.Contains(
            "The stream has 3221225472 bytes or more", Assert.Throws<ArgumentException>("stream", () => SafetensorsFile.Read(stream)).Message);
        Assert.Equal(0, stream.Position);
    }

    private sealed class Boastful(byte[] bytes) : MemoryStream(bytes)
    {
        public override long Length => 2_000_000_000;
    }

    [Fact]
    public void A_stream_that_announces_more_than_comes_does_not_get_memory_for_it()
    {
        using var stream = new Boastful(Of($"{{{Entry("x", "U8", "3", 0, 3)}}}", 1, 2, 3));
        var before = GC.GetAllocatedBytesForCurrentThread();

        using var file = SafetensorsFile.Read(stream);

        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 100_000_000);
        using var loaded = file.Load("x");
        Assert.Equal(new byte[] { 1, 2, 3 }, loaded.data<byte>());
    }
}
