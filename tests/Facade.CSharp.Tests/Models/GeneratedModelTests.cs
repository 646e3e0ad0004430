using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

public sealed class GeneratedModelTests
{
    private static KeyValuePair<string, Tensor> Named(string name, Tensor start) => KeyValuePair.Create(name, start);

    /// <summary>theta = b + W z with a fixed W and b: a random subspace of the classifier's 115 weights.</summary>
    internal static GeneratedModel Subspace(int latents = 24, TargetNetwork? target = null, float start = 0, string method = "subspace")
    {
        target ??= Small.Classifier();
        using var generator = new Generator(5);
        var directions = (randn([target.ParameterCount, latents], generator: generator) / 4).DetachFromDisposeScope();
        var origin = (rand([target.ParameterCount], generator: generator) - 0.5).DetachFromDisposeScope();
        return GeneratedModel.For(
            target, method, [Named("z", full([latents], start))], trained => origin + directions.mv(trained[0]), [directions, origin]);
    }

    private static GeneratedModel Make(
        IReadOnlyList<KeyValuePair<string, Tensor>> trainables, Func<IReadOnlyList<Tensor>, Tensor> generate, string method = "own") =>
        GeneratedModel.For(Small.Classifier(), method, trainables, generate);

    [Fact]
    public void It_says_what_it_was_told_and_starts_at_its_starts()
    {
        using var scope = NewDisposeScope();
        var start = arange(1, 6, ScalarType.Float32);
        using var model = GeneratedModel.For(
            Small.Classifier(), "outer", [Named("rows", start), Named("columns", ones(23))],
            trained => outer(trained[0], trained[1]).reshape(-1));
        using var set = GeneratedModel.For(
            Small.Classifier(), "constant", [Named("value", zeros(1))], trained => trained[0].expand(115));

        Assert.Equal(("outer", 28L, "none", 0.01), (model.Method, model.TrainableCount, model.FixedWeightsName, model.DefaultLearningRate));
        Assert.Equal(["rows", "columns"], model.TrainableNames);
        Assert.Equal([5L, 23L], model.Trained.Select(tensor => tensor.shape.Single()));
        Assert.Equal(Enumerable.Range(1, 5).SelectMany(row => Enumerable.Repeat((float)row, 23)), Small.Values(model.FlatWeights()));
        Assert.Equal(new float[115], Small.Values(set.FlatWeights()));

        // The starts are copied.
        start.fill_(9);
        Assert.Equal([1f, 2, 3, 4, 5], Small.Values(model.Trained[0]));
    }

