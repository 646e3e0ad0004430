using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

public sealed class TrainerTests
{
    private static Model Make(string method, TargetNetwork target) => method switch
    {
        "slvt" => MappingNetwork.For(target).SingleLatent(24).WithSeed(7).Build(),
        "lwt" => MappingNetwork.For(target).LayerWise(24).WithSeed(7).Build(),
        "direct" => DirectModel.For(target, seed: 7),
        _ => throw new InvalidOperationException(method),
    };

    [Theory]
    [InlineData("slvt")]
    [InlineData("lwt")]
    [InlineData("direct")]
    public void It_learns_to_tell_classes_apart(string method)
    {
        using var data = Small.Classes();
        using var unseen = Small.Classes(seed: 2);
        using var model = Make(method, Small.Classifier());
        var rate = method == "direct" ? 0.02 : 0.05;

        var report = new Trainer(model, new() { Epochs = 25, BatchSize = 24, LearningRate = rate }).Fit(data);

        // One in three is right by chance.
        Assert.InRange(report.History[^1].TrainingAccuracy!.Value, 0.85, 1);
        Assert.InRange(Evaluation.Of(model, unseen).Accuracy!.Value, 0.8, 1);
        Assert.True(report.History[^1].TrainingLoss < 0.6 * report.History[0].TrainingLoss);
        Assert.Equal((25, 25, 100L, false), (report.History.Count, report.BestEpoch, report.Steps, report.StoppedEarly));
        Assert.True(report.MedianStepMilliseconds > 0 && report.PeakMemoryBytes > 0);
    }

    [Theory]
    [InlineData("slvt")]
    [InlineData("lwt")]
    [InlineData("direct")]
    public void It_learns_to_regress(string method)
    {
        using var data = Small.Numbers();
        using var model = Make(method, Small.Regressor());
        using var variance = data.Targets.var(unbiased: false);
        var rate = method == "direct" ? 0.02 : 0.05;

        var report = new Trainer(model, new() { Epochs = 25, BatchSize = 24, LearningRate = rate }).Fit(data, validation: data);

        Assert.InRange(report.History[^1].ValidationLoss!.Value, 0, 0.15 * variance.item<float>());
        Assert.Null(report.History[^1].TrainingAccuracy);
        Assert.Null(report.History[^1].ValidationAccuracy);
        Assert.Equal(report.History.MinBy(epoch => epoch.ValidationLoss)!.Epoch, report.BestEpoch);
        Assert.Equal(report.History[^1].ValidationLoss, Evaluation.Of(model, data).Loss);
    }

