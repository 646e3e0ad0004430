using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>
/// Weights (and buffers) to start a fine-tuning from: named tensors, from another model, a safetensors file or one flat vector. It owns copies
/// in native memory, or an open file (<see cref="OnDisk"/>); dispose it. Models that were built from it do not need it any more.
/// </summary>
public sealed partial class PretrainedWeights : IDisposable
{
    private readonly Dictionary<string, Tensor> tensors;
    private readonly Dictionary<string, CheckpointFormatException> unusable = new(StringComparer.Ordinal);
    // What stands in a file that the weights stay in, by the names that they have here.
    private readonly Dictionary<string, SafetensorsEntry> entries = new(StringComparer.Ordinal);
    // What the module that the weights are of had beside them: its owner froze these parameters, so they are no part of the weights.
    private readonly Dictionary<string, FrozenHash> frozen = new(StringComparer.Ordinal);
    // The network that the weights are of, whose frozen parameters need no comparison with themselves; it may go before the weights.
    private readonly WeakReference<TargetNetwork>? origin;
    private bool isDisposed;

    private PretrainedWeights(WeightFile file)
    {
        (Source, File, tensors) = ($"'{file.FileName}'", file, []);
        entries = file.Entries.ToDictionary(entry => entry.Name, StringComparer.Ordinal);
    }

    private PretrainedWeights(string source, IEnumerable<(string Name, Tensor Tensor)> tensors, bool owned = false, TargetNetwork? network = null)
    {
        Source = source;
        using var noGradient = no_grad();
        if (network is not null)
        {
            origin = new(network.Plain);
            foreach (var (name, values) in network.Frozen())
                frozen.Add(name, FrozenHash.Of(values));
        }

        this.tensors = tensors.ToDictionary(
            pair => pair.Name,
            pair => owned ? pair.Tensor : Plain(pair.Tensor),
            StringComparer.Ordinal);
    }

    /// <summary>Where they come from, as messages call it.</summary>
    public string Source { get; }

    /// <summary>
    /// The tensors' names, without those of a file whose types hold no weights, and of parameters that are frozen in the module which the weights are of.
    /// </summary>
    /// <exception cref="ObjectDisposedException">The weights are disposed.</exception>
    public IReadOnlyCollection<string> Names
    {
        get
        {
            RequireAlive();
            return File is null ? tensors.Keys : [.. entries.Where(pair => SafetensorsTypes.HoldsWeights(pair.Value)).Select(pair => pair.Key)];
        }
    }

    /// <summary>
    /// The weights and buffers that a model has now; of a network with matrices of low rank the factors and the products, so that
    /// either network can start from them. Of a module with frozen parameters they are held to these: networks that have others refuse them.
    /// </summary>
    /// <param name="model">Any model; it is not changed.</param>
    /// <exception cref="ObjectDisposedException">The model is disposed, or its target, whose module has frozen parameters.</exception>
    public static PretrainedWeights Of(Model model)
    {
        ArgumentNullException.ThrowIfNull(model);
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        var weights = model.CurrentWeights();
        return new(
            $"the model of '{model.Target.Name}'",
            [
                .. model.Target.Parameters.Zip(weights, (parameter, weight) => (parameter.Name, weight)),
                .. model.Target.Plain.Parameters.Zip(model.Target.PlainWeights(weights), (parameter, weight) => (parameter.Name, weight))
                    .ExceptBy(model.Target.Parameters.Select(parameter => parameter.Name), pair => pair.Name),
                .. model.Target.Buffers.Zip(model.State.Tensors, (buffer, values) => (buffer.Name, values)),
            ],
            network: model.Target);
    }

    /// <summary>
    /// The weights and buffers that a user's own module came with; networks that have other frozen parameters than the module refuse them.
    /// </summary>
    /// <param name="target">The target that has the module on loan; it is not changed.</param>
    /// <exception cref="ObjectDisposedException">The target is disposed, and its copies of them with it; or its module, which has frozen parameters.</exception>
    public static PretrainedWeights Of(ModuleTarget target)
    {
        ArgumentNullException.ThrowIfNull(target);
        return new(
            $"the module of '{target.Name}'",
            [
                .. target.Parameters.Select(parameter => parameter.Name).Zip(target.OwnWeights),
                .. target.Buffers.Select(buffer => buffer.Name).Zip(target.OwnBuffers),
            ],
            network: target);
    }

    /// <summary>Weights as one flat vector in the order of a network's parameters, as <see cref="Model.FlatWeights"/> gives it.</summary>
    /// <param name="target">The network they are of.</param>
    /// <param name="theta">Shape (P), finite floats; copied.</param>
    /// <param name="state">The network's buffers, such as running means; where null, as they are before training.</param>
    /// <exception cref="ArgumentException">
    /// The vector has another shape, is no float or holds a number that is not finite; the buffers are another network's.
    /// </exception>
    public static PretrainedWeights FromFlat(TargetNetwork target, Tensor theta, NetworkState? state = null)
    {
        ArgumentNullException.ThrowIfNull(target);
        ArgumentNullException.ThrowIfNull(theta);
        if (!theta.shape.SequenceEqual([target.ParameterCount]))
            throw new ArgumentException(
                $"The vector has the shape {ShapeText.Of(theta.shape)}; '{target.Name}' has ({target.ParameterCount}) weights.", nameof(theta));
        if (!theta.is_floating_point())
            throw new ArgumentException($"The vector is {theta.dtype}; weights must be floats.", nameof(theta));
        if (!FiniteNumbers.AllIn(theta))
            throw new ArgumentException("The vector holds a number that is not finite.", nameof(theta));
        if (state is not null)
            target.CheckState(state);
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        using var start = target.CreateState();
        return new(
            $"the flat weights of '{target.Name}'",
            [
                .. target.Parameters.Zip(target.Layout.Split(theta), (parameter, weight) => (parameter.Name, weight)),
                .. target.Buffers.Zip((state ?? start).Tensors, (buffer, values) => (buffer.Name, values)),
            ]);
    }

