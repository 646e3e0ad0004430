using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>
/// Samples in memory, or made as batches need them: one input or several and, for each, a class or numbers to regress. It never changes; parts
/// of it are further data sets, each to be disposed on its own.
/// </summary>
public sealed partial class Dataset : IDisposable
{
    /// <summary>The label of what is to be left out of loss and accuracy, such as pixels without a class.</summary>
    public const long IgnoredLabel = -100;

    private readonly Tensor[]? inputs;
    private readonly Tensor? targets;
    private readonly StreamedSamples? stream;
    private bool isDisposed;

    // The tensors belong to the data set, not to whichever dispose scope happens to be open.
    private Dataset(IEnumerable<Tensor> inputs, Tensor targets, IReadOnlyList<string> classNames)
    {
        this.inputs = [.. inputs.Select(input => input.DetachFromDisposeScope())];
        this.targets = targets.DetachFromDisposeScope();
        ClassNames = classNames;
        Count = checked((int)targets.shape[0]);
        InputTypes = [.. this.inputs.Select(input => input.dtype)];
        (InputShapes, TargetShape) = StoredShapes;
    }

    private Dataset(StreamedSamples stream, IReadOnlyList<string> classNames)
    {
        this.stream = stream;
        ClassNames = classNames;
        Count = stream.Numbers.Length;
        InputTypes = stream.InputTypes;
        (InputShapes, TargetShape) = StoredShapes;
    }

    /// <summary>All of the only input, (N, ...).</summary>
    /// <exception cref="InvalidOperationException">The data set streams its samples, or each has several inputs.</exception>
    /// <exception cref="ObjectDisposedException">The data set is disposed.</exception>
    public Tensor Inputs => InputList is [var only] ? only : throw Several(nameof(InputList));

    /// <summary>All of each input, (N, ...), in the order in which a network takes them.</summary>
    /// <exception cref="InvalidOperationException">The data set streams its samples.</exception>
    /// <exception cref="ObjectDisposedException">The data set is disposed.</exception>
    public IReadOnlyList<Tensor> InputList => Alive.inputs ?? throw Streams();

    /// <summary>All targets, (N, ...): class numbers as int64, or numbers to regress.</summary>
    /// <exception cref="InvalidOperationException">The data set streams its samples.</exception>
    /// <exception cref="ObjectDisposedException">The data set is disposed.</exception>
    public Tensor Targets => Alive.targets ?? throw Streams();

    /// <summary>Whether samples are made as batches need them, instead of lying in memory.</summary>
    public bool IsStreaming => stream is not null;

    /// <summary>Whether a batch is more than a copy of what lies in memory.</summary>
    internal bool MakesSamples => IsStreaming || augmentation != Augmentation.None;

    /// <summary>The shapes of a sample's inputs and target as they lie in memory or are made, before any augmentation.</summary>
    private (IReadOnlyList<IReadOnlyList<long>> Inputs, IReadOnlyList<long> Target) StoredShapes => stream is null
        ? ([.. inputs!.Select(input => input.shape[1..])], targets!.shape[1..])
        : (stream.InputShapes, stream.TargetShape);

    /// <summary>The type of each input's elements.</summary>
    internal IReadOnlyList<ScalarType> InputTypes { get; }

    /// <summary>The type of the targets' elements.</summary>
    internal ScalarType TargetType => targets?.dtype ?? (IsClassification ? ScalarType.Int64 : ScalarType.Float32);

    /// <summary>
    /// The class numbers, int64 (N, ...), each from 0 to the number of class names less one, or <see cref="IgnoredLabel"/>.
    /// </summary>
    /// <exception cref="InvalidOperationException">The data set has no classes, or it streams its samples.</exception>
    /// <exception cref="ObjectDisposedException">The data set is disposed.</exception>
    public Tensor Labels => IsClassification
        ? Targets
        : throw new InvalidOperationException("This data set has numbers to regress, no class labels; use Targets.");

    /// <summary>What the classes are called, by number; empty where there are none.</summary>
    public IReadOnlyList<string> ClassNames { get; }

    /// <summary>Whether the targets are classes.</summary>
    public bool IsClassification => ClassNames.Count > 0;

    /// <summary>N, how many samples; at least 1.</summary>
    public int Count { get; }

    /// <summary>The shape of the only input, without the batch dimension.</summary>
    /// <exception cref="InvalidOperationException">Each sample has several inputs.</exception>
    public IReadOnlyList<long> InputShape => InputShapes is [var only] ? only : throw Several(nameof(InputShapes));

    /// <summary>The shape of each input in batches, without the batch dimension.</summary>
    public IReadOnlyList<IReadOnlyList<long>> InputShapes { get; private set; }

    /// <summary>The shape of one target in batches, without the batch dimension; empty for a single class or number.</summary>
    public IReadOnlyList<long> TargetShape { get; private set; }

