using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>
/// Samples in memory, or made as batches need them: inputs and, for each, a class or numbers to regress. It never changes; parts
/// of it are further data sets, each to be disposed on its own.
/// </summary>
public sealed partial class Dataset : IDisposable
{
    /// <summary>The label of what is to be left out of loss and accuracy, such as pixels without a class.</summary>
    public const long IgnoredLabel = -100;

    private readonly Tensor? inputs;
    private readonly Tensor? targets;
    private readonly StreamedSamples? stream;

    // The tensors belong to the data set, not to whichever dispose scope happens to be open.
    private Dataset(Tensor inputs, Tensor targets, IReadOnlyList<string> classNames)
    {
        this.inputs = inputs.DetachFromDisposeScope();
        this.targets = targets.DetachFromDisposeScope();
        ClassNames = classNames;
        Count = checked((int)inputs.shape[0]);
        InputShape = inputs.shape[1..];
        TargetShape = targets.shape[1..];
    }

    private Dataset(StreamedSamples stream, IReadOnlyList<string> classNames)
    {
        this.stream = stream;
        ClassNames = classNames;
        Count = stream.Numbers.Length;
        InputShape = stream.InputShape;
        TargetShape = stream.TargetShape;
    }

    /// <summary>All inputs, (N, ...).</summary>
    /// <exception cref="InvalidOperationException">The data set streams its samples.</exception>
    public Tensor Inputs => inputs ?? throw Streams();

    /// <summary>All targets, (N, ...): class numbers as int64, or numbers to regress.</summary>
    /// <exception cref="InvalidOperationException">The data set streams its samples.</exception>
    public Tensor Targets => targets ?? throw Streams();

    /// <summary>Whether samples are made as batches need them, instead of lying in memory.</summary>
    public bool IsStreaming => stream is not null;

    /// <summary>The type of the inputs' elements.</summary>
    internal ScalarType InputType => inputs?.dtype ?? ScalarType.Float32;

    /// <summary>The type of the targets' elements.</summary>
    internal ScalarType TargetType => targets?.dtype ?? (IsClassification ? ScalarType.Int64 : ScalarType.Float32);

    /// <summary>
    /// The class numbers, int64 (N, ...), each from 0 to the number of class names less one, or <see cref="IgnoredLabel"/>.
    /// </summary>
    /// <exception cref="InvalidOperationException">The data set has no classes, or it streams its samples.</exception>
    public Tensor Labels => IsClassification
        ? Targets
        : throw new InvalidOperationException("This data set has numbers to regress, no class labels; use Targets.");

    /// <summary>What the classes are called, by number; empty where there are none.</summary>
    public IReadOnlyList<string> ClassNames { get; }

    /// <summary>Whether the targets are classes.</summary>
    public bool IsClassification => ClassNames.Count > 0;

    /// <summary>N, how many samples; at least 1.</summary>
    public int Count { get; }

    /// <summary>The shape of one input, without the batch dimension.</summary>
    public IReadOnlyList<long> InputShape { get; }

    /// <summary>The shape of one target, without the batch dimension; empty for a single class or number.</summary>
    public IReadOnlyList<long> TargetShape { get; }

    /// <summary>A data set with classes. It shares the tensors' memory; the caller still owns, and may dispose, the tensors.</summary>
    /// <param name="inputs">(N, ...), N at least 1.</param>
    /// <param name="labels">
    /// Class numbers (N, ...), int64, each from 0 to the number of class names less one, or <see cref="IgnoredLabel"/>.
    /// </param>
    /// <param name="classNames">What the classes are called, by number; at least one.</param>
    /// <exception cref="ArgumentException">
    /// The tensors hold no samples or not equally many; an input is not finite; the labels are not int64 or one is out of range;
    /// there are no classes.
    /// </exception>
    public static Dataset FromTensors(Tensor inputs, Tensor labels, IReadOnlyList<string> classNames)
    {
        CheckSamples(inputs, labels, nameof(labels));
        ArgumentNullException.ThrowIfNull(classNames);
        if (classNames.Count == 0)
            throw new ArgumentException("There are no class names; at least one is needed.", nameof(classNames));
        if (labels.dtype != ScalarType.Int64)
            throw new ArgumentException($"The labels are {labels.dtype}; they must be Int64.", nameof(labels));
        if (FirstOutside(labels, classNames.Count) is var (index, label))
            throw new ArgumentException(
                $"Label {index} is {label}; with {classNames.Count} classes it must lie between 0 and {classNames.Count - 1}.",
                nameof(labels));
        CheckFinite(inputs, nameof(inputs));
        return new Dataset(inputs.detach(), labels.detach(), [.. classNames]);
    }

