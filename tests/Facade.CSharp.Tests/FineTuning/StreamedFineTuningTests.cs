using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

/// <summary>Fine-tuning with a base that is read layer by layer, from memory or from its file.</summary>
public sealed partial class StreamedFineTuningTests : IDisposable
{
    private const int Classes = 4;

    private readonly TemporaryFolder folder = new();
    private readonly TargetNetwork target = Network();

    public void Dispose() => folder.Dispose();

    private static TargetNetwork Network(long width = 20, int classes = Classes) => TargetNetwork.Input(1, 8, 8)
        .Conv2d(6, kernel: 3).BatchNorm2d().ReLU().MaxPool2d(2).Flatten().Linear(width).LayerNorm().Gelu()
        .Residual(inner => inner.Linear(width).Tanh().Linear(width)).Linear(classes).Build("pretrained");

    private static Dataset Data(int classes = Classes)
    {
        using var generator = new Generator(3);
        using var scope = NewDisposeScope();
        return Dataset.FromTensors(
            randn([40, 1, 8, 8], generator: generator), randint(0, classes, 40, generator: generator),
            [.. Enumerable.Range(0, classes).Select(index => $"{index}")]);
    }

    /// <summary>A file of weights of the network, each tensor in a type of libtorch.</summary>
    private string Written(TargetNetwork network, ScalarType type = ScalarType.Float32, Action<Dictionary<string, Tensor>>? change = null)
    {
        using var scope = NewDisposeScope();
        using var model = DirectModel.For(network, seed: 8);
        var path = folder.File($"{network.Name}-{Guid.NewGuid():N}.safetensors");
        using var weights = model.FlatWeights();
        var tensors = network.Parameters.Select(parameter => parameter.Name).Zip(network.Layout.Split(weights))
            .ToDictionary(pair => pair.First, pair => pair.Second.to(type).contiguous());
        foreach (var (buffer, values) in network.Buffers.Zip(model.State.Tensors))
            tensors.Add(buffer.Name, values);
        change?.Invoke(tensors);
        SafetensorsFile.Write(path, [.. tensors.Select(pair => (pair.Key, pair.Value))]);
        return path;
    }

    private static FineTuning Way(string way, TargetNetwork network, PretrainedWeights pretrained)
    {
        var start = FineTuning.Of(network, pretrained).WithSeed(6);
        return way switch
        {
            "mapping" => start.Mapping(mapping => mapping.SingleLatent(96)),
            "hadamard, additive" => start.Mapping(mapping => mapping.SingleLatent(64).WithFixedWeights(FixedWeightsKind.Hadamard).WithAdditiveModulation(0.01)),
            "lwt, tanh, scales" => start.Mapping(mapping => mapping.LayerWise(160).WithActivation(MappingActivation.Tanh).WithTrainableScales()),
            "mapping of a layer" => start.Mapping(mapping => mapping.SingleLatent(24), layers: [network.Layout.Layers[2].Name]),
            "scales" => start.Scales(60),
            "scales and a mapping" => start.Scales(40).Mapping(mapping => mapping.SingleLatent(30)),
            "whole bias and a mapping" => start.WholeWeights(network.Parameters[^1].Name).Mapping(mapping => mapping.SingleLatent(30)),
            "new head" => start.Mapping(mapping => mapping.SingleLatent(50)).WithNewHead(HeadTraining.Direct, network.Layout.Layers[^1].Name),
            _ => throw new ArgumentOutOfRangeException(nameof(way), way, "There is no such way."),
        };
    }

    private static int[] Trained(FineTuning way, Dataset data, Action<FineTunedModel>? prepare = null)
    {
        using var scope = NewDisposeScope();
        using var model = way.Build();
        prepare?.Invoke(model);
        new Trainer(model, new() { Epochs = 3, BatchSize = 10, LearningRate = 0.05, Seed = 2, FrozenStatistics = false }).Fit(data);
        return
        [
            .. model.TrainedTensors.Values.SelectMany(tensor => Small.Bits(tensor)),
            .. model.State.Tensors.SelectMany(buffer => Small.Bits(buffer.to_type(ScalarType.Float32))),
            .. Small.Bits(model.FlatWeights()),
        ];
    }

    [Theory]
    [InlineData("mapping")]
    [InlineData("hadamard, additive")]
    [InlineData("lwt, tanh, scales")]
    [InlineData("mapping of a layer")]
    [InlineData("scales")]
    [InlineData("scales and a mapping")]
    [InlineData("whole bias and a mapping")]
    [InlineData("new head")]
    public void Training_has_the_bits_of_the_fine_tuning_that_holds_all_weights(string way)
    {
        var path = Written(target);
        using var data = Data();
        using var held = PretrainedWeights.FromFile(path);
        using var onDisk = PretrainedWeights.OnDisk(path);
        var expected = Trained(Way(way, target, held), data);
        Assert.Equal(expected, Trained(Way(way, target, held).Streamed(), data));
        Assert.Equal(expected, Trained(Way(way, target, onDisk).Streamed(), data));
    }

