using static TorchSharp.torch;

namespace MappingNets;

/// <summary>One tensor of a safetensors file, as its header describes it.</summary>
/// <param name="Name">Its name.</param>
/// <param name="DType">The type of its elements once they are loaded; single precision for those that are not (F4, F6_E2M3, F6_E3M2).</param>
/// <param name="Shape">Its shape; empty for a scalar.</param>
/// <param name="Offset">Where its data starts, in bytes after the header.</param>
/// <param name="ByteCount">How many bytes its data takes.</param>
public sealed record SafetensorsEntry(string Name, ScalarType DType, IReadOnlyList<long> Shape, long Offset, long ByteCount)
{
    /// <summary>
    /// What the format calls the type of its elements in the file: "F32", or for a type that libtorch lacks its own name, such as
    /// "F8_E4M3" where <see cref="DType"/> is the wider type that its values are read into.
    /// </summary>
    public string StoredType { get; init; } = SafetensorsTypes.NameOf(DType) ?? "";

    /// <summary>Whether everything is the same, the shape size by size.</summary>
    public bool Equals(SafetensorsEntry? other) =>
        other is not null && (Name, DType, StoredType, Offset, ByteCount) == (other.Name, other.DType, other.StoredType, other.Offset, other.ByteCount)
        && Shape.SequenceEqual(other.Shape);

    /// <summary>Of the name, the place and the shape.</summary>
    public override int GetHashCode() => HashCode.Combine(Name, Offset, ShapeText.Of(Shape));

    /// <summary>The name, the type and the shape, such as "fc.weight F32(10, 128)".</summary>
    public override string ToString() => $"{MessageText.Of(Name)} {StoredType}{ShapeText.Of(Shape)}";
}
