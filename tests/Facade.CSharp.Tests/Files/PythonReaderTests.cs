using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

/// <summary>The reader in Python gives the weights that the library gives, for files of every kind and version.</summary>
public sealed class PythonReaderTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    private string Adapter => folder.File("adapter.safetensors");

    public void Dispose() => folder.Dispose();

    [NumpyFact]
    public void Its_own_tests_pass()
    {
        var (status, errors) = Python.Run(Python.Interpreter!, Path.Combine("python", "test_mappingnets.py"));
        Assert.True(status == 0, errors);
        Assert.Contains("OK", errors, StringComparison.Ordinal);
    }

    [NumpyFact]
    public void It_reads_networks_whose_fan_ins_and_centers_do_not_follow_from_their_shapes()
    {
        var target = TargetNetwork.Input(5, 4).PositionEmbedding().Lstm(7).Add(new Gains()).Linear(3).Build();
        using var model = MappingNetwork.For(target).LayerWise(60).WithSeed(3).Build();
        model.SaveAdapter(Adapter);

        Python.AssertReads(model, Adapter);
    }

    [Fact]
    public void It_is_short()
    {
        Assert.True(File.ReadLines(Path.Combine(RepositoryRoot.Path, "python", "mappingnets.py")).Count() < 450);
    }

    /// <summary>Multiplies by numbers around 1 that are not called weight.</summary>
    private sealed class Gains() : Layer(null)
    {
        public override string Kind => "Gains";
        public override string NamePrefix => "gains";
        public override IReadOnlyList<long> InferOutput(IReadOnlyList<long> input) => input;
        public override IReadOnlyList<ParameterSpecification> Parameters(IReadOnlyList<long> input) => [new("by", [input[^1]], 1) { Center = 1 }];
        public override Tensor Forward(Tensor input, IReadOnlyList<Tensor> parameters) => input * parameters[0];
        public override nn.Module<Tensor, Tensor> ToModule(IReadOnlyList<long> input, IReadOnlyList<Tensor> parameters) => throw new NotSupportedException();
    }
}