    [Fact]
    public void Its_properties_are_set_once_and_refuse_what_is_none()
    {
        static GeneratedModel With(double rate = 0.1, string fixedWeights = "a random basis") => GeneratedModel.For(
            Small.Classifier(), "own", [Named("t", zeros(115))], trained => trained[0], learningRate: rate, fixedWeights: fixedWeights);

        using var model = With();
        Assert.Equal((0.1, "a random basis"), (model.DefaultLearningRate, model.FixedWeightsName));
        Assert.Throws<ArgumentOutOfRangeException>(() => With(rate: 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => With(rate: double.NaN));
        Assert.Throws<ArgumentException>(() => With(fixedWeights: " "));
    }

    /// <summary>A wrong argument, its name, and what the refusal says.</summary>
    public static TheoryData<string, string, string> Refusals => new()
    {
        { "no target", "target", "null" },
        { "no method", "method", "" },
        { "blank method", "method", "" },
        { "no trainables", "trainables", "null" },
        { "no function", "generate", "null" },
        { "nothing trained", "trainables", "nothing to train" },
        { "blank name", "trainables", "'' names a trained tensor twice or is blank" },
        { "repeated name", "trainables", "'t' names a trained tensor twice" },
        { "name of the header", "trainables", "'__metadata__' is a name that files" },
        { "name of a buffer", "trainables", "'buffers.t' is a name that files" },
        { "no start", "trainables", "'t' has no start" },
        { "doubles", "trainables", "'t' is Float64; it must be Float32" },
        { "empty", "trainables", "'t' has the shape (0)" },
        { "not finite", "trainables", "'t' starts with a number that is not finite" },
        { "makes null", "generate", "makes null" },
        { "too short", "generate", "Float32 of shape (114); 'small-classifier' needs Float32 of shape (115)" },
        { "a matrix", "generate", "Float32 of shape (115, 1)" },
        { "makes doubles", "generate", "makes Float64 of shape (115)" },
        { "makes it elsewhere", "generate", "on meta; the model is on cpu" },
        { "constant", "generate", "depends on 't'" },
        { "detached", "generate", "depends on 't'" },
        { "one left out", "generate", "depends on 'idle'" },
    };

    [Theory]
    [MemberData(nameof(Refusals))]
    public void What_cannot_be_trained_is_refused_by_name(string wrong, string argument, string message)
    {
        using var scope = NewDisposeScope();
        var t = Named("t", zeros(115));
        static Tensor Same(IReadOnlyList<Tensor> trained) => trained[0];
        Action act = wrong switch
        {
            "no target" => () => GeneratedModel.For(null!, "own", [t], Same),
            "no method" => () => Make([t], Same, null!),
            "blank method" => () => Make([t], Same, " "),
            "no trainables" => () => Make(null!, Same),
            "no function" => () => Make([t], null!),
            "nothing trained" => () => Make([], Same),
            "blank name" => () => Make([Named("", zeros(115))], Same),
            "repeated name" => () => Make([t, t], trained => trained[0] + trained[1]),
            "name of the header" => () => Make([Named("__metadata__", zeros(115))], Same),
            "name of a buffer" => () => Make([Named("buffers.t", zeros(115))], Same),
            "no start" => () => Make([Named("t", null!)], Same),
            "doubles" => () => Make([Named("t", zeros(115, dtype: float64))], Same),
            "empty" => () => Make([Named("t", zeros(0))], Same),
            "not finite" => () => Make([Named("t", full(115, float.NaN))], Same),
            "makes null" => () => Make([t], _ => null!),
            "too short" => () => Make([t], trained => trained[0][..114]),
            "a matrix" => () => Make([t], trained => trained[0].unsqueeze(1)),
            "makes doubles" => () => Make([t], trained => trained[0].to(float64)),
            "makes it elsewhere" => () => Make([t], trained => trained[0].to(META)),
            "constant" => () => Make([t], _ => zeros(115)),
            "detached" => () => Make([t], trained => trained[0].detach()),
            "one left out" => () => Make([t, Named("idle", zeros(2))], Same),
            _ => throw new InvalidOperationException(wrong),
        };

        var fault = Assert.ThrowsAny<ArgumentException>(act);

        Assert.Equal(argument, fault.ParamName);
        Assert.Contains(message, fault.Message);
    }

    [Fact]
    public void A_function_that_spoils_itself_later_is_refused_where_it_is_called()
    {
        using var scope = NewDisposeScope();
        var calls = 0;
        using var model = Make([Named("t", zeros(115))], trained => ++calls < 2 ? trained[0] : trained[0].to(float64));

        Assert.Throws<ArgumentException>("generate", () => model.FlatWeights());
    }

    [Fact]
    public void It_can_be_made_and_trained_within_a_block_without_gradients()
    {
        using var noGradient = no_grad();
        using var model = Subspace();
        using var data = Small.Classes();
        var before = Small.State(model);

        new Trainer(model, new() { Epochs = 1 }).Fit(data);

        Assert.NotEqual(before, Small.State(model));
    }

    [Fact]
    public void It_learns_to_tell_classes_apart_and_every_trained_tensor_moves()
    {
        using var data = Small.Classes();
        using var unseen = Small.Classes(seed: 2);
        using var generator = new Generator(3);
        using var first = (rand([115, 24], generator: generator) - 0.5).DetachFromDisposeScope();
        using var model = GeneratedModel.For(
            Small.Classifier(), "gain", [Named("z", rand([24], generator: generator)), Named("gain", ones(1))],
            trained => first.mv(trained[0]) * trained[1]);
        var before = model.Trained.Select(Small.Values).ToArray();
        using var weightsBefore = model.FlatWeights();

        var report = new Trainer(model, new() { Epochs = 25, BatchSize = 24, LearningRate = 0.05 }).Fit(data);

        Assert.InRange(report.History[^1].TrainingAccuracy!.Value, 0.8, 1);
        Assert.InRange(Evaluation.Of(model, unseen).Accuracy!.Value, 0.75, 1);
        foreach (var (old, tensor) in before.Zip(model.Trained))
            Assert.All(old.Zip(Small.Values(tensor)), pair => Assert.NotEqual(pair.First, pair.Second));
        using var weights = model.FlatWeights();
        Assert.NotEqual(Small.Bits(weightsBefore), Small.Bits(weights));
        using var product = first.mv(model.Trained[0]) * model.Trained[1];
        Assert.Equal(Small.Bits(product), Small.Bits(weights));
    }

    [Fact]
    public void The_same_function_trains_to_the_bits_of_direct_training()
    {
        using var data = Small.Classes();
        using var direct = DirectModel.For(Small.Classifier(), seed: 3);
        using var start = direct.FlatWeights();
        using var own = Make([Named("theta", start)], trained => trained[0]);
        var options = new TrainingOptions { Epochs = 2, BatchSize = 24, LearningRate = 0.02 };

        new Trainer(direct, options).Fit(data);
        new Trainer(own, options).Fit(data);

        using var expected = direct.FlatWeights();
        using var actual = own.FlatWeights();
        Assert.NotEqual(Small.Bits(start), Small.Bits(actual));
        Assert.Equal(Small.Bits(expected), Small.Bits(actual));
    }

    [Fact]
    public void Weights_export_and_the_plain_module_agree()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        using var model = Subspace(target: Small.Images(), start: 0.3f);
        using var module = model.Materialize();
        var input = linspace(-1, 1, 5 * 36).reshape(5, 1, 6, 6);

        model.Export(folder.File("weights.safetensors"));

        using var file = SafetensorsFile.Read(folder.File("weights.safetensors"));
        var weights = Small.Bits(model.FlatWeights());
        Assert.Contains(weights, bits => bits != 0);
        Assert.Equal(weights, module.state_dict().Values.SelectMany(Small.Bits));
        Assert.Equal(weights, model.Target.Parameters.SelectMany(parameter => Small.Bits(file.Load(parameter.Name))));
        Assert.Equal(Small.Bits(module.call(input)), Small.Bits(model.Predict(input)));
    }

