using TorchSharp;
using Xunit;
using static MappingNets.Tests.SafetensorsBytes;
using static TorchSharp.torch;

namespace MappingNets.Tests;

public sealed class NetworkWeightsTests : IDisposable
{
    private static readonly TargetNetwork Target = TargetNetwork.Input(1, 1, 1).Conv2d(1, 1).BatchNorm2d().Build("tiny");

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    // 1.5 in each float format; the counter holds 7.
    private string Write(string type, byte[] value, Func<List<string>, IEnumerable<string>>? change = null)
    {
        var data = new List<byte>();
        var entries = new List<string>();
        string[] names = ["conv1.weight", "conv1.bias", "bn1.weight", "bn1.bias", "bn1.running_mean", "bn1.running_var"];
        foreach (var name in names)
        {
            entries.Add(Entry(name, type, name == "conv1.weight" ? "1,1,1,1" : "1", data.Count, data.Count + value.Length));
            data.AddRange(value);
        }

        entries.Add(Entry("bn1.num_batches_tracked", "I64", "", data.Count, data.Count + 8));
        data.AddRange([7, 0, 0, 0, 0, 0, 0, 0]);
        var text = change is null ? entries : [.. change(entries)];
        return folder.Write("weights.safetensors", Of($"{{{string.Join(',', text)}}}", [.. data]));
    }

    [Theory]
    [InlineData("F64", new byte[] { 0, 0, 0, 0, 0, 0, 0xF8, 0x3F })]
    [InlineData("F32", new byte[] { 0, 0, 0xC0, 0x3F })]
    [InlineData("F16", new byte[] { 0x00, 0x3E })]
    [InlineData("BF16", new byte[] { 0xC0, 0x3F })]
    public void A_file_made_by_PyTorch_is_read_in_every_float_type(string type, byte[] value)
    {
        using var scope = NewDisposeScope();
        using var weights = Target.ReadWeights(Write(type, value));

        Assert.All(weights.Tensors, tensor => Assert.Equal(1.5f, tensor.item<float>()));
        Assert.Equal(Target.Parameters.Select(p => p.Shape), weights.Tensors.Select(tensor => tensor.shape));
        Assert.Equal(1.5f, weights.State["bn1.running_var"].item<float>());
        Assert.Equal(7, weights.State["bn1.num_batches_tracked"].item<long>());
        // conv: 2 * 1.5 + 1.5 = 4.5; norm: (4.5 - 1.5) / sqrt(1.5 + 1e-5) * 1.5 + 1.5.
        var output = Target.Forward(full([1, 1, 1, 1], 2.0), weights.Tensors, weights.State, training: false).item<float>();
        Assert.Equal(3 / Math.Sqrt(1.5 + 1e-5) * 1.5 + 1.5, output, 1e-5);
    }

    public static TheoryData<string, string, string> Faults => new()
    {
        { "bn1.bias", "bn1.bios", "lacks 'bn1.bias'." },
        { "\"bn1.bias\":{\"dtype\":\"F32\",\"shape\":[1]", "\"bn1.bias\":{\"dtype\":\"F32\",\"shape\":[1,1]", "'bn1.bias' of the shape (1, 1); the network needs (1)" },
        { "\"bn1.bias\":{\"dtype\":\"F32\"", "\"bn1.bias\":{\"dtype\":\"I32\"", "'bn1.bias' as Int32; the network needs floats" },
        { "\"bn1.num_batches_tracked\":{\"dtype\":\"I64\"", "\"bn1.num_batches_tracked\":{\"dtype\":\"F64\"", "the network needs whole numbers" },
    };

    [Theory]
    [MemberData(nameof(Faults))]
    public void A_file_that_does_not_fit_is_refused_by_name(string find, string put, string fault)
    {
        var path = Write("F32", [0, 0, 0xC0, 0x3F], entries => entries.Select(entry => entry.Replace(find, put)));

        Assert.Contains(fault, Assert.Throws<CheckpointFormatException>(() => Target.ReadWeights(path)).Message);
    }

    [Fact]
    public void One_tensor_too_many_or_a_number_that_is_not_finite_is_refused_by_name()
    {
        var more = Write("F32", [0, 0, 0xC0, 0x3F], entries => entries.Append("\"head.bias\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[32,32]}"));
        Assert.Contains("beside what the network needs, 'head.bias'.", Assert.Throws<CheckpointFormatException>(() => Target.ReadWeights(more)).Message);

        var infinite = Write("F32", [0, 0, 0x80, 0x7F]);
        Assert.Contains("not finite in 'conv1.weight'", Assert.Throws<CheckpointFormatException>(() => Target.ReadWeights(infinite)).Message);
    }

    [Fact]
    public void What_a_model_exports_its_network_reads()
    {
        using var scope = NewDisposeScope();
        using var model = MappingNetwork.For(Target).SingleLatent(1).WithSeed(4).Build();
        model.Export(folder.File("exported"));

        using var weights = Target.ReadWeights(folder.File("exported"));

        Assert.Equal(model.FlatWeights().data<float>(), weights.Tensors.SelectMany(tensor => tensor.reshape(-1).data<float>()));
        // The normalisation's scale starts around 1, not around 0.
        Assert.InRange(weights.Tensors[2].item<float>(), 0f, 2f);
        Assert.NotInRange(weights.Tensors[2].item<float>(), -0.01f, 0.01f);
    }

    [Fact]
    public void A_module_reads_files_that_also_hold_its_frozen_parameters_as_they_are()
    {
        using var scope = NewDisposeScope();
        using var module = nn.Linear(1, 1);
        module.bias!.requires_grad = false;
        module.bias!.zero_();
        using var target = TargetNetwork.From(module, zeros(1, 1), "line");
        string Written(params byte[] bias) => folder.Write(
            "linear", Of($"{{{Entry("weight", "F32", "1,1", 0, 4)},{Entry("bias", "F32", "1", 4, 8)}}}", [0, 0, 0xC0, 0x3F, .. bias]));

        using var weights = target.ReadWeights(Written(0, 0, 0, 0));
        Assert.Equal(1.5f, Assert.Single(weights.Tensors).item<float>());

        var refusal = Assert.Throws<CheckpointFormatException>(() => target.ReadWeights(Written(0, 0, 0xC0, 0x3F)));
        Assert.Contains("'bias', which is frozen in the module of 'line', with other values than the module", refusal.Message);
    }
}
