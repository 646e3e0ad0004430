using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

/// <summary>What of a file's tensors scales or shifts is told by its operators, whatever their names and shapes are.</summary>
public sealed class ScalesTests
{
    [Fact]
    public void ScalesShiftsBiasesAndTheLastMatrixOfAFileMove()
    {
        using var folder = new TemporaryFolder();
        using var scope = NewDisposeScope();
        var graph = new OnnxGraphs(13, 2, 4, 4)
            .Weight("a", 3, 2, 1, 1).Weight("b", 3).Node("Conv", "x a b", "1")
            .Positive("c", 3, 1, 1).Node("Mul", "1 c", "2").Weight("d", 1, 3, 1, 1).Node("Add", "2 d", "3")
            .Positive("e", 3).Weight("f", 3).Weight("m", 3).Positive("v", 3).Node("BatchNormalization", "3 e f m v", "4")
            // A number for each place is no shift of a channel.
            .Weight("places", 1, 3, 4, 4).Node("Add", "4 places", "5")
            .Node("Flatten", "5", "6").Weight("g", 48, 5).Weight("h", 5).Node("MatMul", "6 g", "7").Node("Add", "7 h", "8").Node("Relu", "8", "9")
            .Weight("i", 5, 1).Node("MatMul", "9 i", "y").Output("y");
        var target = TargetNetwork.FromOnnx(folder.Write("net.onnx", graph.Bytes()));
        using var pretrained = PretrainedWeights.Of(target);
        using var model = FineTuning.Of(target, pretrained).Scales(10).Build();
        Tensor[] before = [.. target.Layout.Split(model.FlatWeights())];
        using (no_grad())
            foreach (var latent in model.TrainedTensors.Values)
                latent.fill_(1);

        var moved = target.Parameters.Zip(before, target.Layout.Split(model.FlatWeights()))
            .Where(tensor => !Small.Values(tensor.Second).SequenceEqual(Small.Values(tensor.Third))).Select(tensor => tensor.First.Name);

        Assert.Equal(["b", "c", "d", "e", "f", "h", "i"], moved.Order(StringComparer.Ordinal));
    }
}
