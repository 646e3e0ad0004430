namespace MappingNets;

/// <summary>
/// For each sample, how far the trained parameters of a model can move before its prediction may change. Within the radius it cannot, by the
/// bounds and the rounding model that <see cref="Constants"/> name; beyond it nothing is said.
/// </summary>
public sealed class LatentCertificate
{
    internal LatentCertificate(
        IReadOnlyList<double> radii,
        IReadOnlyDictionary<string, IReadOnlyList<double>> radiiAlone,
        IReadOnlyList<double> margins,
        IReadOnlyList<long> predictions,
        IReadOnlyList<BoundConstant> constants) =>
        (Radii, RadiiAlone, Margins, Predictions, Constants) = (radii, radiiAlone, margins, predictions, constants);

    /// <summary>
    /// The certified radius of each sample, in the Euclidean norm of all trained parameters together: every p' with ||p' - p|| up to it gives the same
    /// prediction, as single precision computes it. 0 where two scores are so close that rounding alone may decide.
    /// </summary>
    public IReadOnlyList<double> Radii { get; }

    /// <summary>
    /// The certified radius of each sample where one part of the trained parameters moves and the others stay, by the part's name. Parts are the latent
    /// of each layer under its name (LWT), or the one latent, "theta"; trained scales, "scales"; of other models each trained tensor. None is below <see cref="Radii"/>.
    /// A part whose name an earlier one has, as trained scales beside a layer called so, has a number after it: "scales (2)".
    /// </summary>
    public IReadOnlyDictionary<string, IReadOnlyList<double>> RadiiAlone { get; }

    /// <summary>By how much each sample's largest score exceeds the next, in exact arithmetic up to double precision.</summary>
    public IReadOnlyList<double> Margins { get; }

    /// <summary>The class of each sample's largest score.</summary>
    public IReadOnlyList<long> Predictions { get; }

    /// <summary>The smallest of the radii: within it no prediction of any of the samples changes.</summary>
    public double SmallestRadius => Radii.Min();

    /// <summary>Every constant behind the radii, with what stands behind it; moves of tensors at the median radius.</summary>
    public IReadOnlyList<BoundConstant> Constants { get; }

    /// <summary>The weakest status among the constants.</summary>
    public BoundStatus Status => Constants.Max(constant => constant.Status);

    /// <summary>The constants, a line each, and the radii in short.</summary>
    public override string ToString() => string.Join('\n', Constants.Select(constant => constant.ToString()).Append(FormattableString.Invariant(
        $"certified radii of {Radii.Count} samples: smallest {SmallestRadius:G3}, median {Radii.Order().ElementAt(Radii.Count / 2):G3}, largest {Radii.Max():G3} ({Status})")));
}
