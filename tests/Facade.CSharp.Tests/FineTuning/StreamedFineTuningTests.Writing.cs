using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

// A file that another program writes to while a model has its weights in it.
public sealed partial class StreamedFineTuningTests
{
    [Fact]
    public void A_file_that_is_written_to_meanwhile_is_refused_when_it_is_read()
    {
        var path = Written(target);
        using var onDisk = PretrainedWeights.OnDisk(path);
        using var model = FineTuning.Of(target, onDisk).Scales(9).Streamed().Build();
        using var input = zeros(1, 1, 8, 8);
        model.Predict(input).Dispose();
        File.SetLastWriteTimeUtc(path, DateTime.UtcNow.AddSeconds(7));
        Assert.Contains("was written to", Assert.Throws<CheckpointFormatException>(() => model.Predict(input)).Message);
    }

    [Fact]
    public void A_file_that_is_written_to_before_the_way_back_leaves_no_gradient_that_looks_right()
    {
        var path = Written(target);
        using var scope = NewDisposeScope();
        using var onDisk = PretrainedWeights.OnDisk(path);
        // What is trained stands in the model, so that its layer is filled, and its gradients are there, without the file.
        using var model = FineTuning.Of(target, onDisk).WholeWeights(target.Parameters[0].Name, target.Parameters[1].Name).Streamed().Build();
        var input = linspace(-1, 1, 128, dtype: float32).reshape(2, 1, 8, 8).requires_grad_();
        var loss = model.call(input).square().sum();

        File.SetLastWriteTimeUtc(path, DateTime.UtcNow.AddSeconds(7));
        loss.backward();

        Assert.Equal(2, model.TrainedTensors.Count);
        Assert.All(model.TrainedTensors.Values, trained => Assert.True(trained.grad!.isnan().all().item<bool>()));
        Assert.False(FiniteNumbers.AllIn(input.grad!));
    }
}
