namespace MappingNets;

/// <summary>
/// What the author of a layer vouches for, for certificates: what follows from it is reported as assumed. Norms are Euclidean, of one sample's
/// values together.
/// </summary>
/// <param name="Input">A bound of ||layer(a) - layer(b)|| / ||a - b|| for all inputs and for all weights that certificates are asked about; finite, at least 0.</param>
/// <param name="AtZero">A bound of ||layer(0)|| for these weights; finite, at least 0.</param>
/// <param name="Weights">
/// For each of its weights by its local name, how far a change of it of norm 1 moves the output at most, for all inputs that reach the layer; finite, at
/// least 0. A weight that is not named is taken not to move the output.
/// </param>
/// <param name="Roundings">
/// In single precision the output is off by at most this many times 2^-24 (Input ||a|| + AtZero) in norm; null says nothing about rounding, and then
/// <see cref="ModelCertificates.Certify"/> and <see cref="ModelCertificates.OutputStability"/> refuse the network.
/// </param>
public sealed record LayerConstants(double Input, double AtZero, IReadOnlyDictionary<string, double> Weights, double? Roundings = null);
