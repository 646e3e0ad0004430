using System.Text;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

/// <summary>Readers of data files: headers as their formats allow, strict text, whole gzip data, limits, and no file taken for another.</summary>
public sealed class LoaderFaultTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    private string Npy(string header, params byte[] data) =>
        folder.Write("it.npy", [0x93, .. "NUMPY"u8, 1, 0, (byte)header.Length, (byte)(header.Length >> 8), .. Encoding.UTF8.GetBytes(header), .. data]);

    private static byte[] Six => [.. new float[] { 1, 2, 3, 4, 5, 6 }.SelectMany(BitConverter.GetBytes)];

    [Theory]
    [InlineData("{'shape': (2, 3), 'fortran_order': False, 'descr': '<f4'}")]
    [InlineData("{\"descr\": \"<f4\", \"fortran_order\": False, \"shape\": (2, 3), }")]
    [InlineData("{ 'descr' :\t'=f4' , 'fortran_order' : False , 'shape' : ( 2 , 3 , ) }  \n")]
    [InlineData("{'descr':'f4','fortran_order':False,'shape':(2L,3L)}")]
    [InlineData("{u'descr': r'<f4', U\"fortran_order\": False, 'shape': (2, 3)}")]
    [InlineData("{'descr': '<f4', 'fortran_order': True, 'shape': (1, 6, 1)}")]
    [InlineData("{'descr': '<f4', 'fortran_order': True, 'shape': (6,)}")]
    public void Npy_headers_are_read_as_the_dict_literals_that_they_are(string header)
    {
        using var scope = NewDisposeScope();

        Assert.Equal([1f, 2, 3, 4, 5, 6], Small.Values(NpyFile.Read(Npy(header, Six)).flatten()));
    }

    [Theory]
    [InlineData("|i1", new byte[] { 255, 1 }, ScalarType.Int8, -1, 1)]
    [InlineData("<u1", new byte[] { 255, 1 }, ScalarType.Byte, 255, 1)]
    [InlineData("|b1", new byte[] { 1, 0 }, ScalarType.Bool, 1, 0)]
    [InlineData("<u2", new byte[] { 255, 255, 1, 0 }, ScalarType.Int32, 65535, 1)]
    [InlineData("<u4", new byte[] { 255, 255, 255, 255, 1, 0, 0, 0 }, ScalarType.Int64, 4294967295, 1)]
    [InlineData("<u8", new byte[] { 7, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0 }, ScalarType.Int64, 7, 1)]
    [InlineData(">f4", new byte[] { 0x3F, 0xC0, 0, 0, 0xC0, 0, 0, 0 }, ScalarType.Float32, 1.5, -2)]
    [InlineData(">f8", new byte[] { 0x3F, 0xF8, 0, 0, 0, 0, 0, 0, 0xC0, 0, 0, 0, 0, 0, 0, 0 }, ScalarType.Float64, 1.5, -2)]
    [InlineData("<f2", new byte[] { 0, 0x3E, 0, 0xC0 }, ScalarType.Float16, 1.5, -2)]
    [InlineData(">f2", new byte[] { 0x3E, 0, 0xC0, 0 }, ScalarType.Float16, 1.5, -2)]
    [InlineData(">i2", new byte[] { 0xFF, 0xFE, 1, 0 }, ScalarType.Int16, -2, 256)]
    [InlineData(">i4", new byte[] { 0xFF, 0xFF, 0xFF, 0xFE, 0, 0, 1, 0 }, ScalarType.Int32, -2, 256)]
    [InlineData(">i8", new byte[] { 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFE, 0, 0, 0, 0, 0, 0, 1, 0 }, ScalarType.Int64, -2, 256)]
    [InlineData(">u2", new byte[] { 0xFF, 0xFE, 1, 0 }, ScalarType.Int32, 65534, 256)]
    [InlineData(">u4", new byte[] { 0xFF, 0xFF, 0xFF, 0xFE, 0, 0, 1, 0 }, ScalarType.Int64, 4294967294, 256)]
    [InlineData(">u8", new byte[] { 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 1, 0 }, ScalarType.Int64, 7, 256)]
    [InlineData(">b1", new byte[] { 1, 0 }, ScalarType.Bool, 1, 0)]
    [InlineData("float16", new byte[] { 0, 0x3E, 0, 0xC0 }, ScalarType.Float16, 1.5, -2)]
    [InlineData("B", new byte[] { 255, 1 }, ScalarType.Byte, 255, 1)]
    [InlineData("?", new byte[] { 1, 0 }, ScalarType.Bool, 1, 0)]
    public void Npy_types_that_torch_lacks_become_wider_ones(string type, byte[] data, ScalarType becomes, double first, double second)
    {
        using var scope = NewDisposeScope();
        var read = NpyFile.Read(Npy($"{{'descr': '{type}', 'fortran_order': False, 'shape': (2,), }}", data));

        Assert.Equal(becomes, read.dtype);
        Assert.Equal([first, second], read.to(float64).data<double>().ToArray());
    }

    [Theory]
    [InlineData("<c8", new byte[] { 0, 0, 0xC0, 0x3F, 0, 0, 0, 0xC0 }, ScalarType.ComplexFloat32)]
    [InlineData(">c8", new byte[] { 0x3F, 0xC0, 0, 0, 0xC0, 0, 0, 0 }, ScalarType.ComplexFloat32)]
    [InlineData(">c16", new byte[] { 0x3F, 0xF8, 0, 0, 0, 0, 0, 0, 0xC0, 0, 0, 0, 0, 0, 0, 0 }, ScalarType.ComplexFloat64)]
    public void Complex_npy_numbers_are_read(string type, byte[] data, ScalarType becomes)
    {
        using var scope = NewDisposeScope();
        var path = Npy($"{{'descr': u'{type}', 'fortran_order': False, 'shape': (1,), }}", data);
        var read = NpyFile.Read(path);

        Assert.Equal(becomes, read.dtype);
        Assert.Equal([1.5, -2], view_as_real(read).to(float64).data<double>().ToArray());
        Assert.Contains("labels are integers", Assert.Throws<DatasetFormatException>(() => FeatureVectors.FromNpy(
            folder.Write("features.npy", File.ReadAllBytes(Npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1, 6)}", Six))),
            folder.Write("labels.npy", File.ReadAllBytes(Npy($"{{'descr': '{type}', 'fortran_order': False, 'shape': (1,), }}", data))), ["a"])).Message);
    }

    [Fact]
    public void Npy_numbers_are_counted_by_what_they_take_in_memory()
    {
        var path = Npy("{'descr': '<u2', 'fortran_order': False, 'shape': (2,)}", 1, 0, 2, 0);

        NpyFile.Read(path, new() { Bytes = 8 }).Dispose();
        Assert.Contains("8 bytes; at most 7 are read", Assert.Throws<DatasetFormatException>(() => NpyFile.Read(path, new() { Bytes = 7 })).Message);
    }

    [Theory]
    [InlineData("{'descr': '<f4', 'fortran_order': False}", "'shape' is missing")]
    [InlineData("{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (6,)}", "unknown or there twice")]
    [InlineData("{'descr': '<f4', 'fortran_order': False, 'shape': (6,), 'more': 1}", "unknown or there twice")]
    [InlineData("{'descr': '<f4', 'fortran_order': False, 'shape': (6)}", "is no tuple")]
    [InlineData("{'descr': '<f4', 'fortran_order': False, 'shape': (,)}", "is no size")]
    [InlineData("{'descr': '<f4', 'fortran_order': False, 'shape': (-6,)}", "is no size")]
    [InlineData("{'descr': '<f4', 'fortran_order': no, 'shape': (6,)}", "neither True nor False")]
    [InlineData("{'descr': '<f4', 'fortran_order': False, 'shape': (6,)} x", "something follows")]
    [InlineData("{'descr': 7, 'fortran_order': False, 'shape': (6,)}", "a text in quotes is missing")]
    [InlineData("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (6,)}", "holds records of several fields")]
    [InlineData("{'descr': '>f16', 'fortran_order': False, 'shape': (6,)}", "holds long doubles of type '>f16'; c16, c8, f8, f4")]
    [InlineData("{'descr': '<c32', 'fortran_order': False, 'shape': (6,)}", "long doubles of type '<c32'")]
    [InlineData("{'descr': '<U6', 'fortran_order': False, 'shape': (1,)}", "text of type '<U6'")]
    [InlineData("{'descr': '|S24', 'fortran_order': False, 'shape': (1,)}", "text of type '|S24'")]
    [InlineData("{'descr': '<M8[ns]', 'fortran_order': False, 'shape': (3,)}", "dates of type '<M8[ns]'")]
    [InlineData("{'descr': '|V24', 'fortran_order': False, 'shape': (1,)}", "raw bytes of type '|V24'")]
    [InlineData("{'descr': '|O', 'fortran_order': False, 'shape': (6,)}", "Python objects of type '|O'")]
    [InlineData("{'descr': '', 'fortran_order': False, 'shape': (6,)}", "values of type ''")]
    [InlineData("{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3)}", "Fortran order")]
    [InlineData("{'descr': '<f4', 'fortran_order': False, 'shape': (1073741824, 1073741824, 1073741824, 1073741824, 1073741824)}", "more than 2^63 bytes")]
    [InlineData("{'descr': '<f4', 'fortran_order': False, 'shape': (0, 4611686018427387904, 4611686018427387904)}", "more than 2^63 bytes")]
    [InlineData("{'descr': '<f4', 'fortran_order': False, 'shape': (9223372036854775808,)}", "is no size")]
    [InlineData("", "a '{' is missing")]
    public void Other_npy_headers_are_refused_by_name(string header, string message)
    {
        var refusal = Assert.Throws<DatasetFormatException>(() => NpyFile.Read(Npy(header, Six)));

        Assert.Contains(message, refusal.Message);
        Assert.Equal(folder.File("it.npy"), refusal.FileName);
    }

    [Fact]
    public void Npy_values_that_are_none_of_their_type_are_refused()
    {
        Assert.Contains("the byte 2", Assert.Throws<DatasetFormatException>(
            () => NpyFile.Read(Npy("{'descr': '|b1', 'fortran_order': False, 'shape': (2,)}", 1, 2))).Message);
        Assert.Contains("beyond 2^63", Assert.Throws<DatasetFormatException>(
            () => NpyFile.Read(Npy("{'descr': '<u8', 'fortran_order': False, 'shape': (1,)}", 0, 0, 0, 0, 0, 0, 0, 255))).Message);
    }

    [Fact]
    public void Numbers_that_take_more_memory_than_their_file_are_held_to_the_limit_too()
    {
        var images = folder.Write("images", IdxBytes.Of([10, 10, 10], new byte[1000]));
        var labels = folder.Write("labels", IdxBytes.Of([10], new byte[10]));
        Assert.Contains("4000 bytes in single precision; at most 3999", Assert.Throws<DatasetFormatException>(
            () => ImageDataset.FromIdx(images, labels, ["a"], 0, 1, new() { Bytes = 3999 })).Message);
        ImageDataset.FromIdx(images, labels, ["a"], 0, 1, new() { Bytes = 4000 }).Dispose();

        var table = folder.Write("table.csv", System.Text.Encoding.UTF8.GetBytes("a,b,c\n" + string.Concat(Enumerable.Range(0, 50).Select(row => $"{row % 3},{row % 2},x\n"))));
        Assert.Contains("takes 800 bytes as numbers; at most 799", Assert.Throws<DatasetFormatException>(
            () => FeatureVectors.FromCsv(table, "c", limits: new() { Bytes = 799 })).Message);
        FeatureVectors.FromCsv(table, "c", limits: new() { Bytes = 800 }).Dispose();
        Assert.Contains("takes 1200 bytes as numbers; at most 1199", Assert.Throws<DatasetFormatException>(
            () => TimeSeriesWindows.FromCsv(table, "a", ["a", "b"], length: 2, limits: new() { Bytes = 1199 })).Message);
        TimeSeriesWindows.FromCsv(table, "a", ["a", "b"], length: 2, limits: new() { Bytes = 1200 }).Dispose();
    }

    private static readonly byte[] Idx = IdxBytes.Of([2, 3], [1, 2, 3, 4, 5, 6]);

    private static IdxFile ReadIdx(byte[] bytes, ReadLimits? limits = null) => IdxFile.Read(new MemoryStream(bytes), "some.gz", limits);

    [Fact]
    public void Gzip_data_needs_its_whole_trailer_and_may_have_several_members()
    {
        var zipped = IdxBytes.Zipped(Idx);
        Assert.Equal([1, 2, 3, 4, 5, 6], ReadIdx([.. IdxBytes.Zipped(Idx[..7]), .. IdxBytes.Zipped(Idx[7..])]).Values.ToArray());
        byte[] named = [.. zipped[..3], 8, .. zipped[4..10], .. "name\0"u8, .. zipped[10..]];
        Assert.Equal([1, 2, 3, 4, 5, 6], ReadIdx(named).Values.ToArray());

        for (var cut = 1; cut < zipped.Length; cut++)
            Assert.Throws<DatasetFormatException>(() => ReadIdx(zipped[..cut]));
        for (var place = zipped.Length - 8; place < zipped.Length; place++)
        {
            var damaged = (byte[])zipped.Clone();
            damaged[place] ^= 4;
            Assert.Contains("checksum and length", Assert.Throws<DatasetFormatException>(() => ReadIdx(damaged)).Message);
        }

        Assert.Contains("trailing data", Assert.Throws<DatasetFormatException>(() => ReadIdx([.. zipped, 0])).Message);
        Assert.Contains("trailing data", Assert.Throws<DatasetFormatException>(() => ReadIdx([.. zipped, .. new byte[20]])).Message);
    }

    [Fact]
    public void Idx_claims_are_held_to_the_limit_and_to_what_can_come()
    {
        Assert.Contains("at most 5 are read", Assert.Throws<DatasetFormatException>(() => ReadIdx(Idx, new() { Bytes = 5 })).Message);
        Assert.Equal(6, ReadIdx(IdxBytes.Zipped(Idx), new() { Bytes = 6 }).Values.Length);
        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Contains("is short", Assert.Throws<DatasetFormatException>(() => ReadIdx(IdxBytes.Of([int.MaxValue - 100], [1]))).Message);
        Assert.Contains("beyond 64 bits", Assert.Throws<DatasetFormatException>(() => ReadIdx(IdxBytes.Of([0, -1, -1, -1], []))).Message);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 10_000_000);
    }

    private string Csv(byte[] bytes) => folder.Write("it.csv", bytes);

    [Fact]
    public void Csv_text_is_strict_UTF_8_or_marked_UTF_16()
    {
        var text = "a,kind\n1,café\n2,cafè\n3,cafê\n";
        foreach (var bytes in new byte[][]
        {
            Encoding.UTF8.GetBytes(text), [0xEF, 0xBB, 0xBF, .. Encoding.UTF8.GetBytes(text)],
            [.. Encoding.Unicode.GetPreamble(), .. Encoding.Unicode.GetBytes(text)],
            [.. Encoding.BigEndianUnicode.GetPreamble(), .. Encoding.BigEndianUnicode.GetBytes(text)],
            Encoding.UTF8.GetBytes(text.Replace("\n", "\r\n")), Encoding.UTF8.GetBytes(text.Replace("\n", "\r")),
        })
        {
            using var data = FeatureVectors.FromCsv(Csv(bytes), "kind");
            Assert.Equal(["café", "cafè", "cafê"], data.ClassNames.OrderBy(name => "éèê".IndexOf(name[3])));
            Assert.Equal([1f, 2, 3], Small.Values(data.Inputs));
        }

        foreach (var bytes in new byte[][] { Encoding.Latin1.GetBytes(text), Encoding.Unicode.GetBytes(text), [.. Encoding.UTF8.GetBytes("a,kind\n1,x\0\n")] })
        {
            var refusal = Assert.Throws<DatasetFormatException>(() => FeatureVectors.FromCsv(Csv(bytes), "kind"));
            Assert.Contains("UTF-8", refusal.Message);
            Assert.Equal(folder.File("it.csv"), refusal.FileName);
        }
    }

    [Theory]
    [InlineData("a,kind\n1,\"x\"y\n", "before the end of its field")]
    [InlineData("a,kind\n1,x\"y\"\n", "without quotes around it")]
    [InlineData("a,kind\n1,\"x\n", "does not end there")]
    [InlineData("a,\"kind\n1,x\n", "does not end there")]
    [InlineData("a,kind\n1e999,x\n", "no finite number")]
    [InlineData("a,kind\n\u0661,x\n", "no finite number")]
    [InlineData("a,kind\n0x10,x\n", "no finite number")]
    [InlineData("a,kind\n\"1,5\",x\n", "no finite number")]
    public void Csv_fields_are_whole_and_numbers_are_plain(string text, string message) =>
        Assert.Contains(message, Assert.Throws<DatasetFormatException>(() => FeatureVectors.FromCsv(Csv(Encoding.UTF8.GetBytes(text)), "kind")).Message);

    [Fact]
    public void Csv_limits_and_quotations_are_kept()
    {
        var path = Csv(Encoding.UTF8.GetBytes($"a,kind\n{new string('7', 5000)}x,b\n"));
        var message = Assert.Throws<DatasetFormatException>(() => FeatureVectors.FromCsv(path, "kind")).Message;
        Assert.InRange(message.Length, 200, 400 + path.Length);
        Assert.Contains("at most 9 are read", Assert.Throws<DatasetFormatException>(() => CsvFile.Open(path, new() { Bytes = 9 })).Message);
        Assert.Contains("no whole number", Assert.Throws<DatasetFormatException>(() => CsvFile.Open(path).Whole(2, 0, "5.9")).Message);
        Assert.Equal(-5, CsvFile.Open(path).Whole(2, 0, "-5"));
        Assert.Contains("more than 16777216 characters in line 2", Assert.Throws<DatasetFormatException>(
            () => CsvFile.Open(Csv([.. "a\n"u8, .. Enumerable.Repeat((byte)'1', (1 << 24) + 1)])).Rows().Count()).Message);
    }

    [Fact]
    public void A_folder_in_the_place_of_a_file_is_an_IOException_that_names_it()
    {
        foreach (var read in new Action[]
        {
            () => NpyFile.Read(folder.Path), () => IdxFile.Read(folder.Path), () => CsvFile.Open(folder.Path), () => SafetensorsFile.Read(folder.Path),
            () => PretrainedWeights.FromFile(folder.Path), () => TimeSeriesWindows.FromCsv(folder.Path, "a", ["a"]),
        })
            Assert.Contains($"'{folder.Path}' cannot be read: it is a folder", Assert.Throws<IOException>(read).Message);
    }

    [Fact]
    public void Cifar_sizes_are_checked_before_a_file_is_read()
    {
        folder.Write("train.bin", new byte[3074]);
        folder.Write("test.bin", new byte[3074]);
        Assert.Contains("at most 3073 are read", Assert.Throws<DatasetFormatException>(() => Cifar.Load100(folder.Path, new() { Bytes = 3073 })).Message);
    }
}
