using static TorchSharp.torch;

namespace MappingNets;

/// <summary>One tensor of a safetensors file, as its header describes it.</summary>
/// <param name="Name">Its name.</param>
/// <param name="DType">The type of its elements.</param>
/// <param name="Shape">Its shape; empty for a scalar.</param>
/// <param name="Offset">Where its data starts, in bytes after the header.</param>
/// <param name="ByteCount">How many bytes its data takes.</param>
public sealed record SafetensorsEntry(string Name, ScalarType DType, IReadOnlyList<long> Shape, long Offset, long ByteCount)
{
    /// <summary>The name, the type and the shape, such as "fc.weight F32(10, 128)".</summary>
    public override string ToString() => $"{Name} {SafetensorsTypes.NameOf(DType)}{ShapeText.Of(Shape)}";
}
