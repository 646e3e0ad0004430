namespace MappingNets;

/// <summary>One weight tensor that a target network needs: what it is called and what it looks like, not its values.</summary>
/// <param name="Name">The name PyTorch would give it, such as "conv1.weight".</param>
/// <param name="Shape">Its shape as PyTorch stores it, such as (out, in, height, width); every size at least 1.</param>
/// <param name="FanIn">
/// How many inputs feed each output of its layer, at least 1. A bias has the fan-in of its weight, because both start within
/// 1 / sqrt(fan-in).
/// </param>
public sealed record ParameterSpecification(string Name, IReadOnlyList<long> Shape, long FanIn)
{
    /// <summary>
    /// The value that the generated weights are added to: 1 for the scales of a normalisation, which would silence the network if
    /// they started around 0; otherwise 0.
    /// </summary>
    public double Center { get; init; }

    /// <summary>Whether it is the matrix of a linear layer or the kernels of a convolution, outputs first.</summary>
    internal bool IsLinearMap { get; init; }

    /// <summary>Whether it is known to be a matrix that the network takes in another way than a linear layer does: with its inputs first, or scaled.</summary>
    internal bool IsOtherMatrix { get; init; }

    /// <summary>Into how many groups a convolution divides its channels, each of which sees its own inputs only; 1 for all other tensors.</summary>
    internal long Groups { get; init; } = 1;

    /// <summary>How far apart the places of a convolution's kernel lie, along each of its axes; empty for all other tensors.</summary>
    internal IReadOnlyList<long> Dilation { get; init; } = [];

    /// <summary>What a convolution puts around its input where that is not zeros, such as "reflect"; null for all other tensors.</summary>
    internal string? PaddingMode { get; init; }

    /// <summary>How many weights the tensor holds: the product of its shape.</summary>
    public long Count => ShapeText.Product(Shape);

    /// <summary>Whether everything is the same, the shape size by size.</summary>
    public bool Equals(ParameterSpecification? other) =>
        other is not null && (Name, FanIn, Center, IsLinearMap, IsOtherMatrix, Groups) == (other.Name, other.FanIn, other.Center, other.IsLinearMap, other.IsOtherMatrix, other.Groups)
        && PaddingMode == other.PaddingMode && Dilation.SequenceEqual(other.Dilation) && Shape.SequenceEqual(other.Shape);

    /// <summary>Of the name, the shape and the fan-in.</summary>
    public override int GetHashCode() => HashCode.Combine(ToString(), FanIn);

    /// <summary>The name and the shape, such as "conv1.weight(16, 1, 3, 3)".</summary>
    public override string ToString() => Name + ShapeText.Of(Shape);
}