    /// <summary>All samples in memory; this data set stays as it is.</summary>
    /// <returns>The data set; the caller disposes it.</returns>
    /// <exception cref="InvalidOperationException">A sample that is made came in another shape or type than announced, with a wrong label or a number that is not finite.</exception>
    /// <exception cref="ObjectDisposedException">The data set is disposed.</exception>
    public Dataset ToMemory()
    {
        using var scope = NewDisposeScope();
        if (Alive.stream is null)
            return Alike(new(InputList.Select(input => input.clone()), Targets.clone(), ClassNames));
        var (allInputs, allTargets) = stream!.Gather([.. Places(0, Count)]);
        return Alike(new(allInputs, allTargets, ClassNames));
    }

    /// <summary>
    /// Goes through all samples once. The order depends on the seed and the epoch only. A batch lives until the next one is
    /// asked for: copy its tensors to keep them longer.
    /// </summary>
    /// <param name="batchSize">How many samples per batch, at least 1; the last batch holds what is left.</param>
    /// <param name="seed">Any seed.</param>
    /// <param name="epoch">Which pass, at least 0; each has an order of its own.</param>
    /// <param name="shuffle">Whether the order is random; if not, it is the data set's.</param>
    /// <exception cref="ArgumentOutOfRangeException">The batch size or the epoch is out of range.</exception>
    /// <exception cref="InvalidOperationException">
    /// While batches are taken: a sample that is made came in another shape or type than announced, with a wrong label or a number that is not finite.
    /// </exception>
    /// <exception cref="ObjectDisposedException">The data set is disposed.</exception>
    public IEnumerable<Batch> Batches(int batchSize, ulong seed = 0, int epoch = 0, bool shuffle = true)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(batchSize, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(epoch);
        _ = Alive;
        return shuffle ? Shuffled(batchSize, seed, epoch) : InOrder(batchSize, epoch);
    }

    /// <summary>The order of the samples in an epoch of <see cref="Batches"/>.</summary>
    internal long[] Order(ulong seed, int epoch) => SampleOrder.Permutation("batches", seed, (ulong)epoch, Count);

    /// <summary>The samples at some places, as a batch; the caller disposes it.</summary>
    internal Batch At(long[] places, int epoch) => Gather(places, epoch);

    /// <summary>The same samples on a device. A data set that streams is brought into memory.</summary>
    /// <param name="device">Where to.</param>
    /// <exception cref="InvalidOperationException">A sample that is made came in another shape or type than announced, with a wrong label or a number that is not finite.</exception>
    /// <exception cref="ObjectDisposedException">The data set is disposed.</exception>
    public Dataset To(Device device)
    {
        if (stream is not null)
        {
            using var inMemory = ToMemory();
            return inMemory.To(device);
        }

        using var scope = NewDisposeScope();
        return Alike(new(InputList.Select(input => input.to(device).alias()), Targets.to(device).alias(), ClassNames));
    }

    /// <summary>Frees this data set's tensors.</summary>
    public void Dispose()
    {
        isDisposed = true;
        foreach (var input in inputs ?? [])
            input.Dispose();
        targets?.Dispose();
    }

    /// <summary>This data set, unless it was disposed.</summary>
    private Dataset Alive => isDisposed
        ? throw new ObjectDisposedException(nameof(Dataset), "The data set was disposed; its tensors are gone.")
        : this;

    private InvalidOperationException Several(string property) =>
        new($"Each sample has {InputShapes.Count} inputs; {property} has them all.");

    private static InvalidOperationException Streams() => new(
        "This data set streams its samples, which are never all in memory; go through Batches, or call ToMemory().");

    private static IEnumerable<long> Places(int start, int count) => Enumerable.Range(start, count).Select(place => (long)place);

    private IEnumerable<Batch> Shuffled(int batchSize, ulong seed, int epoch)
    {
        foreach (var numbers in Order(seed, epoch).Chunk(batchSize))
        {
            using var batch = Gather(numbers, epoch);
            yield return batch;
        }
    }

    private IEnumerable<Batch> InOrder(int batchSize, int epoch)
    {
        for (var start = 0; start < Count; start += batchSize)
        {
            var count = Math.Min(batchSize, Count - start);
            using var batch = stream is null && augmentation == Augmentation.None
                ? new Batch([.. InputList.Select(input => input.narrow(0, start, count))], Targets.narrow(0, start, count), [.. Places(start, count)])
                : Gather([.. Places(start, count)], epoch);
            yield return batch;
        }
    }

    private Batch Gather(long[] numbers, int epoch)
    {
        using var scope = NewDisposeScope();
        var (gatheredInputs, gatheredTargets) = Alive.stream is null ? InMemory(numbers) : stream!.Gather(numbers);
        var (someInputs, someTargets) = Changed(gatheredInputs, gatheredTargets, numbers, epoch);
        return new Batch(someInputs, someTargets, numbers);
    }

    private Dataset Select(long[] numbers)
    {
        if (Alive.stream is not null)
            return Alike(new Dataset(stream!.At(numbers), ClassNames));
        using var scope = NewDisposeScope();
        var (someInputs, someTargets) = InMemory(numbers);
        return Alike(new Dataset(someInputs, someTargets, ClassNames));
    }

    private (Tensor[] Inputs, Tensor Targets) InMemory(long[] numbers)
    {
        var index = tensor(numbers, dtype: int64, device: Targets.device);
        return ([.. InputList.Select(input => input.index_select(0, index))], Targets.index_select(0, index));
    }
}
