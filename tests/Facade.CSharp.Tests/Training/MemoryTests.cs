using System.Diagnostics;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

/// <summary>Counts what the whole process holds: runs while nothing else does.</summary>
[CollectionDefinition(nameof(MemoryTests), DisableParallelization = true)]
[Collection(nameof(MemoryTests))]
public sealed class MemoryTests
{
    [Theory]
    [InlineData("mapped")]
    [InlineData("direct")]
    [InlineData("generated")]
    public void Memory_is_flat_over_a_thousand_steps(string method)
    {
        var target = Target();
        const int WarmUp = 300, Interval = 400, Steps = 3 * Interval, Batch = 8;
        using var data = Small.Classes(Batch * (WarmUp + Steps + 1));
        using var model = Build(method, target);
        var loss = method == "mapped" ? LossOptions.Complete : LossOptions.TaskOnly;
        var options = new TrainingOptions { Epochs = 1, BatchSize = Batch, Loss = loss };
        List<(long Tensors, long Bytes)> held = [];
        var listener = new Listener(progress =>
        {
            if (progress.Step is >= WarmUp and <= WarmUp + Steps && (progress.Step - WarmUp) % Interval == 0)
                held.Add(Held());
        });

        new Trainer(model, options).Fit(data, progress: listener);

        Assert.Equal(4, held.Count);
        AssertFlat(held, 6 << 20);
    }

    [Theory]
    [InlineData("mapped")]
    [InlineData("direct")]
    [InlineData("generated")]
    public void Memory_is_flat_over_steps_of_ones_own_loop(string method)
    {
        // A hundred batches of 32.
        using var data = Small.Classes(3200);
        using var model = Build(method, Target());
        OwnLoop.Train(model, data, epochs: 3, rate: 1e-3, classWeights: [1, 2, 0.5f]);
        List<(long Tensors, long Bytes)> held = [Held()];
        foreach (var _ in new[] { 500, 1000, 1500 })
        {
            OwnLoop.Train(model, data, epochs: 5, rate: 1e-3, classWeights: [1, 2, 0.5f]);
            // Without a collection: what is counted here was forgotten, not disposed.
            Assert.InRange(Tensor.TotalCount - held[0].Tensors, long.MinValue, 0);
            held.Add(Held());
        }

        AssertFlat(held, 8 << 20);
    }

    private static void AssertFlat(IReadOnlyList<(long Tensors, long Bytes)> held, long mostBytes)
    {
        // What was forgotten before may be freed late; what is forgotten meanwhile is more.
        Assert.All(held, now => Assert.InRange(now.Tensors, 0, held[0].Tensors));
        // What is forgotten grows each time; the runtime's own memory may once, when it has given some back before.
        Assert.InRange(held.Skip(1).Zip(held, (now, before) => now.Bytes - before.Bytes).Min(), long.MinValue, mostBytes);
    }

    /// <summary>6,403 weights: one vector of them forgotten at each step would be 13 MB in 500, 10 MB in 400.</summary>
    private static TargetNetwork Target() => TargetNetwork.Input(4).Linear(800).Tanh().Linear(3).Build();

    private static Model Build(string method, TargetNetwork target) => method switch
    {
        "mapped" => MappingNetwork.For(target).LayerWise(24).WithTrainableScales().WithAdditiveModulation(0.01).Build(),
        "direct" => DirectModel.For(target),
        _ => GeneratedModelTests.Subspace(24, target),
    };

    private static (long Tensors, long Bytes) Held()
    {
        // Garbage that waits for its finaliser is not held.
        GC.Collect();
        GC.WaitForPendingFinalizers();
        using var process = Process.GetCurrentProcess();
        return (Tensor.TotalCount, process.WorkingSet64);
    }

    [Fact]
    public void A_run_and_a_model_leave_no_tensor_behind()
    {
        void Everything()
        {
            using var folder = new TemporaryFolder();
            using var data = Small.Classes(40);
            using var model = Small.Lwt();
            var options = new TrainingOptions
            {
                Epochs = 2,
                BatchSize = 8,
                ValidationFraction = 0.5,
                RestoreBest = true,
                EarlyStoppingPatience = 1,
                Loss = LossOptions.Complete,
            };
            new Trainer(model, options).Fit(data);
            model.FlatWeights().Dispose();
            model.Predict(data.Inputs).Dispose();
            model.Materialize().Dispose();
            model.SaveAdapter(folder.File("adapter"));
            model.Export(folder.File("weights"));
            MappedModel.LoadAdapter(folder.File("adapter"), Small.Classifier()).Dispose();
            using var numbers = Small.Numbers(40);
            using var direct = DirectModel.For(Small.Regressor());
            var taskAlone = options with { Loss = LossOptions.TaskOnly };
            new Trainer(direct, taskAlone).Fit(numbers);
            Assert.Throws<TrainingDivergedException>(() => new Trainer(direct, taskAlone with { LearningRate = 1e30 }).Fit(numbers));
        }

        Everything();
        GC.Collect();
        GC.WaitForPendingFinalizers();
        var before = Tensor.TotalCount;
        const int Rounds = 3;
        for (var round = 0; round < Rounds; round++)
            Everything();

        // Without a collection in between: what is counted here was forgotten, not disposed. TorchSharp counts a tensor that
        // became a parameter twice and disposes it once; a round makes 11 parameters.
        Assert.InRange(Tensor.TotalCount - before, long.MinValue, 11 * Rounds);
    }
}
