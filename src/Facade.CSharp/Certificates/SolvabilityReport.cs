namespace MappingNets;

/// <summary>
/// What a model's trained parameters can reach of given weights theta*, from where they are: theorem 2 of the paper, computed in double
/// precision. With fewer parameters than weights only a part of the way is reachable, so the parts are told apart.
/// </summary>
public sealed class SolvabilityReport
{
    internal SolvabilityReport(
        IReadOnlyList<double> parameters, double residual, double reachable, double unreachable, BoundStatus partsStatus, double distance, bool hasConverged,
        bool linearStepsConverged, IReadOnlyList<BoundConstant> constants) =>
        (Parameters, Residual, Reachable, Unreachable, PartsStatus, Distance, HasConverged, LinearStepsConverged, Constants) =
            (parameters, residual, reachable, unreachable, partsStatus, distance, hasConverged, linearStepsConverged, constants);

    /// <summary>The trained parameters that were found, one after the other in the order of the model's.</summary>
    public IReadOnlyList<double> Parameters { get; }

    /// <summary>||r|| = ||theta* - theta(p)|| at the current parameters.</summary>
    public double Residual { get; }

    /// <summary>The norm of A A^+ r, A the Jacobian of the weights by the parameters: what a first step can reach.</summary>
    public double Reachable { get; }

    /// <summary>The norm of (I - A A^+) r: what stays, whatever the parameters do to first order.</summary>
    public double Unreachable { get; }

    /// <summary>||theta* - theta(p*)|| at the parameters that were found.</summary>
    public double Distance { get; }

    /// <summary>
    /// What stands behind <see cref="Reachable"/> and <see cref="Unreachable"/>: proven up to the error among the constants where the Jacobian has full rank
    /// by a proven bound and least squares reached its tolerance; estimated otherwise.
    /// </summary>
    public BoundStatus PartsStatus { get; }

    /// <summary>
    /// Whether <see cref="Parameters"/> are a stationary point of the distance to within the search's tolerance, or as far as rounding lets the distance tell, every
    /// least squares solution of the steps that led there included. That it is the best one is not claimed.
    /// </summary>
    public bool HasConverged { get; }

    /// <summary>
    /// Whether every least squares solution on the way (the first step, the local and the global iteration) reached its tolerance before its steps ran out.
    /// Where not, the parts and the steps are estimates.
    /// </summary>
    public bool LinearStepsConverged { get; }

    /// <summary>Every constant of the theorem, with what stands behind it.</summary>
    public IReadOnlyList<BoundConstant> Constants { get; }

    /// <summary>The distances and the constants, a line each.</summary>
    public override string ToString() => string.Join('\n', Constants.Select(constant => constant.ToString()).Prepend(FormattableString.Invariant(
        $"residual {Residual:G4}: reachable {Reachable:G4}, unreachable {Unreachable:G4} ({PartsStatus}); found within {Distance:G4} ({(HasConverged ? "converged" : "not converged")})")));
}
