using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>One input that a target network takes: what a sample of it looks like.</summary>
/// <param name="Shape">The shape of one sample, without the batch dimension; empty for a single number.</param>
/// <param name="Type">
/// <see cref="ScalarType.Float32"/> for numbers; <see cref="ScalarType.Int64"/> for token ids and other whole numbers.
/// </param>
public sealed record InputSpecification(IReadOnlyList<long> Shape, ScalarType Type = ScalarType.Float32)
{
    /// <summary>Whether the input's elements are floating-point numbers.</summary>
    internal bool IsFloat => FloatTypes.Contains(Type);

    /// <summary>Whether shape and type are the same.</summary>
    public bool Equals(InputSpecification? other) => other is not null && Type == other.Type && Shape.SequenceEqual(other.Shape);

    /// <summary>Of the shape and the type.</summary>
    public override int GetHashCode() => HashCode.Combine(ShapeText.Of(Shape), Type);

    /// <summary>The shape, and the type where it is not single precision, such as "(12) Int64".</summary>
    public override string ToString() => ShapeText.Of(Shape) + (Type == ScalarType.Float32 ? "" : $" {Type}");
}
