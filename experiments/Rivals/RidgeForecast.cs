using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets.Experiments.Rivals;

/// <summary>
/// Ridge regression of the next value on all numbers of a window, the linear forecast that a network must beat: w = (X'X + lambda n I)^-1 X'y
/// over centred columns of unit deviation, lambda chosen on held-out windows.
/// </summary>
/// <param name="Loss">The mean squared error on the test windows, in the targets' units squared.</param>
/// <param name="Penalty">The lambda that did best on the held-out windows.</param>
/// <param name="Fitted">How many numbers were fitted: a weight for each number of a window, and the level.</param>
internal sealed record RidgeForecast(double Loss, double Penalty, long Fitted)
{
    private static readonly double[] Penalties = [1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1];

    /// <summary>Fits on the training windows, chooses on the held-out ones and judges on the test windows.</summary>
    /// <param name="training">Windows, (n, hours, features), and the values after them, (n, 1).</param>
    /// <param name="heldOut">The windows by which lambda is chosen.</param>
    /// <param name="test">The windows that are judged.</param>
    public static RidgeForecast Of(Dataset training, Dataset heldOut, Dataset test)
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        var inputs = Flat(training.Inputs);
        var (mean, level) = (inputs.mean([0]), Values(training).mean());
        // A column that never changes has nothing to say; it must not be divided by 0.
        var deviation = (inputs - mean).square().mean([0]).sqrt().clamp_min(1e-12);
        Tensor Standard(Tensor windows) => (Flat(windows) - mean) / deviation;
        var columns = Standard(training.Inputs);
        // The eigenvectors serve every lambda.
        var (values, vectors) = linalg.eigh(columns.t().mm(columns) / training.Count);
        var projected = vectors.t().mv(columns.t().mv(Values(training) - level) / training.Count);
        double Error(Dataset part, double penalty) =>
            (Standard(part.Inputs).mv(vectors.mv(projected / (values.clamp_min(0) + penalty))) + level - Values(part)).square().mean().ToDouble();
        var best = Penalties.MinBy(penalty => Error(heldOut, penalty));
        return new(Error(test, best), best, mean.numel() + 1);
    }

    private static Tensor Flat(Tensor windows) => windows.reshape(windows.shape[0], -1).to(ScalarType.Float64);

    private static Tensor Values(Dataset part) => part.Targets.reshape(-1).to(ScalarType.Float64);
}
