using static TorchSharp.torch;

namespace MappingNets;

/// <summary>A tensor and how a file is to store it.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Values">Its values, on any device; only floats are stored in another precision or sparsely.</param>
/// <param name="Precision">The precision.</param>
/// <param name="Kept">Where it is to be stored sparsely, which values are stored, booleans of its number of values; the others are 0.</param>
internal sealed record TensorToStore(string Name, Tensor Values, StoredPrecision Precision = StoredPrecision.Single, Tensor? Kept = null)
{
    /// <summary>The precision that suits a tensor: vectors such as biases are few and stay single where matrices get codes.</summary>
    /// <param name="asked">What was asked for.</param>
    /// <param name="shape">The tensor's shape.</param>
    /// <param name="isLatent">Whether it is a latent, which gets codes too.</param>
    public static StoredPrecision PrecisionOf(StoredPrecision asked, IReadOnlyList<long> shape, bool isLatent = false)
    {
        if (!Enum.IsDefined(asked))
            throw new ArgumentOutOfRangeException("precision", asked, "There is no such precision.");
        return asked is StoredPrecision.Int8 or StoredPrecision.Int4 && shape.Count < 2 && !isLatent ? StoredPrecision.Single : asked;
    }
}
