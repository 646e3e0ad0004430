namespace MappingNets;

/// <summary>How far a model's outputs move under normal noise on its trained parameters: a bound with a probability, beside what was sampled.</summary>
public sealed class OutputNoise
{
    internal OutputNoise(
        double probability, double noiseNorm, IReadOnlyList<double> bounds, IReadOnlyList<double> sampledMeanSquares,
        IReadOnlyList<BoundConstant> constants) =>
        (Probability, NoiseNorm, Bounds, SampledMeanSquares, Constants) = (probability, noiseNorm, bounds, sampledMeanSquares, constants);

    /// <summary>The probability with which all the bounds hold at once.</summary>
    public double Probability { get; }

    /// <summary>What the noise's norm stays below with that probability: sigma (sqrt(n) + sqrt(2 ln(1 / risk))).</summary>
    public double NoiseNorm { get; }

    /// <summary>For each sample a bound of ||f(x; theta(p + eps)) - f(x; theta(p))||, as single precision computes the first.</summary>
    public IReadOnlyList<double> Bounds { get; }

    /// <summary>For each sample the mean of the squared distance over the draws: an estimate of E ||f(x; theta(p + eps)) - f(x; theta(p))||^2.</summary>
    public IReadOnlyList<double> SampledMeanSquares { get; }

    /// <summary>Every constant behind the bounds, with what stands behind it.</summary>
    public IReadOnlyList<BoundConstant> Constants { get; }
}
