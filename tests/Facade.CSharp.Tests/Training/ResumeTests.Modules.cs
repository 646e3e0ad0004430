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
}
