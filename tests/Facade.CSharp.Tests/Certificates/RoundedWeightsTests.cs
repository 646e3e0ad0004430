using MappingNets.Core;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests.Certificates;

/// <summary>Bounds count from the weights of exact arithmetic, and a model holds those that single precision made of them.</summary>
public sealed class RoundedWeightsTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_weight_around_1_is_rounded_relative_to_1(bool hasScales)
    {
        using var scope = NewDisposeScope();
        var target = TargetNetwork.Input(5, 400).LayerNorm().Flatten().Linear(3).Build();
        // Next to nothing is generated, so that the sum's rounding is nearly all there is.
        var mapping = MappingNetwork.For(target).SingleLatent(24).WithSeed(7).WithBias(MappingBias.Zero).StartingWithin(1e-5);
        using var model = (hasScales ? mapping.WithTrainableScales() : mapping).Build();
        using var noGradient = no_grad();
        var exact = model.WeightsFrom([.. model.Trainables.Select(tensor => tensor.to_type(ScalarType.Float64))], out _);

        var shifts = model.Shifts(out _)!;

        Assert.Contains(target.Parameters, parameter => parameter.Center == 1);
        foreach (var (here, there, shift) in model.CurrentWeights().Zip(exact, shifts))
            Assert.InRange((here.to_type(ScalarType.Float64) - there).norm().item<double>(), 0, shift.Rounding.Invoke(0));
    }

    [Fact]
    public void The_move_of_the_outputs_is_bounded_around_the_exact_weights()
    {
        using var scope = NewDisposeScope();
        using var model = MappingNetwork.For(Small.Classifier()).SingleLatent(24).WithSeed(7).StartingWithin(0.5).Build();
        var constants = new ModelConstants(model);
        var rounded = Math.Sqrt(constants.Shifts.Sum(shift => Math.Pow(shift.Rounding.Invoke(0), 2)));

        var bounds = model.Bounds(0.1, inputNorm: 2);

        var shifted = bounds.WeightShift.Value;
        double Lipschitz(double radius) => NetworkLipschitz.weightLipschitz(constants.Chain.Description, model.FlatWeights(), radius, 2).Value;
        // The ball of that radius around the exact weights lies in one that is so much larger around the rounded ones.
        Assert.InRange(bounds.OutputShift!.Value, shifted * Lipschitz(shifted + rounded) * (1 - 1e-15), shifted * Lipschitz(shifted + (2 * rounded)));
        Assert.True(Lipschitz(shifted) < Lipschitz(shifted + rounded));
    }

    [Fact]
    public void Adding_a_change_rounds_relative_to_all_of_the_sum()
    {
        using var scope = NewDisposeScope();
        var target = TargetNetwork.Input(301).Linear(401).Tanh().Linear(307).Tanh().Linear(211).Tanh().Linear(3).Build();
        using var trained = DirectModel.For(target, seed: 5);
        using var pretrained = PretrainedWeights.Of(trained);
        // No group has moved yet, so that the sum's rounding is all there is.
        using var model = FineTuning.Of(target, pretrained).Groups(40).Build();

        foreach (var (weights, shift) in model.CurrentWeights().Zip(model.Shifts(out _)!))
            Assert.True(shift.Rounding.Invoke(0) >= TensorShiftModule.unitRoundoff * weights.to_type(ScalarType.Float64).norm().item<double>());
    }
}
