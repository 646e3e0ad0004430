using TorchSharp;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

/// <summary>Infinities, of which masks consist: read as from safetensors, and refused where a network starts with finite numbers.</summary>
public sealed partial class StateDictTests
{
    private sealed class Masked : nn.Module<Tensor, Tensor>
    {
        private readonly Linear fc;

        public Masked()
            : base("masked")
        {
            fc = nn.Linear(2, 2);
            RegisterComponents();
            register_buffer("mask", tensor([0f, float.NegativeInfinity]));
        }

        public override Tensor forward(Tensor input) => nn.functional.softmax(fc.call(input) + get_buffer("mask")!, 1);
    }

    private static string Written(TemporaryFolder folder, params float[] storage) => Archive(
        folder,
        new PickleText().Dictionary(
            ("fc.weight", text => text.View("FloatStorage", "0", 8, 0, [2, 2], [2, 1])),
            ("fc.bias", text => text.View("FloatStorage", "0", 8, 4, [2], [1])),
            ("mask", text => text.View("FloatStorage", "0", 8, 6, [2], [1]))),
        storage);

    [Fact]
    public void AMaskOfInfinitiesIsReadAndTakenByANetworkThatStartsWithIt()
    {
        using var folder = new TemporaryFolder();
        using var scope = NewDisposeScope();
        using var weights = PretrainedWeights.FromPyTorch(Written(folder, 1, 2, 3, 4, 5, 6, 0, float.NegativeInfinity));
        Assert.Equal([0, float.NegativeInfinity], Small.Values(weights.Find("mask")!));
        using var module = new Masked();
        using var target = TargetNetwork.From(module, zeros(1, 2));
        using var model = FineTuning.Of(target, weights).Groups(2).Build();
        Assert.Equal([1, 0, 1, 0], Small.Values(model.Predict(randn(2, 2))));
    }

    [Fact]
    public void AWeightOfInfinityIsReadAndRefusedByTheNetwork()
    {
        using var folder = new TemporaryFolder();
        using var scope = NewDisposeScope();
        using var weights = PretrainedWeights.FromPyTorch(Written(folder, 1, 2, float.PositiveInfinity, 4, 5, 6, 0, float.NegativeInfinity));
        using var module = new Masked();
        using var target = TargetNetwork.From(module, zeros(1, 2));
        var refusal = Assert.Throws<ArgumentException>("pretrained", () => FineTuning.Of(target, weights).Groups(2).Build());
        Assert.Contains("'fc.weight' holds a number that is not finite", refusal.Message);
    }

    [Fact]
    public void ANaNBesideInfinitiesIsRefused()
    {
        using var folder = new TemporaryFolder();
        var path = Written(folder, 1, 2, 3, 4, 5, 6, float.NaN, float.NegativeInfinity);
        Assert.Contains("'mask'", Refusal(() => PretrainedWeights.FromPyTorch(path)));
    }
}
