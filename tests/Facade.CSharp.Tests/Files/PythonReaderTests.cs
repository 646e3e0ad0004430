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
        foreach (var tests in (string[])["test_mappingnets.py", "test_refusals.py"])
        {
            var (status, errors) = Python.Run(Python.Interpreter!, Path.Combine("python", tests));
            Assert.True(status == 0, errors);
            Assert.Contains("OK", errors, StringComparison.Ordinal);
        }
    }

    [NumpyFact]
    public void It_reads_networks_whose_fan_ins_and_centers_do_not_follow_from_their_shapes()
    {
        var target = TargetNetwork.Input(5, 4).PositionEmbedding().Lstm(7).Add(new Gains()).Linear(3).Build();
        using var model = MappingNetwork.For(target).LayerWise(60).WithSeed(3).Build();
        model.SaveAdapter(Adapter);

        Python.AssertReads(model, Adapter);
    }

    [NumpyFact]
    public void It_gives_a_network_with_dropout_the_names_of_a_state_dict()
    {
        using var model = MappingNetwork.For(WithDropout()).SingleLatent(40).WithSeed(3).Build();
        using var data = Small.Classes();
        new Trainer(model, new() { Epochs = 1 }).Fit(data);
        model.SaveAdapter(Adapter);

        Python.AssertReads(model, Adapter);
    }

    [NumpyFact]
    public void It_takes_the_buffers_of_a_base_with_dropout()
    {
        var target = WithDropout();
        var weights = folder.File("base.safetensors");
        using (var direct = DirectModel.For(target, 1))
            direct.Export(weights);
        using var pretrained = PretrainedWeights.FromFile(weights);
        using var model = FineTuning.Of(target, pretrained).Groups(20).Build();
        using var data = Small.Classes();
        foreach (var isTrained in new[] { false, true })
        {
            if (isTrained)
                new Trainer(model, new() { Epochs = 1, FrozenStatistics = true }).Fit(data);
            model.SaveAdapter(Adapter);

            Python.AssertReads(model, Adapter, weights);
        }
    }

    [NumpyFact]
    public void It_reads_an_adapter_without_parts()
    {
        var weights = folder.File("base.safetensors");
        using (var direct = DirectModel.For(Small.Classifier(), 1))
            direct.Export(weights);
        using var pretrained = PretrainedWeights.FromFile(weights);
        using var model = FineTuning.Of(Small.Classifier(), pretrained).WholeWeights().Build();
        using (no_grad())
            model.Trainables[0].mul_(2.ToScalar());
        model.SaveAdapter(Adapter);

        Python.AssertReads(model, Adapter, weights);
    }

    [Fact]
    public void It_is_short()
    {
        Assert.True(File.ReadLines(Path.Combine(RepositoryRoot.Path, "python", "mappingnets.py")).Count() < 400);
    }

    private static TargetNetwork WithDropout() =>
        TargetNetwork.Input(4).Linear(8).Reshape(8, 1, 1).BatchNorm2d().Flatten().Dropout().Linear(3).Build("with-dropout");

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
