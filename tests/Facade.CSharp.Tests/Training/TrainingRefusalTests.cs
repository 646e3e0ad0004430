using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

/// <summary>What is refused before the first step, and what stops a run.</summary>
public sealed class TrainingRefusalTests
{
    public static TheoryData<TrainingOptions, string> BadOptions => new()
    {
        { new() { Epochs = 0 }, "Epochs" },
        { new() { Epochs = -1 }, "Epochs" },
        { new() { BatchSize = 0 }, "BatchSize" },
        { new() { LearningRate = double.NaN }, "LearningRate" },
        { new() { LearningRate = 0 }, "LearningRate" },
        { new() { LearningRate = -0.1 }, "LearningRate" },
        { new() { LearningRate = double.PositiveInfinity }, "LearningRate" },
        { new() { LearningRate = 1e38 }, "LearningRate" },
        { new() { ValidationFraction = -0.1 }, "ValidationFraction" },
        { new() { ValidationFraction = 1 }, "ValidationFraction" },
        { new() { ValidationFraction = double.NaN }, "ValidationFraction" },
        { new() { EarlyStoppingPatience = 0 }, "EarlyStoppingPatience" },
        { new() { LabelSmoothing = 1 }, "LabelSmoothing" },
        { new() { LabelSmoothing = -0.1 }, "LabelSmoothing" },
        { new() { LabelSmoothing = double.NaN }, "LabelSmoothing" },
        { new() { WeightDecay = -0.1 }, "WeightDecay" },
        { new() { WeightDecay = double.NaN }, "WeightDecay" },
        { new() { ClipGradientNorm = 0 }, "ClipGradientNorm" },
        { new() { ClipGradientValue = double.PositiveInfinity }, "ClipGradientValue" },
        { new() { GradientAccumulation = 0 }, "GradientAccumulation" },
        { new() { AverageDecay = 1 }, "AverageDecay" },
        { new() { AverageLastEpochs = 0 }, "AverageLastEpochs" },
        { new() { Epochs = 2, AverageLastEpochs = 3 }, "AverageLastEpochs" },
    };

    [Theory]
    [MemberData(nameof(BadOptions))]
    public void A_bad_option_is_refused_by_name_before_there_is_data(TrainingOptions options, string name)
    {
        using var model = Small.Slvt();

        Assert.Throws<ArgumentOutOfRangeException>(name, () => new Trainer(model, options));
    }

    [Fact]
    public void A_metric_that_selects_under_the_name_of_another_is_refused()
    {
        using var model = Small.Slvt();
        Metric Own(bool isBetter) => new("F1", (outputs, _) => outputs.sum().unsqueeze(0), sums => sums[0], isBetter);
        var own = Own(true);

        foreach (var (listed, selects) in new[] { (Metric.F1(), own), (own, Metric.F1()), (own, Own(false)) })
            Assert.Contains("is another metric", Assert.Throws<ArgumentException>(
                "SelectBy", () => new Trainer(model, new() { Metrics = [listed], SelectBy = selects })).Message);
        _ = new Trainer(model, new() { Metrics = [Metric.F1()], SelectBy = Metric.F1() });
        _ = new Trainer(model, new() { Metrics = [own], SelectBy = own });
    }

