using TorchSharp;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

/// <summary>
/// Files of a module's weights in which a tensor with several names stands under one of them: safetensors keeps the first in the alphabet,
/// the network calls it by the first in the module.
/// </summary>
public sealed class TiedWeightsFileTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    private string Weights => folder.File("weights.safetensors");

    /// <summary>The head is the embedding table, and one normalisation stands in two places.</summary>
    private sealed class LanguageModel : nn.Module<Tensor, Tensor>
    {
        private readonly Embedding table;
        private readonly BatchNorm1d norm;
        private readonly BatchNorm1d again;
        private readonly Linear head;

        public LanguageModel()
            : base("language-model")
        {
            table = nn.Embedding(11, 6);
            norm = nn.BatchNorm1d(6);
            again = norm;
            head = nn.Linear(6, 11, hasBias: false);
            head.weight = table.weight!;
            RegisterComponents();
            using var noGradient = no_grad();
            norm.state_dict()["running_mean"].fill_(0.25f);
        }

        public override Tensor forward(Tensor tokens) => head.call(again.call(norm.call(table.call(tokens).mean([1])).tanh()));
    }

    private static ModuleTarget TargetOf(LanguageModel module) => TargetNetwork.From(module, zeros(2, 5, dtype: int64), "language-model");

    private void Write(nn.Module module, Func<string, bool> holds, Func<string, Tensor, Tensor>? change = null) =>
        SafetensorsFile.Write(
            Weights,
            [
                .. module.state_dict().Where(pair => holds(pair.Key))
                    .Select(pair => (pair.Key, change?.Invoke(pair.Key, pair.Value.detach()) ?? pair.Value.detach())),
            ]);

    [Theory]
    [InlineData("table.", "norm.")]
    [InlineData("head.", "again.")]
    [InlineData("table. head.", "norm. again.")]
    public void A_tied_tensor_is_read_under_any_of_its_names(string tables, string norms)
    {
        using var scope = NewDisposeScope();
        using var module = new LanguageModel();
        var names = $"{tables} {norms}".Split(' ');
        Write(module, name => names.Any(start => name.StartsWith(start, StringComparison.Ordinal)));
        int[] expected = [.. new[] { "table.weight", "norm.weight", "norm.bias" }.SelectMany(name => Small.Bits(module.get_parameter(name)!))];
        using var target = TargetOf(module);

        using var read = target.ReadWeights(Weights);
        Assert.Equal(expected, read.Tensors.SelectMany(Small.Bits));
        Assert.Equal(0.25f, read.State["norm.running_mean"].max().item<float>());
        using var held = PretrainedWeights.FromFile(Weights);
        using var model = FineTuning.Of(target, held).Groups(20).Build();
        Assert.Equal(expected, FineTuned.Bits(model.FlatWeights));
        Assert.Equal(0.25f, model.State["norm.running_mean"].max().item<float>());
        // A module of this class has no order of layers that could be streamed; its base can.
        using var onDisk = PretrainedWeights.OnDisk(Weights);
        using var onDiskBase = FineTuningBase.Of(target, onDisk, null, 0, CPU, streamed: true);
        Assert.Equal(expected, Small.Bits(onDiskBase.Flat));
        var place = zeros(11, 6);
        onDiskBase.Values.CopyTo(0, place);
        Assert.Equal(expected[..66], Small.Bits(place));
    }

    [Theory]
    [InlineData("head.weight", "'table.weight' and 'head.weight'")]
    [InlineData("again.running_mean", "'norm.running_mean' and 'again.running_mean'")]
    public void Two_names_of_one_tensor_with_different_values_are_refused(string changed, string names)
    {
        using var scope = NewDisposeScope();
        using var module = new LanguageModel();
        Write(module, _ => true, (name, values) => name == changed ? values + 1 : values);
        using var target = TargetOf(module);
        using var held = PretrainedWeights.FromFile(Weights);

        Assert.Contains(names, Assert.Throws<CheckpointFormatException>(() => target.ReadWeights(Weights)).Message);
        Assert.Contains(names, Assert.Throws<ArgumentException>("pretrained", () => FineTuning.Of(target, held).Groups(20).Build()).Message);
        using var first = held.Renamed(name => name == changed ? null : name);
        using (FineTuning.Of(target, first).Groups(20).Build())
        {
        }
    }

    [Fact]
    public void A_file_with_none_of_the_names_is_refused_by_the_networks_own()
    {
        using var scope = NewDisposeScope();
        using var module = new LanguageModel();
        Write(module, name => name is not ("table.weight" or "head.weight"));
        using var target = TargetOf(module);
        using var held = PretrainedWeights.FromFile(Weights);

        Assert.Contains("lacks 'table.weight'.", Assert.Throws<CheckpointFormatException>(() => target.ReadWeights(Weights)).Message);
        Assert.Contains(
            "There is no 'table.weight'", Assert.Throws<ArgumentException>("pretrained", () => FineTuning.Of(target, held).Groups(20).Build()).Message);
    }
}
