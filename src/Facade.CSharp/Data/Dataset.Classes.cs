using static TorchSharp.torch;

namespace MappingNets;

// What a data set with one class a sample knows of its classes.
public sealed partial class Dataset
{
    /// <summary>
    /// How many samples each class has, by number. Where samples are made and their labels were not announced, each is made once for this.
    /// </summary>
    /// <exception cref="InvalidOperationException">The samples have no classes, or a class for each place, or one that is made is bad, as for <see cref="Batches"/>.</exception>
    /// <exception cref="ObjectDisposedException">The data set is disposed.</exception>
    public IReadOnlyList<long> ClassCounts()
    {
        var counts = new long[ClassNames.Count];
        foreach (var label in EachLabel())
            if (label != IgnoredLabel)
                counts[label]++;
        return counts;
    }

    /// <summary>
    /// Weights by which every class counts alike in a loss, N / (K n) for a class of n samples, as in
    /// <c>TaskLoss.CrossEntropy(classWeights: data.BalancedWeights())</c>. Their mean over the samples is 1.
    /// </summary>
    /// <returns>A weight for each class, by number.</returns>
    /// <exception cref="InvalidOperationException">The samples have no classes, or a class for each place, or a class has no sample; or a sample that is made is bad, as for <see cref="Batches"/>.</exception>
    /// <exception cref="ObjectDisposedException">The data set is disposed.</exception>
    public IReadOnlyList<double> BalancedWeights()
    {
        var counts = ClassCounts();
        for (var number = 0; number < counts.Count; number++)
            if (counts[number] == 0)
                throw new InvalidOperationException($"The class '{ClassNames[number]}' has no sample, so no weight balances it.");
        var all = (double)counts.Sum();
        return [.. counts.Select(count => all / counts.Count / count)];
    }

    /// <summary>
    /// Splits at random so that each class has its share in both parts, the same way for the same seed on every machine; both parts keep the
    /// order and copy their samples. What is held out is not augmented.
    /// </summary>
    /// <param name="fraction">The part of each class that is held out, rounded to whole samples; between 0 and 1, both excluded.</param>
    /// <param name="seed">Any seed.</param>
    /// <exception cref="ArgumentOutOfRangeException">The fraction is out of range, or so small or large that a part would be empty.</exception>
    /// <exception cref="InvalidOperationException">The samples have no classes, or a class for each place, or one that is made is bad, as for <see cref="Batches"/>.</exception>
    /// <exception cref="ObjectDisposedException">The data set is disposed.</exception>
    public (Dataset Training, Dataset HeldOut) SplitStratified(double fraction, ulong seed)
    {
        if (!(fraction > 0 && fraction < 1))
            throw new ArgumentOutOfRangeException(nameof(fraction), fraction, "The fraction must lie between 0 and 1.");
        var (kept, heldOut) = (new List<long>(), new List<long>());
        foreach (var places in EachLabel().Select((label, place) => (label, place: (long)place)).ToLookup(each => each.label, each => each.place))
        {
            var ofClass = places.ToArray();
            var count = (int)Math.Round(fraction * ofClass.Length);
            var order = SampleOrder.Permutation("stratified", seed, (ulong)places.Key, ofClass.Length);
            heldOut.AddRange(order[..count].Select(index => ofClass[index]));
            kept.AddRange(order[count..].Select(index => ofClass[index]));
        }

        if (kept.Count == 0 || heldOut.Count == 0)
            throw new ArgumentOutOfRangeException(
                nameof(fraction), fraction, $"Both parts need a sample: of {Count} it would hold out {heldOut.Count}.");
        return (Select([.. kept.Order()]), Unchanged(Select([.. heldOut.Order()])));
    }

    /// <summary>The class of each sample, by place.</summary>
    private long[] EachLabel()
    {
        if (!IsClassification || TargetShape.Count > 0)
            throw new InvalidOperationException(
                IsClassification ? "Each sample has many labels, so it is of no one class." : "This data set has numbers to regress, no class labels.");
        if (Alive.stream is null)
        {
            using var labels = Labels.cpu();
            return labels.data<long>().ToArray();
        }

        if (stream!.Labels is { } known)
            return [.. stream.Numbers.Select(number => known[number])];
        var made = new long[Count];
        for (var place = 0; place < Count; place++)
        {
            using var scope = NewDisposeScope();
            made[place] = stream.Gather([place]).Targets.item<long>();
        }

        return made;
    }
}
