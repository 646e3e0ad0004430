namespace MappingNets;

/// <summary>How far a model's weights, and where a norm of the inputs is given its outputs, can move with the trained parameters.</summary>
public sealed class ModelBounds
{
    internal ModelBounds(double radius, BoundConstant weightShift, BoundConstant? outputShift, IReadOnlyList<BoundConstant> constants) =>
        (Radius, WeightShift, OutputShift, Constants) = (radius, weightShift, outputShift, constants);

    /// <summary>The radius asked about, in the Euclidean norm of all trained parameters together.</summary>
    public double Radius { get; }

    /// <summary>The bound of ||theta(p') - theta(p)|| for every p' within the radius.</summary>
    public BoundConstant WeightShift { get; }

    /// <summary>
    /// The bound of ||f(x; theta(p')) - f(x; theta(p))|| for every input of at most the norm that was given; null where none was. Assumed where the
    /// weights are generated: the weights of exact arithmetic, around which it is a bound, lie near the rounded ones by the model of rounding.
    /// </summary>
    public BoundConstant? OutputShift { get; }

    /// <summary>Every constant behind them, with what stands behind it.</summary>
    public IReadOnlyList<BoundConstant> Constants { get; }

    /// <summary>The constants, a line each, and what follows.</summary>
    public override string ToString() =>
        string.Join('\n', new[] { WeightShift, OutputShift }.Where(bound => bound is not null).Concat(Constants).Select(bound => bound!.ToString()));
}