    [Fact]
    public void Nulls_are_refused_by_name()
    {
        using var model = Small.Slvt();
        using var data = Small.Classes(4);

        Assert.Throws<ArgumentNullException>("model", () => new Trainer(null!));
        Assert.Throws<ArgumentNullException>("Loss", () => new Trainer(model, new() { Loss = null! }));
        Assert.Throws<ArgumentNullException>("Optimizer", () => new Trainer(model, new() { Optimizer = null! }));
        Assert.Throws<ArgumentNullException>("Schedule", () => new Trainer(model, new() { Schedule = null! }));
        Assert.Throws<ArgumentNullException>("Metrics", () => new Trainer(model, new() { Metrics = null! }));
        Assert.Throws<ArgumentNullException>("data", () => new Trainer(model).Fit(null!));
        Assert.Throws<ArgumentNullException>("model", () => Evaluation.Of(null!, data));
        Assert.Throws<ArgumentNullException>("data", () => Evaluation.Of(model, null!));
        Assert.Throws<ArgumentNullException>("target", () => DirectModel.For(null!));
        Assert.Throws<ArgumentOutOfRangeException>("batchSize", () => Evaluation.Of(model, data, 0));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(double.NaN)]
    [InlineData(double.PositiveInfinity)]
    public void A_coefficient_is_positive_and_finite_or_off(double value)
    {
        Assert.Throws<ArgumentOutOfRangeException>("value", () => LossCoefficient.Fixed(value));
        Assert.Throws<ArgumentOutOfRangeException>("start", () => LossCoefficient.Plain(value));
        Assert.Throws<ArgumentOutOfRangeException>("start", () => LossCoefficient.Bounded(value));
        Assert.Throws<ArgumentOutOfRangeException>("start", () => LossCoefficient.Balanced(value, 0.1));
        Assert.Throws<ArgumentOutOfRangeException>("share", () => LossCoefficient.Balanced(0.1, value));
        Assert.Throws<ArgumentOutOfRangeException>("deviation", () => LossOptions.TaskOnly.WithNoise(value));
    }

    [Fact]
    public void A_coefficient_is_off_unless_given_and_losses_are_values()
    {
        Assert.True(default(LossCoefficient).IsOff);
        Assert.Equal(LossCoefficient.Off, LossOptions.TaskOnly.WithNoise(0.5).Alignment);
        var terms = LossOptions.TaskOnly.WithAlignment(LossCoefficient.Balanced(0.5, 0.25)).WithNoise(2);
        Assert.Equal(LossOptions.TaskOnly.WithNoise(2).WithAlignment(LossCoefficient.Balanced(0.5, 0.25)), terms);
        Assert.NotEqual(terms.WithAlignment(LossCoefficient.Balanced(0.5, 0.5)), terms);
        Assert.NotEqual(terms.WithAlignment(LossCoefficient.Bounded(0.5)), terms);
        Assert.NotEqual(terms.WithNoise(3), terms);
        Assert.False(terms.IsTaskOnly);
        Assert.Equal("stability off, smoothness off, alignment balanced from 0.5 at 0.25, noise 2", terms.ToString());
    }

    private static Tensor Floats(params long[] shape) => zeros(shape);

    private static Tensor Labels(params long[] labels) => tensor(labels);

    public static TheoryData<string, Func<Dataset>, string> BadData => new()
    {
        { "samples", () => Dataset.FromTensors(Floats(2, 5), Labels(0, 1), ["a", "b"]), "(5); 'small-classifier' takes (4)" },
        { "batch", () => Dataset.FromTensors(Floats(2, 1, 4), Labels(0, 1), ["a", "b"]), "(1, 4); 'small-classifier' takes (4)" },
        {
            "outputs", () => Dataset.FromTensors(Floats(2, 4), Labels(0, 1), ["a", "b", "c", "d"]),
            "4 classes; 'small-classifier' puts out (3)"
        },
        { "labels", () => Dataset.FromTensors(Floats(2, 4), Labels(0, 1).unsqueeze(1), ["a", "b"]), "shape (1); 'small-classifier' needs one label, so labels of (N); where they are (N, 1), labels.squeeze(1)" },
        { "doubles", () => Dataset.FromTensors(Floats(2, 4).to(ScalarType.Float64), Labels(0, 1), ["a", "b"]), "Float64; they must be Float32" },
        { "numbers", () => Dataset.FromTensors(Floats(2, 4), Floats(2, 2)), "(2); 'small-classifier' puts out (3)" },
        {
            "double numbers", () => Dataset.FromTensors(Floats(2, 4), Floats(2, 3).to(ScalarType.Float64)),
            "targets are Float64; they must be Float32"
        },
    };

    [Theory]
    [MemberData(nameof(BadData))]
    public void Data_that_does_not_fit_the_target_is_refused_before_the_first_step(string what, Func<Dataset> make, string message)
    {
        using var scope = NewDisposeScope();
        using var data = make();
        using var good = Small.Classes(4);
        using var model = Small.Slvt();
        var heard = new Listener();

        Assert.Contains(message, Assert.Throws<ArgumentException>("data", () => new Trainer(model).Fit(data, progress: heard)).Message);
        Assert.Contains(message, Assert.Throws<ArgumentException>("data", () => new Trainer(model).Fit(good, data, heard)).Message);
        Assert.Contains(message, Assert.Throws<ArgumentException>("data", () => Evaluation.Of(model, data)).Message);

        Assert.NotEmpty(what);
        Assert.Empty(heard.Heard);
        Assert.All(Small.State(model), number => Assert.Equal(0, number));
    }

