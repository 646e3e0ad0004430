using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

// What a user's own module brings to a run: its classes, and the buffers that it starts with.
public sealed partial class ResumeTests
{
    private static readonly TrainingOptions First = Short with { OnEpoch = _ => TrainingSignal.Stop };

    /// <summary>A run that trains a module, which is disposed after it.</summary>
    private static TrainingReport Train(nn.Module module, TrainingOptions options, string file, string? name = "own")
    {
        using var data = Small.Classes(40);
        using var example = zeros(1, 4);
        using (module)
        using (var target = TargetNetwork.From(module, example, name))
        using (var model = MappingNetwork.For(target).SingleLatent(9).WithSeed(7).Build())
            return new Trainer(model, options).Fit(data, resumeFile: file);
    }

    [Fact]
    public void A_run_on_a_script_module_goes_on()
    {
        using var folder = new TemporaryFolder();
        var file = folder.File("run.safetensors");
        var path = folder.Write("plain.pt", TorchScriptArchive.Of(
            "torch.tanh(torch.matmul(x, self.weight))", ("weight", [4, 3], [.. Enumerable.Range(1, 12)], true)));
        // It is named after what it is where no name is given.
        Train(jit.load(path), First, file, name: null);

        Assert.Equal(2, Train(jit.load(path), Short, file, "script").History.Count);
    }

    [Fact]
    public void A_run_that_a_script_module_teaches_goes_on()
    {
        using var folder = new TemporaryFolder();
        var file = folder.File("run.safetensors");
        var path = folder.Write("plain.pt", TorchScriptArchive.Of(
            "torch.tanh(torch.matmul(x, self.weight))", ("weight", [4, 3], [.. Enumerable.Range(1, 12)], true)));
        using var script = jit.load(path);
        using var example = zeros(1, 4);
        using var target = TargetNetwork.From(script, example, "teacher");
        using var teacher = DirectModel.For(target, seed: 5);
        var options = Short with { Distillation = new([teacher]), Loss = LossOptions.TaskOnly };
        Begin(() => Small.Slvt(), options, file);

        Assert.Equal(2, GoOn(() => Small.Slvt(), options, file).History.Count);
    }

    /// <summary>A part with the weight of another class and the name that it is given.</summary>
    private sealed class Bent : nn.Module<Tensor, Tensor>
    {
        private readonly TorchSharp.Modules.Linear inner = nn.Linear(4, 3);

        public Bent(string name)
            : base(name) => RegisterComponents();

        public override Tensor forward(Tensor input) => inner.call(input).tanh();
    }

    private sealed class Cut : nn.Module<Tensor, Tensor>
    {
        private readonly TorchSharp.Modules.Linear inner = nn.Linear(4, 3);

        public Cut(string name)
            : base(name) => RegisterComponents();

        public override Tensor forward(Tensor input) => inner.call(input).relu();
    }

    [Fact]
    public void Modules_are_told_apart_by_their_classes_and_not_by_what_their_constructors_call_them()
    {
        using var folder = new TemporaryFolder();
        var file = folder.File("run.safetensors");
        Train(new Bent("net-1"), First, file);

        var refusal = Assert.Throws<CheckpointFormatException>(() => Train(new Cut("net-1"), Short, file)).Message;
        Assert.Contains("the function of the target is ", refusal);
        Assert.Contains("Bent", refusal);
        Assert.Equal(2, Train(new Bent("net-2"), Short, file).History.Count);
    }

    [Fact]
    public void A_run_on_a_module_that_an_earlier_build_described_goes_on()
    {
        using var folder = new TemporaryFolder();
        var file = folder.File("run.safetensors");
        using var module = new Bent("net");
        using var example = zeros(1, 4);
        using var target = TargetNetwork.From(module, example, "teacher");
        using var teacher = DirectModel.For(target, seed: 5);
        var taught = First with { Distillation = new([teacher]), Loss = LossOptions.TaskOnly };
        Train(new Bent("net"), taught, file);
        Change(file, metadata =>
        {
            var settings = System.Text.Json.Nodes.JsonNode.Parse(metadata["settings"])!.AsObject();
            settings["function of the target"] = "net, inner Linear";
            settings["teachers' functions and buffers"] = $"SHA-256 {new string('0', 64)}";
            Assert.True(settings.Remove("SHA-256 of the buffers at the start"));
            metadata["settings"] = settings.ToJsonString();
        });

        Assert.Equal(2, Train(new Bent("net"), taught with { OnEpoch = null }, file).History.Count);
    }

    /// <summary>A module whose outputs depend on a buffer that no training moves.</summary>
    private sealed class Centred : nn.Module<Tensor, Tensor>
    {
        private readonly TorchSharp.Modules.Linear inner = nn.Linear(4, 3);

        public Centred(double mean)
            : base("centred")
        {
            register_buffer("mean", full(4, mean));
            RegisterComponents();
        }

        public override Tensor forward(Tensor input) => inner.call(input - get_buffer("mean")!);
    }

    [Fact]
    public void Another_buffer_at_the_start_is_refused()
    {
        using var folder = new TemporaryFolder();
        var file = folder.File("run.safetensors");
        Train(new Centred(0.5), First, file);

        Assert.Contains("buffers at the start is ", Assert.Throws<CheckpointFormatException>(() => Train(new Centred(0.25), Short, file)).Message);
        Assert.Equal(2, Train(new Centred(0.5), Short, file).History.Count);
    }

    [Fact]
    public void A_base_with_other_running_statistics_is_refused()
    {
        using var folder = new TemporaryFolder();
        var file = folder.File("run.safetensors");
        static TargetNetwork Target() => TargetNetwork.Input(4).Linear(14).BatchNorm1d().Tanh().Linear(3).Build("normed");
        using var trained = DirectModel.For(Target(), seed: 5);
        using var pretrained = PretrainedWeights.Of(trained);
        using (no_grad())
            trained.State["bn1.running_mean"].fill_(1);
        using var other = PretrainedWeights.Of(trained);
        Model Make(PretrainedWeights weights) => FineTuning.Of(Target(), weights).WithSeed(6).Groups(20).Build();
        Begin(() => Make(pretrained), Short, file);

        using var refused = Make(other);
        using var data = Small.Classes(40);
        var fault = Assert.Throws<CheckpointFormatException>(() => new Trainer(refused, Short).Fit(data, resumeFile: file));
        Assert.Contains("buffers at the start is ", fault.Message);
        Assert.All(Small.Values(refused.State["bn1.running_mean"]), mean => Assert.Equal(1, mean));
        Assert.Equal(2, GoOn(() => Make(pretrained), Short, file).History.Count);
    }
}
