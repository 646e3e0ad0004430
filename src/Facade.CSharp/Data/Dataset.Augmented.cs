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
    /// The same samples, whose batches change at random, in another way in each epoch; the data set shares this one's memory. Where this
    /// one's batches change already, they change as said here instead: to do both, give both steps at once. Train on it, and evaluate on one without. What lies in memory stays as it is: <see cref="Inputs"/> and <see cref="ToMemory"/> give unchanged samples.
    /// </summary>
    /// <param name="augmentation">What happens to each sample's input.</param>
    /// <param name="seed">Any seed; equal seeds give equal changes, in any batch size and order.</param>
    /// <exception cref="InvalidOperationException">
    /// Samples have several inputs, or no height and width, or whole numbers; or targets of several sizes that are not a class for each pixel of
    /// the input; or labels of pixels and a step of which nobody knows whether it moves them; or a crop is larger than the pictures.
    /// </exception>
    /// <exception cref="ObjectDisposedException">The data set is disposed.</exception>
    public Dataset Augmented(Augmentation augmentation, ulong seed = 0)
    {
        ArgumentNullException.ThrowIfNull(augmentation);
        if (InputShapes is not [{ Count: >= 2 }] || InputTypes[0] is not (ScalarType.Float32 or ScalarType.Float64 or ScalarType.Float16 or ScalarType.BFloat16))
            throw new InvalidOperationException(
                $"Only a single input of floats with a height and a width can be augmented; the samples have {string.Join(" and ", InputShapes.Zip(InputTypes, (shape, type) => $"{type} {ShapeText.Of(shape)}"))}.");
        var plain = Alive.stream is null
            ? new Dataset(InputList.Select(input => input.alias()), Targets.alias(), ClassNames)
            : new Dataset(stream!, ClassNames);
        try
        {
            plain.CheckPlaces(augmentation);
            return Alike(plain, augmentation, seed);
        }
        catch
        {
            plain.Dispose();
            throw;
        }
    }

    // Targets of several sizes must move with the input.
    private void CheckPlaces(Augmentation wanted)
    {
        if (TargetShape.Count <= 1)
            return;
        if (!IsClassification || !TargetShape.SequenceEqual(InputShape.TakeLast(2)))
            throw new InvalidOperationException(
                $"Each sample has targets of the shape {ShapeText.Of(TargetShape)}, which would stay where they are while its input moves; "
                + $"only a class for each pixel, {ShapeText.Of([.. InputShape.TakeLast(2)])}, moves with it.");
        if (wanted.UnknownToLabels is { } name)
            throw new InvalidOperationException($"Each pixel has a label, and whether the augmentation '{name}' moves pixels is not known.");
    }

    // A part of this data set changes its samples as the whole does.
    private Dataset Alike(Dataset part) => Alike(part, augmentation, augmentationSeed);

    private static Dataset Alike(Dataset part, Augmentation augmentation, ulong seed)
    {
        (part.augmentation, part.augmentationSeed) = (augmentation, seed);
        (part.InputShapes, part.TargetShape) = part.StoredShapes;
        if (augmentation == Augmentation.None)
            return part;
        part.InputShapes = [augmentation.ShapeOf(part.InputShape)];
        if (part.HasLabelsOfPixels)
            part.TargetShape = augmentation.ShapeOf(part.TargetShape);
        return part;
    }

    private static Dataset Unchanged(Dataset part) => Alike(part, Augmentation.None, 0);

    private bool HasLabelsOfPixels => TargetShape.Count > 1;

    /// <summary>A batch as an epoch changes it, in the caller's dispose scope.</summary>
    private (Tensor[] Inputs, Tensor Targets) Changed(Tensor[] inputs, Tensor targets, IReadOnlyList<long> places, int epoch)
    {
        if (augmentation == Augmentation.None)
            return (inputs, targets);
        return (
            [EachChanged(inputs[0], InputShape, places, (input, place) => augmentation.Apply(input, augmentationSeed, epoch, place))],
            HasLabelsOfPixels
                ? EachChanged(targets, TargetShape, places, (labels, place) => augmentation.ApplyToLabels(labels, augmentationSeed, epoch, place))
                : targets);
    }

    private static Tensor EachChanged(Tensor gathered, IReadOnlyList<long> shape, IReadOnlyList<long> places, Func<Tensor, long, Tensor> change)
    {
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        var changed = empty([places.Count, .. shape], gathered.dtype, gathered.device);
        for (var index = 0; index < places.Count; index++)
        {
            using var one = NewDisposeScope();
            changed.select(0, index).copy_(change(gathered.select(0, index), places[index]));
        }

        return changed.MoveToOuterDisposeScope();
    }
}
