using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets;

// The parts that can be taken of a data set.
public sealed partial class Dataset
{
    /// <summary>The first samples, sharing this data set's memory.</summary>
    /// <param name="count">How many, 1 to <see cref="Count"/>.</param>
    /// <exception cref="ArgumentOutOfRangeException">The number is out of range.</exception>
    /// <exception cref="ObjectDisposedException">The data set is disposed.</exception>
    public Dataset Take(int count) => Slice(0, count);

    /// <summary>Neighbouring samples, sharing this data set's memory.</summary>
    /// <param name="start">The first sample's number, from 0.</param>
    /// <param name="count">How many, at least 1, ending within the data set.</param>
    /// <exception cref="ArgumentOutOfRangeException">A number is out of range.</exception>
    /// <exception cref="ObjectDisposedException">The data set is disposed.</exception>
    public Dataset Slice(int start, int count)
    {
        if (start < 0 || start >= Count)
            throw new ArgumentOutOfRangeException(nameof(start), start, $"The start must lie between 0 and {Count - 1}.");
        if (count < 1 || count > Count - start)
            throw new ArgumentOutOfRangeException(nameof(count), count, $"The count must lie between 1 and {Count - start}.");
        return Alike(Alive.stream is null
            ? new Dataset(InputList.Select(input => input.narrow(0, start, count)), Targets.narrow(0, start, count), ClassNames)
            : new Dataset(stream!.At(Places(start, count)), ClassNames));
    }

    /// <summary>The samples of some classes, copied in their order; the classes are numbered anew as they are given here.</summary>
    /// <param name="classes">Class numbers, none twice; at least one of them has samples.</param>
    /// <exception cref="ArgumentException">There is no class, one is unknown or given twice, or there is no sample of them.</exception>
    /// <exception cref="InvalidOperationException">The data set has no classes, or one for each pixel, or it is streamed.</exception>
    /// <exception cref="ObjectDisposedException">The data set is disposed.</exception>
    public Dataset OfClasses(params int[] classes)
    {
        ArgumentNullException.ThrowIfNull(classes);
        var labels = Labels;
        if (TargetShape.Count > 0)
            throw new InvalidOperationException("Each sample has many labels; only samples of one class each can be chosen by class.");
        if (classes.Length == 0)
            throw new ArgumentException("There is no class to keep.", nameof(classes));
        foreach (var number in classes)
            if (number < 0 || number >= ClassNames.Count || classes.Count(other => other == number) > 1)
                throw new ArgumentException(
                    $"Class {number} is unknown or given twice; there are {ClassNames.Count} classes, from 0 on.", nameof(classes));
        using var scope = NewDisposeScope();
        using var none = (-1).ToScalar();
        using var zero = 0.ToScalar();
        var renumbered = full_like(labels, none);
        for (var index = 0; index < classes.Length; index++)
        {
            using var old = classes[index].ToScalar();
            using var place = index.ToScalar();
            renumbered.masked_fill_(labels.eq(old), place);
        }

        var kept = renumbered.ge(zero).nonzero().squeeze(1);
        if (kept.shape[0] == 0)
            throw new ArgumentException($"There is no sample of the classes {string.Join(", ", classes)}.", nameof(classes));
        return Alike(new Dataset(
            InputList.Select(input => input.index_select(0, kept)), renumbered.index_select(0, kept), [.. classes.Select(number => ClassNames[number])]));
    }

    /// <summary>
    /// Splits at random, the same way for the same seed on every machine; both parts keep the order and copy their samples.
    /// What is held out is not augmented.
    /// </summary>
    /// <param name="count">How many samples are held out, 1 to <see cref="Count"/> - 1.</param>
    /// <param name="seed">Any seed.</param>
    /// <exception cref="ArgumentOutOfRangeException">One of the parts would be empty.</exception>
    /// <exception cref="ObjectDisposedException">The data set is disposed.</exception>
    public (Dataset Training, Dataset HeldOut) SplitHoldOut(int count, ulong seed)
    {
        if (count < 1 || count >= Count)
            throw new ArgumentOutOfRangeException(
                nameof(count), count, $"Both parts need a sample: of {Count}, between 1 and {Count - 1} can be held out.");
        var order = SampleOrder.Permutation("hold out", seed, 0, Count);
        return (Select([.. order[count..].Order()]), Unchanged(Select([.. order[..count].Order()])));
    }

    /// <summary>Splits at random, like the split by count.</summary>
    /// <param name="fraction">The part that is held out, rounded to whole samples; between 0 and 1, both excluded.</param>
    /// <param name="seed">Any seed.</param>
    /// <exception cref="ArgumentOutOfRangeException">
    /// The fraction is out of range, or so small or large that a part would be empty.
    /// </exception>
    /// <exception cref="ObjectDisposedException">The data set is disposed.</exception>
    public (Dataset Training, Dataset HeldOut) SplitHoldOut(double fraction, ulong seed)
    {
        if (!(fraction > 0 && fraction < 1))
            throw new ArgumentOutOfRangeException(nameof(fraction), fraction, "The fraction must lie between 0 and 1.");
        var count = (int)Math.Round(fraction * Count);
        if (count < 1 || count >= Count)
            throw new ArgumentOutOfRangeException(
                nameof(fraction), fraction, $"Both parts need a sample: of {Count} it would hold out {count}.");
        return SplitHoldOut(count, seed);
    }
}