    /// <summary>All tensors of a safetensors file, such as <see cref="Model.Export"/> or PyTorch's users write.</summary>
    /// <param name="path">
    /// The file; floats of any precision, the 8-bit ones among them, become single precision, encoded and sparse tensors what they stand
    /// for. Infinities are read, since a mask may consist of them; a network refuses them where it starts with finite numbers. Tensors of
    /// complex numbers and of 4 or 6 bits an element are passed over, and refused by name where a network needs one.
    /// </param>
    /// <param name="limits">What the file may cost; <see cref="ReadLimits.Default"/> where none are given.</param>
    /// <exception cref="CheckpointFormatException">
    /// The file is damaged or beyond the limits, a tensor holds a NaN, or it is an adapter or another file of this library without weights;
    /// the message names what reads it.
    /// </exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static PretrainedWeights FromFile(string path, ReadLimits? limits = null)
    {
        using var file = TensorFile.Read(path, limits);
        AdapterHeader.RefuseInsteadOfWeights(file);
        file.CheckContent();
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        var read = new List<(string, Tensor)>();
        try
        {
            foreach (var entry in file.Entries.Where(SafetensorsTypes.HoldsWeights))
                read.Add((entry.Name, Numbers(file, entry.Name)));
            var weights = new PretrainedWeights($"'{path}'", read, owned: true);
            foreach (var entry in file.Entries.Where(entry => !SafetensorsTypes.HoldsWeights(entry)))
                weights.unusable.Add(entry.Name, Unusable(path, entry));
            return weights;
        }
        catch
        {
            read.ForEach(pair => pair.Item2.Dispose());
            throw;
        }
    }

    /// <summary>
    /// Weights that stay in their safetensors file, for a base that is larger than memory: a streamed fine-tuning
    /// (<see cref="FineTuning.Streamed"/>) reads each layer's weights when the layer computes. The file is open until this object and all
    /// models that were built from it are disposed, and must not be written to until then.
    /// </summary>
    /// <param name="path">
    /// The file, as for <see cref="FromFile"/>; the weights that a network needs as F32, F16 or BF16, or in half precision, int8 or int4 as
    /// <see cref="Model.Export"/> writes them, not sparse: the base of a fine-tuning in a byte or half a byte a weight. It is read through once here
    /// where it carries a hash of its content, and once when a model is built, which looks for numbers that are not finite.
    /// </param>
    /// <exception cref="CheckpointFormatException">The file is damaged, or it is an adapter or another file of this library without weights.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static PretrainedWeights OnDisk(string path) => new(WeightFile.Open(path));

    /// <summary>Named tensors from a file of a format that another assembly reads; each is copied before the next is asked for.</summary>
    /// <param name="source">Where they come from, as messages call it.</param>
    /// <param name="path">The file.</param>
    /// <param name="tensors">The tensors, by names that differ.</param>
    /// <exception cref="CheckpointFormatException">A tensor holds a NaN, or a finite number that single precision cannot hold.</exception>
    internal static PretrainedWeights Read(string source, string path, IEnumerable<(string Name, Tensor Tensor)> tensors)
    {
        using var noGradient = no_grad();
        var read = new List<(string Name, Tensor Tensor)>();
        try
        {
            foreach (var (name, tensor) in tensors)
            {
                read.Add((name, Plain(tensor)));
                if (!IsReadable(tensor, read[^1].Tensor))
                    throw new CheckpointFormatException(
                        path, $"has the tensor '{MessageText.Of(name)}', which holds a NaN or a number beyond single precision.");
            }

            return new(source, read, owned: true);
        }
        catch
        {
            read.ForEach(pair => pair.Tensor.Dispose());
            throw;
        }
    }

    // One tensor at a time, so that the file is never in memory twice.
    private static Tensor Numbers(TensorFile file, string name)
    {
        using var scope = NewDisposeScope();
        var values = file.Load(name);
        var numbers = (values.is_floating_point() ? values.to(float32) : values).contiguous();
        if (!IsReadable(values, numbers))
            throw new CheckpointFormatException(file.FileName, $"has the tensor '{MessageText.Of(name)}', which holds a number that is not finite.");
        return numbers.DetachFromDisposeScope();
    }

    /// <summary>
    /// Whether a stored tensor can be read in single precision: infinity where the file has it, as in a mask, no NaN, and no number that single
    /// precision cannot hold.
    /// </summary>
    /// <param name="stored">The tensor in its own type.</param>
    /// <param name="numbers">The same in single precision.</param>
    internal static bool IsReadable(Tensor stored, Tensor numbers)
    {
        if (FiniteNumbers.AllIn(numbers))
            return true;
        using var scope = NewDisposeScope();
        return stored.isfinite().eq(numbers.isfinite()).logical_and(numbers.isnan().logical_not()).all().item<bool>();
    }

    // Whole numbers, such as a counter of batches, stay what they are.
    private static Tensor Plain(Tensor tensor)
    {
        using var scope = NewDisposeScope();
        return tensor.detach().to(tensor.is_floating_point() ? float32 : tensor.dtype, CPU, copy: true).contiguous().DetachFromDisposeScope();
    }

    /// <summary>Frees the copies, or lets go of the file.</summary>
    public void Dispose()
    {
        if (!isDisposed)
            File?.LetGo();
        isDisposed = true;
        foreach (var tensor in tensors.Values)
            tensor.Dispose();
    }
}
