using System.Text;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

public sealed class SafetensorsWriterTests : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly DisposeScope scope = NewDisposeScope();

    public void Dispose()
    {
        scope.Dispose();
        folder.Dispose();
    }

    private static byte[] Written(IReadOnlyList<(string, Tensor)> tensors, IReadOnlyDictionary<string, string>? metadata = null)
    {
        using var stream = new MemoryStream();
        SafetensorsFile.Write(stream, tensors, metadata);
        return stream.ToArray();
    }

    [Fact]
    public void What_is_written_is_read_back_to_the_bit()
    {
        var path = folder.File("a.safetensors");
        var generator = new Generator(1);
        (string Name, Tensor Tensor)[] tensors =
        [
            ("layer.weight", rand(17, 5, generator: generator)),
            ("half", rand([3, 3], generator: generator).to(ScalarType.Float16)),
            ("brain", rand([3], generator: generator).to(ScalarType.BFloat16)),
            ("transposed", rand(4, 6, generator: generator).t()),
            ("learnt", rand(4, generator: generator).requires_grad_()),
            ("mask", tensor(new[] { true, false, true })),
            ("none", zeros(0, 2)),
            ("scalar", tensor(-7L)),
        ];

        SafetensorsFile.Write(path, tensors, new Dictionary<string, string> { ["text"] = "{\"z\": \"é\"}" });
        using var file = SafetensorsFile.Read(path);

        Assert.Equal(tensors.Select(pair => pair.Name).Order(), file.Entries.Select(entry => entry.Name).Order());
        Assert.Equal("{\"z\": \"é\"}", file.Metadata["text"]);
        foreach (var (name, tensor) in tensors)
        {
            var loaded = file.Load(name);
            Assert.Equal((tensor.dtype, false), (loaded.dtype, loaded.requires_grad));
            Assert.Equal(tensor.shape, loaded.shape);
            Assert.True(tensor.eq(loaded).all().item<bool>());
        }

        Assert.Equal(["a.safetensors"], Directory.GetFiles(folder.Path).Select(Path.GetFileName));
    }

    [Fact]
    public void The_bytes_do_not_depend_on_the_order_given_and_every_tensor_is_aligned()
    {
        (string, Tensor)[] tensors = [("a", ones(3, ScalarType.Byte)), ("b", ones(3)), ("c", ones(1, ScalarType.Int64)), ("B", ones(1))];
        var metadata = new Dictionary<string, string> { ["one"] = "1", ["two"] = "2" };

        var bytes = Written(tensors, metadata);

        Assert.Equal(bytes, Written([.. tensors.Reverse()], new Dictionary<string, string>(metadata.Reverse())));
        var headerLength = BitConverter.ToInt64(bytes);
        Assert.Equal(0, headerLength % 8);
        Assert.Equal(
            $$$"""
            {"__metadata__":{"one":"1","two":"2"},{{{string.Join(",", [
                SafetensorsBytes.Entry("c", "I64", "1", 0, 8),
                SafetensorsBytes.Entry("B", "F32", "1", 8, 12),
                SafetensorsBytes.Entry("b", "F32", "3", 12, 24),
                SafetensorsBytes.Entry("a", "U8", "3", 24, 27)])}}}}
            """,
            Encoding.UTF8.GetString(bytes, 8, (int)headerLength).TrimEnd(' '));
    }

    [Fact]
    public void A_tensor_larger_than_one_piece_arrives_whole()
    {
        var large = arange((3 << 20) + 5, dtype: ScalarType.Int32).to(ScalarType.Byte);

        using var file = SafetensorsFile.Read(new MemoryStream(Written([("large", large)])));

        Assert.True(large.eq(file.Load("large")).all().item<bool>());
    }

    [Fact]
    public void What_the_format_cannot_hold_is_refused_and_the_old_file_stands()
    {
        var path = folder.Write("a.safetensors", [1, 2, 3]);
        void Refused(string what, params (string, Tensor)[] tensors) =>
            Assert.Contains(what, Assert.Throws<ArgumentException>(() => SafetensorsFile.Write(path, tensors)).Message);

        Refused("Two tensors have the name 'x'", ("x", zeros(1)), ("x", zeros(1)));
        Refused("has the name ''", ("", zeros(1)));
        Refused("nor __metadata__", ("__metadata__", zeros(1)));
        Refused("'x' is ComplexFloat32; a safetensors file holds F64", ("x", zeros(1, ScalarType.ComplexFloat32)));

        Assert.Equal([1, 2, 3], File.ReadAllBytes(path));
        Assert.Single(Directory.GetFiles(folder.Path));
    }

    [Fact]
    public void A_replacement_does_not_mix_into_a_file_that_is_open()
    {
        var path = folder.File("a.safetensors");
        SafetensorsFile.Write(path, [("x", full([4], 1f))]);
        using var before = SafetensorsFile.Read(path);

        SafetensorsFile.Write(path, [("x", full([4], 2f))]);

        Assert.Equal(4, before.Load("x").sum().item<float>());
        using var after = SafetensorsFile.Read(path);
        Assert.Equal(8, after.Load("x").sum().item<float>());
    }

    [Fact]
    public void A_targets_weights_keep_PyTorchs_names_and_shapes()
    {
        var target = MappingNets.Targets.Cnn2();
        var path = folder.File("cnn2.safetensors");
        SafetensorsFile.Write(path, [.. target.Parameters.Select(p => (p.Name, rand([.. p.Shape])))]);

        using var file = SafetensorsFile.Read(path);
        using var module = target.ToModule([.. target.Parameters.Select(p => file.Load(p.Name))]);

        Assert.Equal(
            module.state_dict().Select(pair => $"{pair.Key} F32({string.Join(", ", pair.Value.shape)})").Order(),
            file.Entries.Select(entry => entry.ToString()).Order());
    }
}