    [Fact]
    public void The_way_of_other_devices_has_the_same_bits()
    {
        var path = Written(target);
        using var data = Data();
        using var onDisk = PretrainedWeights.OnDisk(path);
        var way = Way("new head", target, onDisk).Streamed();
        Assert.Equal(Trained(way, data), Trained(way, data, model => model.LayerByLayer!.CopyAsForDevices()));
    }

    [Theory]
    [InlineData(ScalarType.Float16)]
    [InlineData(ScalarType.BFloat16)]
    public void Half_precision_on_disk_has_the_bits_of_the_same_file_in_memory(ScalarType type)
    {
        var path = Written(target, type);
        using var data = Data();
        using var held = PretrainedWeights.FromFile(path);
        using var onDisk = PretrainedWeights.OnDisk(path);
        Assert.Equal(Trained(Way("scales and a mapping", target, held), data), Trained(Way("scales and a mapping", target, onDisk).Streamed(), data));
    }

    [Theory]
    [InlineData(StoredPrecision.Half)]
    [InlineData(StoredPrecision.Int8)]
    [InlineData(StoredPrecision.Int4)]
    public void A_quantised_base_on_disk_has_the_bits_of_the_same_file_in_memory(StoredPrecision precision)
    {
        var path = folder.File("quantised.safetensors");
        using (var trained = DirectModel.For(target, seed: 8))
            trained.Export(path, precision);
        using var data = Data();
        using var held = PretrainedWeights.FromFile(path);
        using var onDisk = PretrainedWeights.OnDisk(path);
        Assert.Equal(Trained(Way("scales and a mapping", target, held), data), Trained(Way("scales and a mapping", target, onDisk).Streamed(), data));
    }

    [Theory]
    [InlineData(null)]
    [InlineData(StoredPrecision.Int8)]
    [InlineData(StoredPrecision.Int4)]
    public void A_tensor_of_more_than_one_piece_is_read_whole(StoredPrecision? precision)
    {
        // Rows of 701 do not end where pieces end, and an odd number of them leaves half a byte.
        var wide = TargetNetwork.Input(701).Linear(801).ReLU().Linear(3).Build("wide");
        var path = Written(wide, ScalarType.BFloat16);
        if (precision is { } codes)
            using (var trained = DirectModel.For(wide, seed: 8))
                trained.Export(path, codes);
        using var scope = NewDisposeScope();
        using var held = PretrainedWeights.FromFile(path);
        using var onDisk = PretrainedWeights.OnDisk(path);
        using var plain = FineTuning.Of(wide, held).Scales(9).Build();
        using var streamed = FineTuning.Of(wide, onDisk).Scales(9).Streamed().Build();
        var input = linspace(-1, 1, 1402, dtype: float32).reshape(2, 701);
        Assert.Equal(Small.Bits(plain.Predict(input)), Small.Bits(streamed.Predict(input)));
    }

    [Fact]
    public void A_head_for_other_classes_is_started_anew_with_the_same_bits()
    {
        var path = Written(target);
        var other = Network(classes: 7);
        using var data = Data(7);
        using var held = PretrainedWeights.FromFile(path);
        using var onDisk = PretrainedWeights.OnDisk(path);
        Assert.Equal(Trained(Way("scales", other, held), data), Trained(Way("scales", other, onDisk).Streamed(), data));
        Assert.Equal(Trained(Way("mapping", other, held), data), Trained(Way("mapping", other, onDisk).Streamed(), data));
    }

    [Fact]
    public void An_adapter_does_not_tell_the_two_apart_and_is_served_from_the_disk()
    {
        var path = Written(target);
        using var scope = NewDisposeScope();
        using var held = PretrainedWeights.FromFile(path);
        using var plain = Way("scales and a mapping", target, held).Build();
        FineTunedModel streamed;
        using (var onDisk = PretrainedWeights.OnDisk(path))
            streamed = Way("scales and a mapping", target, onDisk).Streamed().Build();
        using (streamed)
        {
            // The model needs the file, and no longer the object that opened it.
            foreach (var model in new[] { plain, streamed })
                using (no_grad())
                    foreach (var trained in model.TrainedTensors.Values)
                        trained.copy_(linspace(-1, 1, trained.numel(), dtype: float32).reshape(trained.shape));
            plain.SaveAdapter(folder.File("plain.safetensors"));
            streamed.SaveAdapter(folder.File("streamed.safetensors"));
        }

        Assert.Equal(File.ReadAllBytes(folder.File("plain.safetensors")), File.ReadAllBytes(folder.File("streamed.safetensors")));
        using var again = PretrainedWeights.OnDisk(path);
        using var loaded = FineTunedModel.LoadAdapter(folder.File("plain.safetensors"), target, again, streamed: true);
        Assert.True(loaded.IsStreamed);
        Assert.False(plain.IsStreamed);
        var input = linspace(-1, 1, 128, dtype: float32).reshape(2, 1, 8, 8);
        Assert.Equal(Small.Bits(plain.Predict(input)), Small.Bits(loaded.Predict(input)));
        Assert.Throws<CheckpointFormatException>(
            () => FineTunedModel.LoadAdapter(
                folder.File("plain.safetensors"), target, PretrainedWeights.OnDisk(Written(target, ScalarType.Float16)), streamed: true));
    }

