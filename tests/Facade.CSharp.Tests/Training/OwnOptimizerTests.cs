using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

/// <summary>What a user's function may build as the optimiser of a run.</summary>
public sealed class OwnOptimizerTests
{
    [Fact]
    public void An_optimiser_whose_step_needs_a_closure_is_refused_before_the_first_step()
    {
        using var data = Small.Classes(16);
        using var model = Small.Slvt();
        var heard = new Listener();
        var options = new TrainingOptions { Epochs = 1, Optimizer = TrainingOptimizer.Of("mine", parameters => optim.LBFGS(parameters)) };

        var message = Assert.Throws<ArgumentException>("Optimizer", () => new Trainer(model, options).Fit(data, progress: heard)).Message;

        Assert.All(["'mine'", "LBFGS", "TrainingOptimizer.FullMatrix", "a loop of your own"], part => Assert.Contains(part, message));
        Assert.Empty(heard.Heard);
        Assert.All(Small.State(model), number => Assert.Equal(0, number));
    }
}
