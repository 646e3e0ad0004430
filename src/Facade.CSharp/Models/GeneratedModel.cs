using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>
/// A target network whose weights come from a few tensors by any differentiable function of your own: theta = h(t). For rival
/// methods, and for mappings that <see cref="MappingNetwork"/> does not describe; trained by the same <see cref="Trainer"/>.
/// </summary>
/// <example>
/// <code>
/// // Every weight of a small network is one number.
/// using var model = GeneratedModel.For(target, "constant", [new("value", torch.zeros(1))], trained => trained[0].expand(target.ParameterCount));
/// </code>
/// </example>
public sealed class GeneratedModel : Model
{
    private readonly Func<IReadOnlyList<Tensor>, Tensor> generate;
    private IReadOnlyList<IDisposable> owned = [];

    private GeneratedModel(
        TargetNetwork target,
        string method,
        IReadOnlyList<KeyValuePair<string, Tensor>> trainables,
        Func<IReadOnlyList<Tensor>, Tensor> generate,
        IReadOnlyList<IDisposable> owned,
        Device device,
        double learningRate,
        string fixedWeights)
        : base(target)
    {
        (Method, this.generate, DefaultLearningRate, FixedWeightsName) = (method, generate, learningRate, fixedWeights);
        using var scope = NewDisposeScope();
        // A copy keeps the order in which a transpose lies in memory; optimisers view what they train as one row.
        using (no_grad())
            Register(
                [.. trainables.Select(pair => (pair.Key, Trainable.From(pair.Value.detach().contiguous().to(device, copy: true))))], device);
        try
        {
            RequireDependence();
        }
        catch
        {
            Dispose();
            throw;
        }

        this.owned = owned;
    }

    /// <inheritdoc/>
    public override string Method { get; }

    /// <inheritdoc/>
    public override string FixedWeightsName { get; }

    /// <inheritdoc/>
    public override double DefaultLearningRate { get; }

    /// <summary>The trained tensors, in the order in which they were given. Owned by the model.</summary>
    public IReadOnlyList<Tensor> Trained => Trainables;

    /// <summary>A model whose weights a function makes.</summary>
    /// <param name="target">The network whose weights are made.</param>
    /// <param name="method">Its name in tables; not blank.</param>
    /// <param name="trainables">
    /// The names and starts of the tensors that are trained: finite numbers in single precision, each tensor of its own name; copied.
    /// </param>
    /// <param name="generate">
    /// The trained tensors, in this order, to theta of shape (P), single precision, on the model's device, in the order of the target's
    /// parameters; it must depend on each of them. Called at every step inside a dispose scope; what it keeps between calls it must take
    /// out of that scope.
    /// </param>
    /// <param name="owned">
    /// What the model disposes with itself, such as fixed tensors that the function reads; nothing where null. They stay the caller's
    /// where this method throws.
    /// </param>
    /// <param name="device">Where to train; the CPU where none is given.</param>
    /// <param name="learningRate">What <see cref="Model.DefaultLearningRate"/> says.</param>
    /// <param name="fixedWeights">What <see cref="Model.FixedWeightsName"/> says; not blank.</param>
    /// <returns>The model; the caller disposes it.</returns>
    /// <exception cref="ArgumentException">
    /// A name is blank or used twice, nothing is trained, a tensor is empty, not in single precision or not finite, or the function makes
    /// no theta of the target or one that does not depend on a trained tensor.
    /// </exception>
    /// <exception cref="ArgumentOutOfRangeException">The learning rate is not positive and finite.</exception>
    public static GeneratedModel For(
        TargetNetwork target,
        string method,
        IReadOnlyList<KeyValuePair<string, Tensor>> trainables,
        Func<IReadOnlyList<Tensor>, Tensor> generate,
        IReadOnlyList<IDisposable>? owned = null,
        Device? device = null,
        double learningRate = 0.01,
        string fixedWeights = "none")
    {
        ArgumentNullException.ThrowIfNull(target);
        ArgumentException.ThrowIfNullOrWhiteSpace(method);
        ArgumentNullException.ThrowIfNull(trainables);
        ArgumentNullException.ThrowIfNull(generate);
        ArgumentException.ThrowIfNullOrWhiteSpace(fixedWeights);
        if (!double.IsFinite(learningRate) || learningRate <= 0)
            throw new ArgumentOutOfRangeException(nameof(learningRate), learningRate, "The learning rate must be positive and finite.");
        if (trainables.Count == 0)
            throw new ArgumentException("There is nothing to train; give at least one tensor.", nameof(trainables));
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var (name, start) in trainables)
        {
            if (string.IsNullOrWhiteSpace(name) || !seen.Add(name))
                throw new ArgumentException($"'{name}' names a trained tensor twice or is blank; each needs its own name.", nameof(trainables));
            if (TrainedTensorsFile.IsReserved(name))
                throw new ArgumentException(
                    $"'{name}' is a name that files of trained tensors keep for themselves; choose another.", nameof(trainables));
            RequireStart(name, start);
        }