    [Fact]
    public void A_pruned_model_trains_on_with_the_same_bits()
    {
        var path = Written(target);
        using var data = Data();
        using var held = PretrainedWeights.FromFile(path);
        int[] Pruned(FineTuning way)
        {
            using var scope = NewDisposeScope();
            using var model = way.Build();
            Pruning.ToShare(model, 0.4);
            new Trainer(model, new() { Epochs = 1, BatchSize = 10, Seed = 2 }).Fit(data);
            return Small.Bits(model.FlatWeights());
        }

        Assert.Equal(Pruned(Way("new head", target, held)), Pruned(Way("new head", target, held).Streamed()));
    }

    [Theory]
    [InlineData("groups", "changes weights by 'finetune', and only Scales, Mapping and WholeWeights")]
    [InlineData("low rank", "changes weights by 'lora', and only")]
    [InlineData("gates", "changes weights by 'gates', and only")]
    [InlineData("dense", "fixed weights that need all weights at once")]
    [InlineData("split", "SplitByGradient measures the gradients of all weights at once")]
    public void What_needs_all_weights_at_once_is_refused_by_name(string what, string reason)
    {
        using var scope = NewDisposeScope();
        using var onDisk = PretrainedWeights.OnDisk(Written(target));
        var start = FineTuning.Of(target, onDisk).Streamed();
        var way = what switch
        {
            "groups" => start.Groups(9),
            "low rank" => start.LowRank(1),
            "gates" => start.Gates(9),
            "dense" => start.Mapping(mapping => mapping.SingleLatent(9).WithFixedWeights(FixedWeightsKind.Dense)),
            _ => start.Scales(30).SplitByGradient([zeros(2, 1, 8, 8)], outputs => outputs.sum()),
        };
        Assert.Contains(reason, Assert.Throws<ArgumentException>("streamed", () => way.Build()).Message);
    }

    [Fact]
    public void Weights_that_stay_on_the_disk_are_not_read_into_memory_unasked()
    {
        using var onDisk = PretrainedWeights.OnDisk(Written(target));
        Assert.Contains("say Streamed()", Assert.Throws<ArgumentException>("pretrained", () => FineTuning.Of(target, onDisk).Scales(9).Build()).Message);
        Assert.Contains("say Streamed()", Assert.Throws<ArgumentException>("pretrained", () => new AdapterHost(target, onDisk)).Message);
    }

    [Theory]
    [InlineData("shape", "in ")]
    [InlineData("name", "There is no")]
    [InlineData("whole numbers", "weights are floats")]
    [InlineData("double", "it is stored as F64; it must be F32, F16 or BF16")]
    [InlineData("NaN", "not finite")]
    [InlineData("buffer", "There is no buffer")]
    public void A_file_that_does_not_fit_is_refused_by_the_tensors_name(string what, string message)
    {
        var name = what == "buffer" ? target.Buffers[0].Name : target.Parameters[2].Name;
        var path = Written(target, change: tensors =>
        {
            switch (what)
            {
                case "shape": tensors[name] = zeros(3); break;
                case "name" or "buffer": tensors.Remove(name); break;
                case "whole numbers": tensors[name] = zeros(tensors[name].shape, dtype: ScalarType.Int32); break;
                case "double": tensors[name] = tensors[name].to(ScalarType.Float64); break;
                default: tensors[name] = full_like(tensors[name], double.NaN); break;
            }
        });
        using var onDisk = PretrainedWeights.OnDisk(path);
        var refusal = Assert.Throws<ArgumentException>("pretrained", () => FineTuning.Of(target, onDisk).Scales(9).Streamed().Build()).Message;
        Assert.Contains(message, refusal);
        Assert.Contains($"{name}", refusal);
    }

    [Fact]
    public void A_pruned_file_is_refused_by_name_and_one_that_is_cut_or_damaged_when_it_is_opened()
    {
        using (var pruned = DirectModel.For(target, seed: 8))
        {
            Pruning.ToShare(pruned, 0.5);
            pruned.Export(folder.File("pruned.safetensors"), sparse: true);
        }

        using var model = DirectModel.For(target, seed: 8);
        using (var codes = PretrainedWeights.OnDisk(folder.File("pruned.safetensors")))
            Assert.Contains("without its pruned weights", Assert.Throws<ArgumentException>("pretrained", () => FineTuning.Of(target, codes).Scales(9).Streamed().Build()).Message);

        model.Export(folder.File("whole.safetensors"));
        var bytes = File.ReadAllBytes(folder.File("whole.safetensors"));
        File.WriteAllBytes(folder.File("cut.safetensors"), bytes[..^40]);
        bytes[^40] ^= 1;
        File.WriteAllBytes(folder.File("damaged.safetensors"), bytes);
        Assert.Contains("truncated", Assert.Throws<CheckpointFormatException>(() => PretrainedWeights.OnDisk(folder.File("cut.safetensors"))).Message);
        Assert.Contains("damaged", Assert.Throws<CheckpointFormatException>(() => PretrainedWeights.OnDisk(folder.File("damaged.safetensors"))).Message);
    }
}
