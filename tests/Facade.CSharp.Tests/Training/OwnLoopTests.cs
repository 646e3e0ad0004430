using TorchSharp;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

/// <summary>A training loop of the user's own, with nothing but TorchSharp's tools.</summary>
public sealed class OwnLoopTests
{
    public static TheoryData<string> Kinds => [.. ModelKinds.All];

    [Theory]
    [MemberData(nameof(Kinds))]
    public void A_loop_with_AdamW_OneCycle_clipping_and_class_weights_trains_every_kind_of_model(string kind)
    {
        using var train = Small.Classes();
        using var model = ModelKinds.Build(kind);
        double Loss()
        {
            using var scope = NewDisposeScope();
            return nn.functional.cross_entropy(model.Predict(train.Inputs), train.Labels).ToDouble();
        }

        var before = Loss();

        OwnLoop.Train(model, train, epochs: 12, rate: 0.05, classWeights: [1, 2, 0.5f]);

        // The weighted classes and few trained parameters keep some models from going far.
        Assert.InRange(Loss(), 0, 0.98 * before);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void With_the_trainers_settings_it_gives_the_trainers_bits(string kind)
    {
        const int Epochs = 3, Size = 24;
        using var train = Small.Classes();
        using var fitted = ModelKinds.Build(kind);
        var options = new TrainingOptions { Epochs = Epochs, BatchSize = Size, Seed = 5, LearningRate = 0.03 };
        new Trainer(fitted, options).Fit(train);

        using var model = ModelKinds.Build(kind);
        using var optimizer = optim.Adam(model.parameters());
        var steps = Epochs * ((train.Count + Size - 1) / Size);
        var step = 0;
        for (var epoch = 1; epoch <= Epochs; epoch++)
            foreach (var batch in train.Batches(Size, seed: 5, epoch))
                using (batch)
                using (NewDisposeScope())
                {
                    foreach (var group in optimizer.ParamGroups)
                        group.LearningRate = 0.03 * 0.5 * (1 + Math.Cos(Math.PI * step++ / steps));
                    optimizer.zero_grad();
                    nn.functional.cross_entropy(model.call(batch.Inputs), batch.Targets).backward();
                    optimizer.step();
                }

        Assert.Equal(steps, step);
        Assert.Equal(FineTuned.Bits(fitted.FlatWeights), FineTuned.Bits(model.FlatWeights));
        Assert.NotEqual(Small.State(ModelKinds.Build(kind)), Small.State(model));
    }

    [Fact]
    public void With_the_terms_of_the_mapping_loss_too()
    {
        const int Epochs = 3, Size = 24;
        using var train = Small.Classes();
        using var fitted = ModelKinds.Build("lwt, modulated");
        var loss = LossOptions.TaskOnly
            .WithStability(LossCoefficient.Fixed(0.05)).WithSmoothness(LossCoefficient.Fixed(0.001)).WithAlignment(LossCoefficient.Fixed(0.1));
        new Trainer(fitted, new() { Epochs = Epochs, BatchSize = Size, Seed = 5, LearningRate = 0.03, Schedule = LearningRateSchedule.Constant, Loss = loss })
            .Fit(train);

        using var model = ModelKinds.Build("lwt, modulated");
        using var optimizer = optim.Adam(model.parameters(), lr: 0.03);
        var step = 0L;
        for (var epoch = 1; epoch <= Epochs; epoch++)
            foreach (var batch in train.Batches(Size, seed: 5, epoch))
                using (batch)
                using (NewDisposeScope())
                {
                    optimizer.zero_grad();
                    var terms = model.Terms(batch.Inputs);
                    var total = nn.functional.cross_entropy(terms.Outputs, batch.Targets)
                        + (terms.Stability(step++, seed: 5) * 0.05) + (terms.Smoothness() * 0.001) + (terms.Alignment() * 0.1);
                    total.backward();
                    optimizer.step();
                }

        Assert.Equal(FineTuned.Bits(fitted.FlatWeights), FineTuned.Bits(model.FlatWeights));
    }
}
