using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

public sealed class IdxFileTests
{
    private static readonly byte[] Good = IdxBytes.Of([2, 3], [1, 2, 3, 4, 5, 255]);

    private static IdxFile Read(byte[] bytes)
    {
        using var stream = new MemoryStream(bytes);
        return IdxFile.Read(stream, "some.idx");
    }

    [Fact]
    public void A_plain_and_a_gzip_file_read_alike_whatever_they_are_called()
    {
        using var folder = new TemporaryFolder();
        using var scope = NewDisposeScope();
        foreach (var path in new[] { folder.Write("a.gz", Good), folder.Write("b", IdxBytes.Zipped(Good)) })
        {
            var file = IdxFile.Read(path);

            Assert.Equal([2L, 3], file.Shape);
            Assert.Equal([1, 2, 3, 4, 5, 255], file.Values.ToArray());
            Assert.Equal([2L, 3], file.ToTensor().shape);
            Assert.Equal(255, file.ToTensor()[1, 2].item<byte>());
        }
    }

    [Fact]
    public void Data_larger_than_one_chunk_arrives_whole()
    {
        var values = Enumerable.Range(0, 3_000_001).Select(i => (byte)(i * 7)).ToArray();

        Assert.Equal(values, Read(IdxBytes.Zipped(IdxBytes.Of([values.Length], values))).Values.ToArray());
    }

    public static TheoryData<byte[], string> Faulty => new()
    {
        { [], "ends inside the header" },
        { [0x1F], "ends inside the header" },
        { Good[..3], "ends inside the header" },
        { Good[..9], "ends inside the header" },
        { [0x89, 0x50, 0x4E, 0x47, 0, 0], "is no IDX file: it starts with the bytes 89504E47" },
        { IdxBytes.Of([1], [0, 0, 0, 0], type: 0x0D), "type 0x0D (32-bit floats)" },
        { IdxBytes.Of([1], [0], type: 0x07), "type 0x07 (unknown)" },
        { IdxBytes.Of([], []), "has 0 dimensions" },
        { IdxBytes.Of([1, 1, 1, 1, 1], [0]), "has 5 dimensions" },
        { Good[..^1], "is short: it announces the shape (2, 3), 6 bytes, and ends after 5" },
        { IdxBytes.Zipped(Good[..^1]), "is short" },
        { IdxBytes.Of([int.MaxValue / 2], [1, 2]), "is short" },
        { IdxBytes.Of([-1, -1, -1, -1], []), "announces the shape (4294967295, 4294967295, 4294967295, 4294967295)" },
        { [.. Good, 0], "trailing data" },
        { IdxBytes.Zipped([.. Good, 0]), "trailing data" },
        { [0x1F, 0x8B, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10], "cannot be decompressed" },
        { IdxBytes.Zipped(Good)[..14], "" },
    };

    [Theory]
    [MemberData(nameof(Faulty))]
    public void A_faulty_file_is_refused_by_name(byte[] bytes, string fault)
    {
        var refusal = Assert.Throws<DatasetFormatException>(() => Read(bytes));

        Assert.StartsWith("'some.idx' ", refusal.Message);
        Assert.Contains(fault, refusal.Message);
    }
}
