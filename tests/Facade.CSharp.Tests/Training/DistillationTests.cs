using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

/// <summary>What a user of <see cref="Distillation"/> relies on.</summary>
public sealed class DistillationTests
{
    private static readonly TrainingOptions Options = new() { Epochs = 30, BatchSize = 12, Seed = 3, LearningRate = 0.1 };

    private static DirectModel Taught(ulong seed)
    {
        using var data = Small.Classes();
        var model = DirectModel.For(Small.Classifier(), seed);
        new Trainer(model, Options with { LearningRate = 0.02 }).Fit(data);
        return model;
    }

    /// <summary>Labels drawn at random teach nothing; a teacher teaches what it knows although the pupil sees those labels only.</summary>
    [Fact]
    public void A_pupil_learns_from_its_teachers_and_not_from_the_labels()
    {
        using var scope = NewDisposeScope();
        using var known = Small.Classes(300, seed: 5);
        using var random = Dataset.FromTensors(known.Inputs, (arange(300) * 7 + 3) % 3, known.ClassNames);
        using var first = Taught(11);
        using var second = Taught(12);
        using var pupil = Small.Slvt();

        new Trainer(pupil, Options with { Distillation = new([first, second]) }).Fit(random);

        Assert.InRange(Evaluation.Of(pupil, known).Accuracy!.Value, 0.85, 1);
        using var unwise = Small.Slvt();
        new Trainer(unwise, Options).Fit(random);
        Assert.InRange(Evaluation.Of(unwise, known).Accuracy!.Value, 0, 0.6);
    }

    [Fact]
    public void The_teachers_are_asked_once_for_each_sample()
    {
        using var data = Small.Classes();
        using var module = new Counting();
        using var example = zeros(1, 4);
        using var teacher = DirectModel.For(TargetNetwork.From(module, example));
        using var pupil = Small.Slvt();
        module.Seen = 0;

        new Trainer(pupil, Options with { Epochs = 3, Distillation = new([teacher]) }).Fit(data);

        Assert.Equal(data.Count, module.Seen);
    }

    [Fact]
    public void The_teachers_stay_as_they_were()
    {
        using var data = Small.Classes();
        using var teacher = Taught(11);
        using var pupil = Small.Lwt();
        var before = Small.State(teacher);

        new Trainer(pupil, Options with { Epochs = 2, Distillation = new([teacher]) }).Fit(data);

        Assert.Equal(before, Small.State(teacher));
    }

    [Fact]
    public void A_run_is_not_resumed_under_another_teacher()
    {
        using var folder = new TemporaryFolder();
        using var data = Small.Classes(40);
        using var teacher = Taught(11);
        using var other = Taught(12);
        var file = folder.File("run.safetensors");
        void Train(Distillation? how)
        {
            using var pupil = Small.Slvt();
            new Trainer(pupil, Options with { Epochs = 1, Distillation = how }).Fit(data, resumeFile: file);
        }

        Train(new([teacher]));
        Train(new([teacher]));

        Assert.Contains("the teaching is temperature 2, ", Assert.Throws<CheckpointFormatException>(() => Train(new([other]))).Message);
        Assert.Contains("the labels here", Assert.Throws<CheckpointFormatException>(() => Train(null)).Message);
    }

    [Fact]
    public void What_cannot_teach_is_refused_by_name()
    {
        using var classes = Small.Classes(12);
        using var numbers = Small.Numbers(12);
        using var teacher = DirectModel.For(Small.Classifier());
        using var wider = DirectModel.For(TargetNetwork.Input(4).Linear(5).Build("five"));
        using var pupil = Small.Slvt();
        using var regressor = DirectModel.For(Small.Regressor());

        Assert.Throws<ArgumentNullException>("teachers", () => new Distillation(null!));
        Assert.Throws<ArgumentException>("teachers", () => new Distillation([]));
        foreach (var temperature in new[] { 0, -1, 101, double.NaN, double.PositiveInfinity })
            Assert.Throws<ArgumentOutOfRangeException>("temperature", () => new Distillation([teacher], temperature));
        var fault = Assert.Throws<ArgumentException>("Distillation", () => new Trainer(pupil, new() { Distillation = new([wider]) }).Fit(classes));
        Assert.Contains("The teacher 'five' takes (4) and puts out (5); 'small-classifier' takes (4) and puts out (3).", fault.Message);
        Assert.Throws<ArgumentException>("data", () => new Trainer(regressor, new() { Distillation = new([teacher]) }).Fit(numbers));
        Assert.Throws<ArgumentOutOfRangeException>(
            "LabelSmoothing", () => new Trainer(pupil, new() { Distillation = new([teacher]), LabelSmoothing = 0.1 }));
    }

    private sealed class Counting : nn.Module<Tensor, Tensor>
    {
        private readonly nn.Module<Tensor, Tensor> layer = nn.Linear(4, 3);

        public Counting()
            : base("counting") => RegisterComponents();

        public long Seen { get; set; }

        public override Tensor forward(Tensor input)
        {
            Seen += input.shape[0];
            return layer.forward(input);
        }
    }
}
