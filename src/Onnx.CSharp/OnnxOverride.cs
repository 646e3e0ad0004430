namespace MappingNets;

/// <summary>A tensor that replaces an initialiser of an exported file in one run of ONNX Runtime.</summary>
/// <param name="Name">The input's name.</param>
/// <param name="Shape">Its shape.</param>
/// <param name="Values">Its elements, the last axis fastest.</param>
public sealed record OnnxOverride(string Name, IReadOnlyList<long> Shape, ReadOnlyMemory<float> Values);