    [Fact]
    public void The_weights_are_a_copy_even_where_the_function_gives_the_trained_tensor_back()
    {
        using var model = Make([Named("t", zeros(115))], trained => trained[0]);
        using (var weights = model.FlatWeights())
            weights.fill_(1);

        Assert.Equal(new float[115], Small.State(model));
    }

    [Fact]
    public void Disposing_it_disposes_what_it_owns_and_nothing_else()
    {
        using var scope = NewDisposeScope();
        var (owned, borrowed, start) = (ones(115), ones(115), zeros(115));
        var model = GeneratedModel.For(
            Small.Classifier(), "own", [Named("t", start)], trained => trained[0] + owned + borrowed, [owned]);
        var trained = model.Trained[0];

        model.Dispose();

        Assert.Equal((true, true, false, false), (trained.IsInvalid, owned.IsInvalid, borrowed.IsInvalid, start.IsInvalid));
        model.Dispose();
    }

    [Fact]
    public void What_it_would_own_stays_the_callers_where_it_is_refused()
    {
        using var owned = ones(115).DetachFromDisposeScope();

        Assert.Throws<ArgumentException>(
            "generate", () => GeneratedModel.For(Small.Classifier(), "own", [Named("t", zeros(3))], _ => owned, [owned]));

        Assert.False(owned.IsInvalid);
    }

    [Fact]
    public void A_move_that_its_function_cannot_follow_is_refused_before_anything_moves()
    {
        using var model = Subspace(start: 0.5f);
        var before = FineTuned.Weights(model);

        Assert.Contains("build it on meta", Assert.Throws<NotSupportedException>(() => model.to(META)).Message);

        Assert.Equal(before, FineTuned.Weights(model));
        // Where it is already, there is nothing to follow.
        model.to(CPU);
        Assert.Equal(before, FineTuned.Weights(model));
    }
}