    [Fact]
    public void An_evaluation_is_the_mean_over_the_samples_whatever_the_batch()
    {
        using var scope = NewDisposeScope();
        using var data = Small.Classes(50);
        using var model = Small.Slvt();
        var outputs = model.Predict(data.Inputs);
        var rows = outputs.log_softmax(1).gather(1, data.Labels.unsqueeze(1));

        var evaluation = Evaluation.Of(model, data, batchSize: 7);

        Assert.Equal(-rows.mean().item<float>(), evaluation.Loss, 5);
        Assert.Equal(outputs.argmax(1).eq(data.Labels).sum().ToInt64() / 50.0, evaluation.Accuracy);
        Assert.Equal(50, evaluation.Count);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Nothing_but_the_latent_its_scales_and_the_loss_coefficients_is_ever_optimised(bool layerWise)
    {
        using var data = Small.Classes();
        var description = MappingNetwork.For(Small.Classifier()).SingleLatent(24).WithTrainableScales();
        using var model = (layerWise ? description.LayerWise(24) : description).Build();
        using var loss = new StepLoss(model, new() { Loss = LossOptions.Complete });

        var optimised = TrainingRun.OptimisedParameters(model, loss);

        Assert.Equal([24L, 4L, 3L], optimised.Select(parameter => parameter.numel()));
        Assert.Same(model.Latent, optimised[0]);
        Assert.Same(model.TrainableScales, optimised[1]);
        Assert.Same(loss.Raw, optimised[2]);
        Assert.Equal(model.TrainableCount + 3, optimised.Sum(parameter => parameter.numel()));
        Assert.DoesNotContain(optimised, parameter => parameter.numel() == model.Target.ParameterCount);
    }

    [Fact]
    public void Training_moves_the_latent_and_no_constant_of_the_mapping()
    {
        using var scope = NewDisposeScope();
        using var data = Small.Classes();
        using var model = Small.Slvt();
        var elsewhere = linspace(-1, 1, 24);
        var before = Small.Bits(model.Mapping.Generate(elsewhere));
        var start = Small.Values(model.Latent);

        new Trainer(model, new() { Epochs = 2, Loss = LossOptions.Complete }).Fit(data);

        Assert.Equal(before, Small.Bits(model.Mapping.Generate(elsewhere)));
        Assert.NotEqual(start, Small.Values(model.Latent));
    }

    [Fact]
    public void A_direct_models_optimiser_has_all_weights_and_no_coefficient()
    {
        using var model = DirectModel.For(Small.Classifier());
        using var loss = new StepLoss(model, new());

        Assert.Equal(115, TrainingRun.OptimisedParameters(model, loss).Sum(parameter => parameter.numel()));
        Assert.Null(loss.Raw);
    }

    [Theory]
    [InlineData("slvt")]
    [InlineData("lwt")]
    public void All_four_terms_together_train_and_none_collapses(string method)
    {
        using var data = Small.Classes();
        using var model = (MappedModel)Make(method, Small.Classifier());

        var report = new Trainer(model, new() { Epochs = 30, BatchSize = 24, Loss = LossOptions.Complete }).Fit(data);

        Assert.InRange(report.History[^1].TrainingAccuracy!.Value, 0.85, 1);
        string[] names = ["stability", "smoothness", "alignment"];
        foreach (var epoch in report.History)
        {
            Assert.Equal(names, epoch.Terms.Keys);
            Assert.Equal(names, epoch.Coefficients.Keys);
            Assert.All(epoch.Terms.Values, term => Assert.True(term > 0 && double.IsFinite(term)));
        }

        // 30 epochs are 90 steps; the terms differ by five decades in size, what they contribute by less than one.
        var last = report.History[^1];
        var contributions = names.Select(name => last.Coefficients[name] * last.Terms[name]).ToArray();
        Assert.All(contributions, contribution => Assert.InRange(contribution, 0.01 / 3, 0.01 * 3));
        Assert.Equal(report.History[^1].Coefficients, model.Coefficients);
    }

    [Theory]
    [InlineData("slvt")]
    [InlineData("lwt")]
    public void Bounded_coefficients_move_and_stay_within_a_decade_of_their_starts(string method)
    {
        using var data = Small.Classes();
        using var model = (MappedModel)Make(method, Small.Classifier());
        string[] names = ["stability", "smoothness", "alignment"];
        double[] starts = [0.05, 5e-6, 0.01];
        var loss = LossOptions.TaskOnly.WithStability(LossCoefficient.Bounded(starts[0]))
            .WithSmoothness(LossCoefficient.Bounded(starts[1])).WithAlignment(LossCoefficient.Bounded(starts[2]));

        var report = new Trainer(model, new() { Epochs = 30, BatchSize = 24, Loss = loss }).Fit(data);

        foreach (var epoch in report.History)
            foreach (var (name, start) in names.Zip(starts))
                Assert.InRange(epoch.Coefficients[name], 0.0999 * start, 10.001 * start);
        Assert.Contains(names.Zip(starts), pair => report.History[^1].Coefficients[pair.First] != pair.Second);
    }

    [Fact]
    public void A_single_term_with_a_fixed_coefficient_counts_as_it_says()
    {
        using var data = Small.Classes(24);
        using var model = Small.Slvt();
        var options = new TrainingOptions
        {
            Epochs = 1,
            BatchSize = 24,
            Loss = LossOptions.TaskOnly.WithSmoothness(LossCoefficient.Fixed(0.25)),
        };
        var heard = new Listener();

        var epoch = new Trainer(model, options with { BatchSize = 12 }).Fit(data, progress: heard).History[0];

        Assert.Equal(["smoothness"], epoch.Terms.Keys);
        Assert.Equal(0.25, epoch.Coefficients["smoothness"]);
        // Identity and no modulation: the term is the constant sum of squared scales, and the two steps' mean differs by 1/4 of it.
        var smoothness = model.Target.Parameters.Sum(parameter => parameter.Count / (double)parameter.FanIn);
        Assert.Equal(smoothness, epoch.Terms["smoothness"], 3);
        Assert.InRange(heard.Heard[0].Loss, 0.25 * smoothness, 0.25 * smoothness + 5);
    }

    [Fact]
    public void Label_smoothing_changes_the_loss_as_its_formula_says()
    {
        using var scope = NewDisposeScope();
        using var data = Small.Classes(24);
        using var model = Small.Slvt();
        var logits = model.Predict(data.Inputs).log_softmax(1);
        var own = logits.gather(1, data.Labels.unsqueeze(1)).mean().item<float>();
        var all = logits.mean().item<float>();

        var report = new Trainer(model, new() { Epochs = 1, BatchSize = 24, LabelSmoothing = 0.3 }).Fit(data);

        Assert.Equal(-(0.7 * own + 0.3 * all), report.History[0].TrainingLoss, 5);
    }

    [Fact]
    public void The_held_out_share_is_left_out_of_training_and_measured()
    {
        using var data = Small.Classes(100);
        using var model = Small.Slvt();
        var heard = new Listener();

        var report = new Trainer(model, new() { Epochs = 3, BatchSize = 1, ValidationFraction = 0.3, Seed = 4 }).Fit(data, progress: heard);

        var (kept, heldOut) = data.SplitHoldOut(0.3, 4);
        using (kept)
        using (heldOut)
        {
            Assert.All(heard.Heard, progress => Assert.Equal(70, progress.StepsPerEpoch));
            Assert.Equal(Evaluation.Of(model, heldOut).Loss, report.History[^1].ValidationLoss);
            Assert.Equal(Evaluation.Of(model, heldOut).Accuracy, report.History[^1].ValidationAccuracy);
        }
    }

    [Fact]
    public void A_given_validation_set_takes_the_place_of_a_held_out_share()
    {
        using var data = Small.Classes(20);
        using var validation = Small.Classes(30, seed: 5);
        using var model = Small.Slvt();

        var report = new Trainer(model, new() { Epochs = 1, BatchSize = 10, ValidationFraction = 0.5 }).Fit(data, validation);

        Assert.Equal(2, report.Steps);
        Assert.Equal(Evaluation.Of(model, validation).Loss, report.History[0].ValidationLoss);
    }

    [Fact]
    public void The_same_seed_gives_the_same_bits_and_another_seed_another_order()
    {
        float[] Run(ulong seed)
        {
            using var data = Small.Classes();
            using var model = Small.Slvt();
            new Trainer(model, new() { Epochs = 2, BatchSize = 16, Seed = seed, Loss = LossOptions.Complete }).Fit(data);
            return Small.State(model);
        }

        Assert.Equal(Run(1), Run(1));
        Assert.NotEqual(Run(1), Run(2));
    }

    [Fact]
    public void It_trains_though_the_caller_has_turned_gradients_off()
    {
        using var noGradient = no_grad();
        using var data = Small.Classes(24);
        using var model = Small.Slvt();
        var before = Small.State(model);

        new Trainer(model, new() { Epochs = 1 }).Fit(data);

        Assert.NotEqual(before, Small.State(model));
        Assert.False(is_grad_enabled());
    }
}