    /// <summary>A data set with numbers to regress. It shares the tensors' memory; the caller still owns the tensors.</summary>
    /// <param name="inputs">(N, ...), N at least 1.</param>
    /// <param name="targets">Numbers of a floating-point type, (N, ...).</param>
    /// <exception cref="ArgumentException">
    /// The tensors hold no samples or not equally many; a number is not finite; the targets are no floats.
    /// </exception>
    public static Dataset FromTensors(Tensor inputs, Tensor targets)
    {
        CheckSamples(inputs, targets, nameof(targets));
        if (!targets.is_floating_point())
            throw new ArgumentException(
                $"The targets are {targets.dtype}; numbers to regress must be floats. For classes, give class names too.", nameof(targets));
        CheckFinite(inputs, nameof(inputs));
        CheckFinite(targets, nameof(targets));
        return new Dataset(inputs.detach(), targets.detach(), []);
    }

    /// <summary>A data set whose samples are made when a batch needs them, for what does not fit into memory.</summary>
    /// <param name="count">N, at least 1.</param>
    /// <param name="inputShape">The shape of each input.</param>
    /// <param name="targetShape">The shape of each target; empty for one class or number.</param>
    /// <param name="classNames">What the classes are called, by number; empty for numbers to regress.</param>
    /// <param name="load">
    /// From a sample's number, 0 to N - 1, to new tensors on the CPU: its input (single precision) and its target (int64 classes, or
    /// numbers of single precision). The same number must give the same sample. Tensors are disposed with the batch.
    /// </param>
    /// <exception cref="ArgumentException">There is no sample or a size is below 1.</exception>
    public static Dataset FromSamples(
        int count,
        IReadOnlyList<long> inputShape,
        IReadOnlyList<long> targetShape,
        IReadOnlyList<string> classNames,
        Func<int, (Tensor Input, Tensor Target)> load)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        ArgumentNullException.ThrowIfNull(load);
        foreach (var (shape, argument) in new[] { (inputShape, nameof(inputShape)), (targetShape, nameof(targetShape)) })
        {
            ArgumentNullException.ThrowIfNull(shape, argument);
            if (shape.Any(size => size < 1))
                throw new ArgumentException($"The shape is {ShapeText.Of(shape)}; every size must be at least 1.", argument);
        }

