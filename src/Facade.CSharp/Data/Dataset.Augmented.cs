using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets;

// Random changes of the samples in batches.
public sealed partial class Dataset
{
    private Augmentation augmentation = Augmentation.None;
    private ulong augmentationSeed;

    /// <summary>What changes the inputs of this data set's batches.</summary>
    public Augmentation Augmentation => augmentation;

    /// <summary>
    /// The same samples, whose batches change at random, in another way in each epoch; the data set shares this one's memory. Train on it, and
    /// evaluate on one without. What lies in memory stays as it is: <see cref="Inputs"/> and <see cref="ToMemory"/> give unchanged samples.
    /// </summary>
    /// <param name="augmentation">What happens to each sample's input.</param>
    /// <param name="seed">Any seed; equal seeds give equal changes, in any batch size and order.</param>
    /// <exception cref="InvalidOperationException">
    /// Samples have several inputs, or no height and width, or whole numbers; or a target for each place, which would not move with it.
    /// </exception>
    public Dataset Augmented(Augmentation augmentation, ulong seed = 0)
    {
        ArgumentNullException.ThrowIfNull(augmentation);
        if (InputShapes is not [{ Count: >= 2 }] || InputTypes[0] is not (ScalarType.Float32 or ScalarType.Float64 or ScalarType.Float16 or ScalarType.BFloat16))
            throw new InvalidOperationException(
                $"Only a single input of floats with a height and a width can be augmented; the samples have {string.Join(" and ", InputShapes.Zip(InputTypes, (shape, type) => $"{type} {ShapeText.Of(shape)}"))}.");
        if (TargetShape.Count > 1)
            throw new InvalidOperationException(
                $"Each sample has targets of the shape {ShapeText.Of(TargetShape)}, which would stay where they are while its input moves.");
        return Alike(Alive.stream is null
            ? new Dataset(InputList.Select(input => input.alias()), Targets.alias(), ClassNames)
            : new Dataset(stream!, ClassNames), augmentation, seed);
    }

    // A part of this data set changes its samples as the whole does.
    private Dataset Alike(Dataset part) => Alike(part, augmentation, augmentationSeed);

    private static Dataset Alike(Dataset part, Augmentation augmentation, ulong seed)
    {
        (part.augmentation, part.augmentationSeed) = (augmentation, seed);
        return part;
    }

    private static Dataset Unchanged(Dataset part) => Alike(part, Augmentation.None, 0);

    /// <summary>Inputs of a batch as an epoch changes them, in the caller's dispose scope.</summary>
    private Tensor[] Changed(Tensor[] gathered, IReadOnlyList<long> places, int epoch)
    {
        if (augmentation == Augmentation.None)
            return gathered;
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        var changed = empty_like(gathered[0]);
        for (var index = 0; index < places.Count; index++)
        {
            using var one = NewDisposeScope();
            changed.select(0, index).copy_(augmentation.Apply(gathered[0].select(0, index), augmentationSeed, epoch, places[index]));
        }

        return [changed.MoveToOuterDisposeScope()];
    }
}
