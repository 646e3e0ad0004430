using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets;

// How data sets are made, and what is refused.
public sealed partial class Dataset
{
    /// <summary>A data set with classes. It shares the tensors' memory; the caller still owns, and may dispose, the tensors.</summary>
    /// <param name="inputs">(N, ...), N at least 1: floats, or whole numbers such as token ids as int64.</param>
    /// <param name="labels">
    /// Class numbers, int64, each from 0 to the number of class names less one, or <see cref="IgnoredLabel"/>. One label a sample is
    /// (N), not (N, 1); further sizes are places with a label each, such as the pixels (N, height, width). Training refuses labels that
    /// do not have the places of the network's outputs.
    /// </param>
    /// <param name="classNames">What the classes are called, by number; at least one.</param>
    /// <exception cref="ArgumentException">
    /// The tensors hold no samples or not equally many; an input is not finite; the labels are not int64 or one is out of range;
    /// there are no classes.
    /// </exception>
    public static Dataset FromTensors(Tensor inputs, Tensor labels, IReadOnlyList<string> classNames)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        return FromTensors([inputs], labels, classNames);
    }

    /// <summary>A data set with classes and several inputs a sample; see the first overload.</summary>
    /// <param name="inputs">A tensor (N, ...) of each input, in the order in which the network takes them; at least one.</param>
    /// <param name="labels">Class numbers (N, ...), int64.</param>
    /// <param name="classNames">What the classes are called, by number; at least one.</param>
    /// <exception cref="ArgumentException">As for the first overload, or there is no input.</exception>
    public static Dataset FromTensors(IReadOnlyList<Tensor> inputs, Tensor labels, IReadOnlyList<string> classNames)
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
        foreach (var input in inputs)
            CheckFinite(input, nameof(inputs));
        return new Dataset(inputs.Select(input => input.detach()), labels.detach(), [.. classNames]);
    }

    /// <summary>A data set with numbers to regress. It shares the tensors' memory; the caller still owns the tensors.</summary>
    /// <param name="inputs">(N, ...), N at least 1: floats, or whole numbers such as token ids as int64.</param>
    /// <param name="targets">Numbers of a floating-point type, (N, ...).</param>
    /// <exception cref="ArgumentException">
    /// The tensors hold no samples or not equally many; a number is not finite; the targets are no floats.
    /// </exception>
    public static Dataset FromTensors(Tensor inputs, Tensor targets)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        return FromTensors([inputs], targets);
    }

    /// <summary>A data set with numbers to regress and several inputs a sample; see the overload with one input.</summary>
    /// <param name="inputs">A tensor (N, ...) of each input, in the order in which the network takes them; at least one.</param>
    /// <param name="targets">Numbers of a floating-point type, (N, ...).</param>
    /// <exception cref="ArgumentException">As for the overload with one input, or there is no input.</exception>
    public static Dataset FromTensors(IReadOnlyList<Tensor> inputs, Tensor targets)
    {
        CheckSamples(inputs, targets, nameof(targets));
        if (!targets.is_floating_point())
            throw new ArgumentException(
                $"The targets are {targets.dtype}; numbers to regress must be floats. For classes, give class names too.", nameof(targets));
        foreach (var input in inputs)
            CheckFinite(input, nameof(inputs));
        CheckFinite(targets, nameof(targets));
        return new Dataset(inputs.Select(input => input.detach()), targets.detach(), []);
    }

    /// <summary>A data set whose samples are made when a batch needs them, for what does not fit into memory.</summary>
    /// <param name="count">N, at least 1.</param>
    /// <param name="inputShape">The shape of each input.</param>
    /// <param name="targetShape">The shape of each target; empty for one class or number.</param>
    /// <param name="classNames">What the classes are called, by number; empty for numbers to regress.</param>
    /// <param name="load">
    /// From a sample's number, 0 to N - 1, to new tensors on the CPU: its input (of the input type) and its target (int64 classes, or
    /// numbers of single precision), both finite. The same number must give the same sample. Tensors are disposed with the batch. It may be
    /// called on another thread, but never twice at once, whichever parts of the data set ask for samples.
    /// </param>
    /// <param name="inputType">The type of the inputs' elements: single precision, or int64 for whole numbers such as token ids.</param>
    /// <param name="labels">
    /// The class of each sample, where it is known without making the sample: then counts of classes and stratified splits read none. Null
    /// where it is not, or where a sample has many labels or none.
    /// </param>
    /// <exception cref="ArgumentException">There is no sample, a size is below 1, or a label is missing or outside the classes.</exception>
    public static Dataset FromSamples(
        int count,
        IReadOnlyList<long> inputShape,
        IReadOnlyList<long> targetShape,
        IReadOnlyList<string> classNames,
        Func<int, (Tensor Input, Tensor Target)> load,
        ScalarType inputType = ScalarType.Float32,
        IReadOnlyList<long>? labels = null)
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
        if (labels is not null && (labels.Count != count || targetShape.Count > 0))
            throw new ArgumentException(
                $"There are {labels.Count} labels for {count} samples with targets of the shape {ShapeText.Of(targetShape)}; there must be one for each, of no shape.",
                nameof(labels));
        if (labels?.FirstOrDefault(label => label != IgnoredLabel && (label < 0 || label >= classNames.Count), IgnoredLabel) is { } outside and not IgnoredLabel)
            throw new ArgumentException($"A label is {outside}; with {classNames.Count} classes it must be below {classNames.Count}.", nameof(labels));
        // One for all parts: while a run makes batches of one ahead on another thread, it evaluates on another one here.
        var gate = new Lock();
        (Tensor, Tensor) LoadAlone(int number)
        {
            lock (gate)
                return load(number);
        }

        return new Dataset(
            new StreamedSamples(
                [.. Enumerable.Range(0, count)], [[.. inputShape]], [inputType], [.. targetShape], classNames.Count, LoadAlone)
            {
                Labels = labels is null ? null : [.. labels],
            },
            [.. classNames]);
    }

    /// <summary>A data set of single labels whose inputs are written where their batch is.</summary>
    internal static Dataset FromWriter(IReadOnlyList<long> inputShape, IReadOnlyList<string> classNames, IReadOnlyList<long> labels, SampleWriter write)
    {
        (Tensor, Tensor) Load(int number)
        {
            var input = empty([.. inputShape], ScalarType.Float32, device: CPU);
            write(number, MemoryMarshal.Cast<byte, float>(input.bytes));
            return (input, tensor(labels[number], dtype: int64, device: CPU));
        }

        var samples = FromSamples(labels.Count, inputShape, [], classNames, Load, labels: labels);
        return new(samples.stream! with { Write = write }, classNames);
    }

    private static void CheckSamples(IReadOnlyList<Tensor> inputs, Tensor targets, string targetsName)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        ArgumentNullException.ThrowIfNull(targets, targetsName);
        if (inputs.Count == 0)
            throw new ArgumentException("There is no input; a sample needs at least one.", nameof(inputs));
        if (targets.IsInvalid)
            throw new ArgumentException($"The {targetsName} were disposed.", targetsName);
        foreach (var input in inputs)
        {
            ArgumentNullException.ThrowIfNull(input, nameof(inputs));
            if (input.IsInvalid)
                throw new ArgumentException("The inputs were disposed.", nameof(inputs));
            if (input.dim() == 0 || input.shape[0] == 0)
                throw new ArgumentException(
                    $"The inputs have the shape {ShapeText.Of(input.shape)}; there must be at least one sample.", nameof(inputs));
            if (input.shape[0] != inputs[0].shape[0])
                throw new ArgumentException(
                    $"There are {inputs[0].shape[0]} samples of the first input, but {input.shape[0]} of another.", nameof(inputs));
        }

        if (targets.dim() == 0 || targets.shape[0] != inputs[0].shape[0])
            throw new ArgumentException(
                $"There are {inputs[0].shape[0]} inputs, but the {targetsName} have the shape {ShapeText.Of(targets.shape)}.", targetsName);
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
        // Held until the end: the collector may free a number that an operation has just been given and is still reading.
        using var zero = 0.ToScalar();
        using var end = classes.ToScalar();
        using var ignored = IgnoredLabel.ToScalar();
        var outside = flat.lt(zero).logical_or(flat.ge(end)).logical_and(flat.ne(ignored));
        if (!outside.any().item<bool>())
            return null;
        var index = outside.to(ScalarType.Byte).argmax().item<long>();
        return (index, flat[index].item<long>());
    }
}