        ArgumentNullException.ThrowIfNull(classNames);
        return new Dataset(
            new StreamedSamples([.. Enumerable.Range(0, count)], [.. inputShape], [.. targetShape], classNames.Count, load), [.. classNames]);
    }

    /// <summary>All samples in memory; this data set stays as it is.</summary>
    /// <returns>The data set; the caller disposes it.</returns>
    public Dataset ToMemory()
    {
        using var scope = NewDisposeScope();
        if (stream is null)
            return new(Inputs.clone(), Targets.clone(), ClassNames);
        var (allInputs, allTargets) = stream.Gather([.. Places(0, Count)]);
        return new(allInputs, allTargets, ClassNames);
    }

    /// <summary>
    /// Goes through all samples once. The order depends on the seed and the epoch only. A batch lives until the next one is
    /// asked for: whoever keeps its tensors longer must copy them.
    /// </summary>
    /// <param name="batchSize">How many samples per batch, at least 1; the last batch holds what is left.</param>
    /// <param name="seed">Any seed.</param>
    /// <param name="epoch">Which pass, at least 0; each has an order of its own.</param>
    /// <param name="shuffle">Whether the order is by chance; if not, it is the data set's.</param>
    /// <exception cref="ArgumentOutOfRangeException">The batch size or the epoch is out of range.</exception>
    public IEnumerable<Batch> Batches(int batchSize, ulong seed = 0, int epoch = 0, bool shuffle = true)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(batchSize, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(epoch);
        return shuffle ? Shuffled(batchSize, seed, epoch) : InOrder(batchSize);
    }

    /// <summary>The same samples on a device. A data set that streams is brought into memory.</summary>
    /// <param name="device">Where to.</param>
    public Dataset To(Device device)
    {
        if (stream is not null)
        {
            using var inMemory = ToMemory();
            return inMemory.To(device);
        }

        using var scope = NewDisposeScope();
        return new(Inputs.to(device).alias(), Targets.to(device).alias(), ClassNames);
    }

    /// <summary>Frees this data set's tensors.</summary>
    public void Dispose()
    {
        inputs?.Dispose();
        targets?.Dispose();
    }

    private static InvalidOperationException Streams() => new(
        "This data set streams its samples, which are never all in memory; go through Batches, or call ToMemory().");

    private static IEnumerable<long> Places(int start, int count) => Enumerable.Range(start, count).Select(place => (long)place);

    private IEnumerable<Batch> Shuffled(int batchSize, ulong seed, int epoch)
    {
        var order = SampleOrder.Permutation("batches", seed, (ulong)epoch, Count);
        foreach (var numbers in order.Chunk(batchSize))
        {
            using var batch = Gather(numbers);
            yield return batch;
        }
    }

    private IEnumerable<Batch> InOrder(int batchSize)
    {
        for (var start = 0; start < Count; start += batchSize)
        {
            var count = Math.Min(batchSize, Count - start);
            using var batch = stream is null
                ? new Batch(Inputs.narrow(0, start, count), Targets.narrow(0, start, count), [.. Places(start, count)])
                : Gather([.. Places(start, count)]);
            yield return batch;
        }
    }

    private Batch Gather(long[] numbers)
    {
        using var scope = NewDisposeScope();
        if (stream is not null)
        {
            var (someInputs, someTargets) = stream.Gather(numbers);
            return new Batch(someInputs, someTargets, numbers);
        }

        var index = tensor(numbers, device: Inputs.device);
        return new Batch(Inputs.index_select(0, index), Targets.index_select(0, index), numbers);
    }

    private Dataset Select(long[] numbers)
    {
        if (stream is not null)
            return new Dataset(stream.At(numbers), ClassNames);
        using var scope = NewDisposeScope();
        var index = tensor(numbers, device: Inputs.device);
        return new Dataset(Inputs.index_select(0, index), Targets.index_select(0, index), ClassNames);
    }

    private static void CheckSamples(Tensor inputs, Tensor targets, string targetsName)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        ArgumentNullException.ThrowIfNull(targets, targetsName);
        if (inputs.dim() == 0 || inputs.shape[0] == 0)
            throw new ArgumentException(
                $"The inputs have the shape {ShapeText.Of(inputs.shape)}; there must be at least one sample.", nameof(inputs));
        if (targets.dim() == 0 || targets.shape[0] != inputs.shape[0])
            throw new ArgumentException(
                $"There are {inputs.shape[0]} inputs, but the {targetsName} have the shape {ShapeText.Of(targets.shape)}.", targetsName);
    }

    private static void CheckFinite(Tensor samples, string argument)
    {
        if (FiniteNumbers.AllIn(samples))
            return;
        using var scope = NewDisposeScope();
        var bad = samples.reshape(samples.shape[0], -1).isfinite().logical_not().any(1);
        throw new ArgumentException(
            $"Sample {bad.to(ScalarType.Byte).argmax().item<long>()} of the {argument} holds a number that is not finite, "
            + $"the first of {bad.sum().item<long>()} such samples.",
            argument);
    }

    /// <summary>The first label that is neither a class nor the ignored one.</summary>
    internal static (long Index, long Label)? FirstOutside(Tensor labels, int classes)
    {
        using var scope = NewDisposeScope();
        var flat = labels.reshape(-1);
        var outside = flat.lt(0).logical_or(flat.ge(classes)).logical_and(flat.ne(IgnoredLabel));
        if (!outside.any().item<bool>())
            return null;
        var index = outside.to(ScalarType.Byte).argmax().item<long>();
        return (index, flat[index].item<long>());
    }
}
