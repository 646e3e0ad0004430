using MappingNets.Core;
using Microsoft.FSharp.Core;
using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>What trained parameters can reach of given weights.</summary>
public static class ModelSolvability
{
    /// <summary>
    /// Searches the trained parameters whose weights come nearest to theta*, from the present ones, and applies theorem 2 of the paper to
    /// the search. The model is not changed. The remainder's constant is in closed form for a mapping without trainable scales and with no,
    /// additive or linear modulation; otherwise it is not established. A pruning mask is left out of account.
    /// </summary>
    /// <param name="model">The model.</param>
    /// <param name="thetaStar">The weights to reach, shape (P), floats.</param>
    /// <exception cref="ArgumentException">theta* is no finite vector (P).</exception>
    /// <exception cref="InvalidOperationException">
    /// The Jacobian at the current parameters does not have full rank, as at the start of low-rank factors, or cannot have it, since more parameters are
    /// trained than there are weights; the theorem needs it.
    /// </exception>
    /// <exception cref="NotSupportedException">The model's weights are no function of its parameters in double precision.</exception>
    /// <exception cref="ObjectDisposedException">The model is disposed.</exception>
    public static SolvabilityReport Solvability(this Model model, Tensor thetaStar)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(thetaStar);
        model.RequireAlive();
        if (!thetaStar.is_floating_point() || thetaStar.dim() != 1 || thetaStar.shape[0] != model.Target.ParameterCount)
            throw new ArgumentException(
                $"theta* is {thetaStar.dtype} of shape {ShapeText.Of(thetaStar.shape)}; '{model.Target.Name}' needs floats of shape ({model.Target.ParameterCount}).",
                nameof(thetaStar));
        if (!FiniteNumbers.AllIn(thetaStar))
            throw new ArgumentException("theta* holds a number that is not finite.", nameof(thetaStar));
        using var scope = NewDisposeScope();
        var start = cat([.. model.Trainables.Select(tensor => tensor.detach().cpu().to_type(ScalarType.Float64).reshape(-1))], 0);
        var target = thetaStar.detach().cpu().to_type(ScalarType.Float64);
        DifferentiableMap map;
        if (model is MappedModel { TrainableScales: null } mapped)
        {
            map = DifferentiableMapModule.ofMapping(mapped.Mapping);
            target -= Flat(model.Target.AroundCenters([.. model.Target.Parameters.Select(parameter =>
                zeros(parameter.Shape.ToArray(), dtype: ScalarType.Float64, device: CPU))]));
        }
        else
        {
            if (model.WeightsFrom(Split(model, start), out var missing) is null)
                throw new NotSupportedException($"Nothing can be said of what this model of '{model.Target.Name}' reaches: {missing}.");
            map = DifferentiableMapModule.ofFunction(
                (int)start.shape[0], target.shape[0],
                FuncConvert.FromFunc<Tensor, Tensor>(parameters => Flat(model.WeightsFrom(Split(model, parameters), out _)!)));
        }

        if (start.shape[0] > target.shape[0])
            throw new InvalidOperationException(
                $"This model of '{model.Target.Name}' trains {start.shape[0]} parameters for {target.shape[0]} weights, so that the Jacobian of the weights "
                + $"cannot have full rank, which theorem 2 needs; train {target.shape[0]} parameters at most.");
        var certificate = Core.Solvability.certify(Core.Solvability.defaults, map, start, target);
        var (facts, assumed, estimated) = (certificate.Facts, certificate.Assumptions, certificate.Estimates);
        return new(
            certificate.Latent.data<double>().ToArray(),
            facts.Residual,
            facts.ReachableNorm,
            facts.UnreachableNorm,
            facts.PartsStatus,
            facts.Distance,
            facts.HasConverged,
            facts.LinearStepConverged && certificate.Local.LinearStepsConverged && certificate.Global.LinearStepsConverged,
            [
                facts.SmallestSingular is { } lowest
                    ? new("lower bound of sigma_min(A)", lowest.Value, BoundStatus.Proven,
                        "A, the Jacobian at the current parameters, has full rank: its smallest singular value is not below this")
                    : new("lower bound of sigma_min(A)", 0, BoundStatus.NotEstablished,
                        "that A, the Jacobian at the current parameters, has full rank could not be proven, so nothing that needs its pseudo-inverse is"),
                facts.ReachableError is { } error
                    ? new("error of the reachable part", error.Value, facts.PartsStatus, facts.LinearStepConverged
                        ? "bounds the distance of the reachable part from A A^+ r"
                        : "bounds the distance of the reachable part from A A^+ r, whose least squares stopped before their tolerance, so that the parts are not proven")
                    : new("error of the reachable part", double.PositiveInfinity, BoundStatus.NotEstablished,
                        "needs a lower bound of sigma_min(A)"),
                Known("sigma_max(A)", estimated.Singular.Largest, estimated.Singular.IsComplete, "the largest singular value of the Jacobian at the current parameters"),
                Known("sigma_min(A)", estimated.Singular.Smallest, estimated.Singular.IsComplete, "the smallest"),
                assumed.RemainderConstant is { } remainder
                    ? new("C_2", remainder.Value, assumed.Source.IsClosedForm ? BoundStatus.Proven : BoundStatus.Assumed, FormattableString.Invariant(
                        $"bounds ||E(dz)|| / ||dz||^2, E the second-order remainder, on the ball of radius {assumed.Radius:G4}"))
                    : new("C_2", double.PositiveInfinity, BoundStatus.NotEstablished, "no curvature bound is known of these weights"),
                new("contraction factor", estimated.ContractionFactor, BoundStatus.Estimated, "the largest ratio of two steps of the local iteration that was seen"),
                new("displacement", facts.Displacement, BoundStatus.Estimated, "||p* - p||"),
            ]);
    }

    // Exact but for rounding where the Krylov space was exhausted; an estimate all the same, since nothing certifies it.
    private static BoundConstant Known(string name, double value, bool isComplete, string meaning) =>
        new(name, value, BoundStatus.Estimated, isComplete ? $"{meaning}, exact up to rounding" : $"{meaning}, from a Krylov space");

    private static Tensor Flat(IReadOnlyList<Tensor> weights) => cat([.. weights.Select(weight => weight.reshape(-1))], 0);

    private static Tensor[] Split(Model model, Tensor parameters)
    {
        var first = 0L;
        return [.. model.Trainables.Select(tensor =>
        {
            var part = parameters.narrow(0, first, tensor.numel()).reshape(tensor.shape);
            first += tensor.numel();
            return part;
        })];
    }
}