    [Fact]
    public void Empty_data_and_class_indices_out_of_range_never_become_a_data_set()
    {
        using var scope = NewDisposeScope();

        Assert.Contains("at least one sample", Assert.Throws<ArgumentException>(
            "inputs", () => Dataset.FromTensors(Floats(0, 4), zeros([0], ScalarType.Int64), ["a"])).Message);
        Assert.Contains("Label 1 is 3", Assert.Throws<ArgumentException>(
            "labels", () => Dataset.FromTensors(Floats(2, 4), Labels(0, 3), ["a", "b", "c"])).Message);
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    public void Numbers_that_are_not_finite_never_become_a_data_set(float bad)
    {
        using var scope = NewDisposeScope();
        var inputs = Floats(5, 4);
        inputs[3, 2] = bad;
        inputs[4, 0] = bad;

        foreach (Func<Dataset> make in new Func<Dataset>[]
            { () => Dataset.FromTensors(inputs, Labels(0, 1, 0, 1, 0), ["a", "b"]), () => Dataset.FromTensors(inputs, Floats(5)) })
            Assert.Contains("Sample 3 of the inputs", Assert.Throws<ArgumentException>("inputs", () => { make(); }).Message);
        Assert.Contains("Sample 3 of the targets", Assert.Throws<ArgumentException>(
            "targets", () => Dataset.FromTensors(Floats(5, 4), inputs)).Message);
        // Large numbers whose sum overflows are numbers nevertheless.
        using var large = Dataset.FromTensors(full([3, 1], float.MaxValue), Floats(3, 1));
        Assert.Equal(3, large.Count);
    }

    [Fact]
    public void What_judges_by_validation_needs_some()
    {
        using var data = Small.Classes(4);
        using var model = Small.Slvt();

        foreach (var (options, name) in new (TrainingOptions, string)[]
            { (new() { RestoreBest = true }, "RestoreBest"), (new() { EarlyStoppingPatience = 3 }, "EarlyStoppingPatience") })
            Assert.Contains(
                $"{name} needs a validation set",
                Assert.Throws<ArgumentException>("validation", () => new Trainer(model, options).Fit(data)).Message);
        Assert.Throws<ArgumentOutOfRangeException>(
            "ValidationFraction", () => new Trainer(model, new() { ValidationFraction = 0.01 }).Fit(data));
    }

    [Fact]
    public void What_is_held_out_of_cropped_data_is_refused_before_the_first_step()
    {
        using var scope = NewDisposeScope();
        using var whole = Dataset.FromTensors(rand(20, 1, 8, 8), arange(20) % 4, ["a", "b", "c", "d"]);
        using var cropped = whole.Augmented(Augmentation.None.Crop(6, 6));
        using var model = DirectModel.For(Small.Images(), seed: 1);
        var heard = new Listener();

        var fault = Assert.Throws<ArgumentException>(
            "ValidationFraction", () => new Trainer(model, new() { ValidationFraction = 0.2 }).Fit(cropped, progress: heard));

        Assert.Contains("(1, 8, 8)", fault.Message);
        Assert.Empty(heard.Heard);
    }

    [Fact]
    public void Targets_of_a_stream_beyond_0_and_1_are_refused_by_binary_cross_entropy()
    {
        using var data = Dataset.FromSamples(4, [4], [1], [], number => (ones(4), full([1], number == 3 ? 1.5f : 1)));
        using var model = DirectModel.For(Small.Regressor(), seed: 1);
        var options = new TrainingOptions { Epochs = 1, TaskLoss = TaskLoss.BinaryCrossEntropy() };

        Assert.Contains("reach from 1 to 1.5", Assert.Throws<ArgumentException>("targets", () => new Trainer(model, options).Fit(data)).Message);
        Assert.Throws<ArgumentException>("targets", () => Evaluation.Of(model, data, loss: options.TaskLoss));
    }
}