        return new(target, method, trainables, generate, owned ?? [], device ?? CPU, learningRate, fixedWeights);
    }

    /// <summary>
    /// Writes the trained tensors, and the target's buffers, as a safetensors file, whole or not at all. The function is not in it:
    /// <see cref="LoadTrained"/> takes the file back into a model that was made in the same way. Of a module with frozen parameters it names their
    /// SHA-256, and other ones are refused when it is loaded.
    /// </summary>
    /// <param name="path">The file, replaced where it exists.</param>
    /// <param name="precision">How the trained tensors are stored; loading gives what was stored.</param>
    /// <exception cref="IOException">It cannot be written; a file that was there before is intact.</exception>
    /// <exception cref="InvalidOperationException">
    /// A trained parameter is not finite, so that no one could load the file, or has the name under which the steps of another would be stored.
    /// </exception>
    /// <exception cref="ObjectDisposedException">The model is disposed, or its target, whose module has frozen parameters.</exception>
    public void SaveTrained(string path, StoredPrecision precision = StoredPrecision.Single) => TrainedTensorsFile.Save(this, path, precision);

    /// <summary>
    /// Reads what <see cref="SaveTrained"/> wrote, from a model of the same method, target and trained tensors. The model changes as a
    /// whole or not at all. What else the function reads, such as fixed tensors from a seed, is not in the file and must be the same.
    /// </summary>
    /// <param name="path">The file.</param>
    /// <param name="limits">What the file may cost; <see cref="ReadLimits.Default"/> where none are given.</param>
    /// <exception cref="CheckpointFormatException">
    /// The file is damaged, foreign, beyond the limits, or of another method, target or other trained tensors, or a module with other frozen parameters;
    /// the message says which.
    /// </exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    /// <exception cref="ObjectDisposedException">The model is disposed, or its target, whose module has frozen parameters.</exception>
    public void LoadTrained(string path, ReadLimits? limits = null) => TrainedTensorsFile.Load(this, path, limits ?? ReadLimits.Default);

    internal override IReadOnlyList<Tensor> CurrentWeights() => Masked(Target.Layout.Split(Theta()));

    private static void RequireStart(string name, Tensor? start)
    {
        if (start is null)
            throw new ArgumentException($"'{name}' has no start; give a tensor.", "trainables");
        if (start.dtype != ScalarType.Float32)
            throw new ArgumentException($"'{name}' is {start.dtype}; it must be Float32.", "trainables");
        if (start.numel() == 0)
            throw new ArgumentException($"'{name}' has the shape {ShapeText.Of(start.shape)}: it has nothing to train.", "trainables");
        if (!FiniteNumbers.AllIn(start))
            throw new ArgumentException($"'{name}' starts with a number that is not finite.", "trainables");
    }

    private Tensor Theta()
    {
        var theta = generate(Trainables);
        if (theta is null)
            throw new ArgumentException("The function makes null; it must make theta.", nameof(generate));
        if (theta.dim() != 1 || theta.shape[0] != Target.ParameterCount || theta.dtype != ScalarType.Float32)
            throw new ArgumentException(
                $"The function makes {theta.dtype} of shape {ShapeText.Of(theta.shape)}; '{Target.Name}' needs Float32 of shape ({Target.ParameterCount}).",
                nameof(generate));
        if (theta.device_type != Device.type)
            throw new ArgumentException($"The function makes theta on {theta.device}; the model is on {Device}.", nameof(generate));
        return theta;
    }

    // A tensor that no weight depends on would be counted as trained and never move.
    private void RequireDependence()
    {
        using var gradients = enable_grad();
        var theta = Theta();
        Tensor[] trained = [.. Trainables];
        Tensor?[] found = theta.requires_grad ? [.. autograd.grad([theta.sum()], trained, allow_unused: true)] : new Tensor?[trained.Length];
        foreach (var (name, gradient) in TrainableNames.Zip(found))
            if (gradient is null || gradient.IsInvalid)
                throw new ArgumentException($"No weight that the function makes depends on '{name}'; training could not move it.", nameof(generate));
    }

    private protected override void RequireMovable(Device to)
    {
        if (owned.Count > 0)
            throw new NotSupportedException(
                $"The function of '{Method}' reads tensors of its own, which the model cannot move; build it on {to}.");
    }

    private protected override void DisposeConstants()
    {
        foreach (var disposable in owned)
            disposable.Dispose();
    }
}
