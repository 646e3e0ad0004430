using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

/// <summary>torch.inference_mode around calls of the library: refused by name where gradients are needed, and without consequences where not.</summary>
public sealed class InferenceModeTests
{
    private const string Why = "torch.inference_mode is on";

    [Fact]
    public void Training_is_refused_by_name_and_goes_on_outside()
    {
        using var data = Small.Classes(8);
        using var model = Small.Slvt();
        var trainer = new Trainer(model, new() { Epochs = 1 });
        using (inference_mode(true))
            Assert.Contains(Why, Assert.Throws<InvalidOperationException>(() => trainer.Fit(data)).Message);
        Assert.Equal(1, trainer.Fit(data).Steps);
    }

    [Fact]
    public void A_model_that_was_pruned_inside_and_losses_that_were_made_inside_train_outside()
    {
        using var data = Small.Classes(8);
        using var model = Small.Slvt();
        TaskLoss[] losses;
        using (inference_mode(true))
        {
            Pruning.ToShare(model, 0.5);
            losses = [TaskLoss.CrossEntropy([.. data.ClassNames.Select(_ => 2.0)], ignoredLabel: 77), TaskLoss.Focal()];
        }

        foreach (var loss in losses)
            Assert.Equal(1, new Trainer(model, new() { Epochs = 1, TaskLoss = loss }).Fit(data).Steps);
    }

    [Fact]
    public void A_host_reads_adapters_of_both_kinds_inside()
    {
        using var folder = new TemporaryFolder();
        using var pretrained = FineTuned.Pretrained();
        using (var mapped = Small.Slvt())
            mapped.SaveAdapter(folder.File("mapped"));
        using (var tuned = FineTuned.Build("groups", pretrained))
            tuned.SaveAdapter(folder.File("tuned"));
        using var host = new AdapterHost(Small.Classifier(), pretrained);
        using (inference_mode(true))
            foreach (var name in new[] { "mapped", "tuned" })
                host.Add(name, folder.File(name));
        Assert.Equal(["mapped", "tuned"], host.Names.Order());
    }

    [Fact]
    public void A_split_by_gradients_names_the_mode_and_not_the_loss()
    {
        using var pretrained = FineTuned.Pretrained();
        using var inputs = ones([4, .. Small.Classifier().InputShape]);
        using (inference_mode(true))
            Assert.Contains(Why, Assert.Throws<InvalidOperationException>(
                () => FineTuning.Of(Small.Classifier(), pretrained).Scales(16).SplitByGradient([inputs], outputs => outputs.sum()).Build()).Message);
    }
}
