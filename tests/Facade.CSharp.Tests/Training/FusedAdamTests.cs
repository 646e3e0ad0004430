using System.Runtime.Intrinsics.X86;
using TorchSharp;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

/// <summary>Our Adam and AdamW against TorchSharp's: the same bits, whatever the sizes and settings.</summary>
public sealed class FusedAdamTests
{
    private const double Rate = 0.03;

    private static optim.Optimizer Make(bool isDecoupled, bool isFused, Parameter[] parameters, double decay, (double, double) betas) =>
        (isDecoupled, isFused) switch
        {
            (false, false) => optim.Adam(parameters, Rate, betas.Item1, betas.Item2, weight_decay: decay),
            (true, false) => optim.AdamW(parameters, Rate, betas.Item1, betas.Item2, weight_decay: decay),
            (false, true) => new FusedAdam([new(parameters, Rate, betas.Item1, betas.Item2, weight_decay: decay)], Rate),
            (true, true) => new FusedAdamW([new(parameters, Rate, betas.Item1, betas.Item2, weight_decay: decay)], Rate),
        };

    [Theory]
    [InlineData(false, 0, 0.9, 0.999)]
    [InlineData(false, 0.01, 0.9, 0.999)]
    [InlineData(false, 0.3, 0.85, 0.99)]
    [InlineData(true, 0, 0.9, 0.999)]
    [InlineData(true, 0.01, 0.9, 0.999)]
    [InlineData(true, 0.7, 0, 0.5)]
    public void Each_step_has_the_bits_of_TorchSharps_own(bool isDecoupled, double decay, double first, double second)
    {
        // Lengths below, at and above whole vectors of any processor; one that is left to libtorch.
        long[][] shapes = [[1], [3], [7], [8], [9], [16], [31], [33], [5, 13], [2, 3, 4], [64], [1_000], [2_048], [4_099]];
        using var scope = NewDisposeScope();
        using var generator = new Generator(5);
        Parameter[] Copies(IEnumerable<Tensor> starts) => [.. starts.Select(start => new Parameter(start.clone()))];
        var starts = shapes.Select(shape => randn(shape, generator: generator).mul(3)).ToArray();
        var (theirs, ours) = (Copies(starts), Copies(starts));
        using var reference = Make(isDecoupled, false, theirs, decay, (first, second));
        using var fused = Make(isDecoupled, true, ours, decay, (first, second));

        for (var step = 0; step < 60; step++)
        {
            using var inner = NewDisposeScope();
            for (var index = 0; index < shapes.Length; index++)
            {
                // From subnormal numbers to large ones, some exactly 0, none at some steps.
                var gradient = randn(shapes[index], generator: generator).mul(randn(shapes[index], generator: generator).mul(6).exp());
                gradient = step % 11 == 3 ? gradient.mul(1e-42f) : step % 11 == 5 ? gradient.relu() : gradient;
                (theirs[index].grad, ours[index].grad) = step == 7 && index == 4 ? (null, null) : (gradient, gradient.clone());
            }

            foreach (var (one, other) in reference.ParamGroups.Zip(fused.ParamGroups))
                one.LearningRate = other.LearningRate = Rate * (1 - (step / 80.0));
            reference.step();
            fused.step();

            foreach (var (one, other) in theirs.Zip(ours))
                Assert.Equal(Small.Bits(one), Small.Bits(other));
        }

        // On processors with fused multiplication the fast pass is the one that was compared.
        Assert.True(AdamKernel.IsExact || !Fma.IsSupported);
        Assert.All(ours, parameter => Assert.Equal(AdamKernel.IsExact, AdamKernel.Takes(parameter)));
    }

    [Fact]
    public void Gradients_that_do_not_lie_in_one_piece_and_long_tensors_are_taken_too()
    {
        using var scope = NewDisposeScope();
        var (theirs, ours) = (new Parameter(ones(6, 4)), new Parameter(ones(6, 4)));
        var (longTheirs, longOurs) = (new Parameter(ones(AdamKernel.Longest + 1)), new Parameter(ones(AdamKernel.Longest + 1)));
        using var reference = Make(false, false, [theirs], 0, (0.9, 0.999));
        using var fused = Make(false, true, [ours], 0, (0.9, 0.999));
        using var longReference = Make(true, false, [longTheirs], 0.1, (0.9, 0.999));
        using var longFused = Make(true, true, [longOurs], 0.1, (0.9, 0.999));

        for (var step = 1; step <= 5; step++)
        {
            theirs.grad = arange(24, dtype: float32).reshape(4, 6).t().mul(step).sin();
            ours.grad = theirs.grad.contiguous().t().contiguous().t();
            longTheirs.grad = arange(AdamKernel.Longest + 1, dtype: float32).mul(step).cos();
            longOurs.grad = longTheirs.grad.clone();
            foreach (var optimizer in new[] { reference, fused, longReference, longFused })
                optimizer.step();
        }

        Assert.False(AdamKernel.Takes(longOurs));
        Assert.Equal(Small.Bits(theirs), Small.Bits(ours));
        Assert.Equal(Small.Bits(longTheirs), Small.Bits(longOurs));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void The_trainer_gives_the_bits_of_the_same_run_with_TorchSharps_optimiser(bool isDecoupled)
    {
        float[] Run(TrainingOptions options)
        {
            using var data = Small.Classes(40);
            using var model = MappingNetwork.For(Small.Classifier()).LayerWise(24).WithTrainableScales().WithSeed(7).Build();
            new Trainer(model, options with { Epochs = 3, BatchSize = 16 }).Fit(data);
            return Small.State(model);
        }

        var own = TrainingOptimizer.Of("torch", parameters => isDecoupled
            ? optim.AdamW(parameters, 0.05, weight_decay: 0.01)
            : optim.Adam(parameters, 0.05));

        Assert.Equal(
            Run(new() { Optimizer = own }),
            Run(new() { Optimizer = isDecoupled ? TrainingOptimizer.AdamW : TrainingOptimizer.Adam }));
    }
}
