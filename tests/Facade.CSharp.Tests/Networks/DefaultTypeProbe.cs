using System.Runtime.InteropServices;
using System.Security.Cryptography;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

/// <summary>The library's main paths, from typed data to the bits they end with, for the test that changes torch's default type.</summary>
internal static class DefaultTypeProbe
{
    public static string Digest()
    {
        using var scope = NewDisposeScope();
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        using var folder = new TemporaryFolder();
        var numbers = arange(48 * 4, dtype: float32).mul(0.7f).sin().reshape(48, 4);
        var labels = arange(48, dtype: int64).remainder(3);
        using var data = Dataset.FromTensors(numbers, labels, ["a", "b", "c"]);
        var options = new TrainingOptions { Epochs = 2, BatchSize = 16, Seed = 3, Loss = LossOptions.Complete, ValidationFraction = 0.25 };
        var target = TargetNetwork.Input(4).Linear(12).BatchNorm1d().Tanh().Dropout(0.25).Linear(3).Build();

        using var direct = DirectModel.For(target, 1);
        new Trainer(direct, options with { Loss = LossOptions.TaskOnly }).Fit(data);
        Add(direct, numbers);
        direct.Export(folder.File("weights.safetensors"));
        using var weights = target.ReadWeights(folder.File("weights.safetensors"));
        using var pretrained = PretrainedWeights.FromFile(folder.File("weights.safetensors"));
        MappingNetwork[] mapped =
        [
            MappingNetwork.For(target).SingleLatent(16),
            MappingNetwork.For(target).LayerWise(16).WithTrainableScales().WithFixedWeights(FixedWeightsKind.Hadamard),
        ];
        foreach (var description in mapped)
        {
            using var model = description.WithSeed(2).Build();
            new Trainer(model, options).Fit(data);
            model.SaveAdapter(folder.File("adapter.safetensors"));
            using var loaded = MappedModel.LoadAdapter(folder.File("adapter.safetensors"), target);
            Add(loaded, numbers);
        }

        Model[] tuned =
        [
            FineTuning.Of(target, pretrained).Groups(8).Build(),
            FineTuning.Of(target, pretrained).Groups(8, groupSize: 2).Build(),
            FineTuning.Of(target, pretrained).LowRank(2).Build(),
            FineTuning.Of(target, pretrained).Mapping(mapping => mapping.SingleLatent(8).WithTrainableScales()).Build(),
        ];
        foreach (var model in tuned)
            using (model)
            {
                new Trainer(model, options with { Loss = LossOptions.TaskOnly }).Fit(data);
                Add(model, numbers);
            }

        var sequence = arange(2 * 5 * 3, dtype: float32).sin().reshape(2, 5, 3);
        foreach (var network in new[]
        {
            TargetNetwork.Input(5, 3).Lstm(4).Linear(2).Build(),
            TargetNetwork.Input(5, 3).Gru(4, wholeSequence: true).PositionEmbedding().ClassToken().LayerNorm().Flatten().Linear(2).Build(),
        })
        {
            using var model = DirectModel.For(network, 2);
            Add(model, sequence);
        }

        using var words = DirectModel.For(TargetNetwork.Input(5).Embedding(7, 3).Flatten().Linear(2).Build(), 2);
        Add(words, arange(10, dtype: int64).remainder(7).reshape(2, 5));
        using var module = nn.Sequential(("fc", nn.Linear(4, 3, dtype: float32)), ("bn", nn.BatchNorm1d(3, dtype: float32)));
        using var lent = TargetNetwork.From(module, zeros([2, 4], float32));
        using var own = MappingNetwork.For(lent).SingleLatent(6).Build();
        new Trainer(own, options).Fit(data);
        Add(own, numbers);
        return Convert.ToHexString(hash.GetHashAndReset());

        void Add(Model model, Tensor input)
        {
            using var predicted = model.Predict(input);
            using var theta = model.FlatWeights();
            Assert.Equal((ScalarType.Float32, ScalarType.Float32), (predicted.dtype, theta.dtype));
            hash.AppendData(MemoryMarshal.AsBytes<float>(Small.Values(predicted)));
            hash.AppendData(MemoryMarshal.AsBytes<float>(Small.Values(theta)));
        }
    }
}

public sealed class DefaultTypeTests
{
    [Fact]
    public void Torchs_default_type_changes_nothing()
    {
        // The default is one per process: only a process of its own may change it.
        string Run(params string[] arguments) =>
            ChildProcess.Run("dotnet", [typeof(DefaultTypeProbe).Assembly.Location, .. arguments]).Trim();

        Assert.Equal(DefaultTypeProbe.Digest(), Run("default-type", "Float64"));
    }
}
