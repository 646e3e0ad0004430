using TorchSharp;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

/// <summary>A frozen layer that stands in two places of a module, so that its parameters have two names.</summary>
public sealed class FrozenTieTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    private string File => folder.File("file.safetensors");

    private sealed class Twice : nn.Module<Tensor, Tensor>
    {
        private readonly Linear encoder;
        private readonly Linear again;
        private readonly Linear head;

        public Twice(ulong seed)
            : base("twice")
        {
            encoder = nn.Linear(4, 4);
            again = encoder;
            head = nn.Linear(4, 3);
            RegisterComponents();
            using var noGradient = no_grad();
            using var generator = new Generator(seed);
            foreach (var parameter in encoder.parameters())
            {
                using var values = rand(parameter.shape, generator: generator);
                parameter.copy_(values);
                parameter.requires_grad = false;
            }
        }

        public override Tensor forward(Tensor input) => head.call(again.call(encoder.call(input).tanh()).tanh());

        public ModuleTarget Lend() => TargetNetwork.From(this, zeros(2, 4), "twice");
    }

    [Fact]
    public void Adapters_and_weights_are_held_to_it()
    {
        using var scope = NewDisposeScope();
        using var module = new Twice(1);
        using var alike = new Twice(1);
        using var other = new Twice(2);
        using var target = module.Lend();
        using var there = alike.Lend();
        using var elsewhere = other.Lend();
        Assert.Contains("again.weight: tied, the same parameter as encoder.weight", target.Describe());
        using var weights = PretrainedWeights.Of(target);
        using var model = MappingNetwork.For(target).SingleLatent(5).WithSeed(3).Build();
        model.SaveAdapter(File);

        MappedModel.LoadAdapter(File, there).Dispose();
        Assert.Contains(
            "other values of the frozen parameters [encoder.weight, encoder.bias]",
            Assert.Throws<CheckpointFormatException>(() => MappedModel.LoadAdapter(File, elsewhere)).Message);
        // Another module may register the places in another order, and a wrapper calls them otherwise.
        using var renamed = weights.Renamed(name => name.Replace("encoder", "again", StringComparison.Ordinal));
        FineTuning.Of(there, renamed).Groups(5).Build().Dispose();
        Assert.Contains(
            "'again.weight' is frozen", Assert.Throws<ArgumentException>("pretrained", () => FineTuning.Of(elsewhere, renamed).Groups(5).Build()).Message);
    }

    [Theory]
    [InlineData("encoder.")]
    [InlineData("again.")]
    public void A_file_of_weights_is_held_to_it_under_either_name(string name)
    {
        using var scope = NewDisposeScope();
        using var module = new Twice(1);
        using var other = new Twice(2);
        SafetensorsFile.Write(
            File,
            [.. module.state_dict().Where(pair => pair.Key.StartsWith("head.") || pair.Key.StartsWith(name)).Select(pair => (pair.Key, pair.Value.detach()))]);
        using var target = module.Lend();
        using var elsewhere = other.Lend();

        target.ReadWeights(File).Dispose();
        Assert.Contains($"has '{name}weight', which is frozen", Assert.Throws<CheckpointFormatException>(() => elsewhere.ReadWeights(File)).Message);
    }

    [Fact]
    public void It_is_exported_once_and_written_into_both_places()
    {
        using var scope = NewDisposeScope();
        using var module = new Twice(1);
        using var other = new Twice(2);
        using var target = module.Lend();
        using var model = DirectModel.For(target, 5);

        model.Export(File);
        model.WriteInto(other);

        using (var file = SafetensorsFile.Read(File))
            Assert.Equal(
                ["encoder.bias", "encoder.weight", "head.bias", "head.weight"], file.Entries.Select(entry => entry.Name).Order(StringComparer.Ordinal));
        Assert.Equal(Small.Bits(module.get_parameter("encoder.weight")!), Small.Bits(other.state_dict()["again.weight"]));
        using var input = Small.Uniform(5, 4);
        Assert.Equal(Small.Bits(model.Predict(input)), Small.Bits(other.call(input)));
    }
}
