using static TorchSharp.torch;

namespace MappingNets;

/// <summary>
/// One tensor that belongs to a network and is not a weight, such as a running mean: no mapping generates it, and passes in
/// training mode change it.
/// </summary>
/// <param name="Name">The name PyTorch would give it, such as "bn1.running_mean".</param>
/// <param name="Shape">Its shape; empty for a single number.</param>
/// <param name="Type">The type of its elements.</param>
/// <param name="Start">What every element is before training.</param>
public sealed record BufferSpecification(string Name, IReadOnlyList<long> Shape, ScalarType Type, double Start)
{
    /// <summary>
    /// Whether files and modules in PyTorch's form hold the buffer. One that they do not, such as a dropout's place in its random
    /// stream, is a matter of training only: resume files keep it, adapters do not.
    /// </summary>
    public bool IsPersistent { get; init; } = true;

    /// <summary>Whether it is a dropout's place in its random stream, which starts where the buffer's full name says and not at <see cref="Start"/>.</summary>
    internal bool IsDropoutPlace { get; init; }

    /// <summary>Whether passes of training may move it, as far as is known: a mask or a table of positions they leave alone.</summary>
    internal bool FollowsBatches { get; init; } = true;

    /// <summary>Whether everything is the same, the shape size by size.</summary>
    public bool Equals(BufferSpecification? other) =>
        other is not null
        && (Name, Type, Start, IsPersistent, IsDropoutPlace, FollowsBatches)
            == (other.Name, other.Type, other.Start, other.IsPersistent, other.IsDropoutPlace, other.FollowsBatches)
        && Shape.SequenceEqual(other.Shape);

    /// <summary>Of the name, the shape and the type.</summary>
    public override int GetHashCode() => HashCode.Combine(ToString(), Type);

    /// <summary>The name and the shape, such as "bn1.running_mean(16)".</summary>
    public override string ToString() => Name + ShapeText.Of(Shape);

    /// <summary>The buffer's type in a network whose weights have a type: floats follow the weights, counters do not.</summary>
    internal ScalarType TypeBeside(ScalarType weights) =>
        FloatTypes.Contains(Type) ? weights : Type;
}
