using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

/// <summary>Holds gradients against central differences, in the precision of the tensors.</summary>
internal static class Differences
{
    /// <summary>Every gradient of a scalar function agrees with its central differences to a tolerance.</summary>
    public static void Check(Func<Tensor[], Tensor> function, Tensor[] at, double step = 1e-6, double tolerance = 1e-7)
    {
        using var scope = NewDisposeScope();
        Tensor[] leaves = [.. at.Select(tensor => tensor.detach().clone().requires_grad_())];
        function(leaves).backward();
        for (var index = 0; index < at.Length; index++)
        {
            var numeric = zeros_like(at[index]).reshape(-1);
            for (var element = 0L; element < numeric.numel(); element++)
                numeric[element] = (Shifted(index, element, step) - Shifted(index, element, -step)) / (2 * step);
            var difference = (leaves[index].grad!.reshape(-1) - numeric).abs().max().ToDouble();
            Assert.True(difference < tolerance, $"Gradient {index} differs from its differences by {difference}.");
            Assert.True(leaves[index].grad!.abs().max().ToDouble() > 100 * tolerance, $"Gradient {index} is nothing but zero.");
        }

        double Shifted(int index, long element, double by)
        {
            using var inner = NewDisposeScope();
            Tensor[] moved = [.. at.Select(tensor => tensor.detach().clone())];
            moved[index].view(-1)[element] += by;
            return function(moved).to(ScalarType.Float64).item<double>();
        }
    }
}
