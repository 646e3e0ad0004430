using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>
/// A target network whose weights come from a few tensors by any differentiable function of one's own: theta = h(t). For rival
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
    private readonly Parameter[] trained;
    private readonly string[] names;
    private readonly IReadOnlyList<IDisposable> owned;

    private GeneratedModel(
        TargetNetwork target,
        string method,
        IReadOnlyList<KeyValuePair<string, Tensor>> trainables,
        Func<IReadOnlyList<Tensor>, Tensor> generate,
        IReadOnlyList<IDisposable> owned,
        Device device)
        : base(target)
    {
        (Method, this.generate, this.owned, Device) = (method, generate, owned, device);
        names = [.. trainables.Select(pair => pair.Key)];
        using var noGradient = no_grad();
        trained = [.. trainables.Select(pair => Trainable.From(pair.Value.detach().to(device, copy: true)))];
        using var scope = NewDisposeScope();
        RequireWeights(generate(trained));
    }

    /// <inheritdoc/>
    public override string Method { get; }

    /// <inheritdoc/>
    public override long TrainableCount => trained.Sum(tensor => tensor.numel());

    /// <inheritdoc/>
    public override string FixedWeightsName => FixedWeights;

    /// <summary>What <see cref="Model.FixedWeightsName"/> says; "none" unless set.</summary>
    public string FixedWeights { get; init; } = "none";

    /// <inheritdoc/>
    public override double DefaultLearningRate => LearningRate;

    /// <summary>What <see cref="Model.DefaultLearningRate"/> says; 0.01 unless set. Positive.</summary>
    public double LearningRate { get; init; } = 0.01;

    /// <inheritdoc/>
    public override Device Device { get; }

    /// <summary>The trained tensors, in the order in which they were given. Owned by the model.</summary>
    public IReadOnlyList<Tensor> Trained => trained;

    internal override IReadOnlyList<Parameter> Trainables => trained;

    internal override IReadOnlyList<string> TrainableNames => names;

    /// <summary>A model whose weights a function makes.</summary>
    /// <param name="target">The network whose weights are made.</param>
    /// <param name="method">How tables call it; not blank.</param>
    /// <param name="trainables">The names and starts of the tensors that are trained: single precision, each of its own name; copied.</param>
    /// <param name="generate">
    /// The trained tensors, in this order, to theta of shape (P), single precision, in the order of the target's parameters. Called at
    /// every step inside a dispose scope; what it keeps between calls it must take out of that scope.
    /// </param>
    /// <param name="owned">What the model disposes with itself, such as fixed tensors that the function reads; nothing where null.</param>
    /// <param name="device">Where to train; the CPU where none is given.</param>
    /// <returns>The model; the caller disposes it.</returns>
    /// <exception cref="ArgumentException">
    /// A name is blank or used twice, nothing is trained, a tensor is not in single precision, or the function makes no theta of the target.
    /// </exception>
    public static GeneratedModel For(
        TargetNetwork target,
        string method,
        IReadOnlyList<KeyValuePair<string, Tensor>> trainables,
        Func<IReadOnlyList<Tensor>, Tensor> generate,
        IReadOnlyList<IDisposable>? owned = null,
        Device? device = null)
    {
        ArgumentNullException.ThrowIfNull(target);
        ArgumentException.ThrowIfNullOrWhiteSpace(method);
        ArgumentNullException.ThrowIfNull(trainables);
        ArgumentNullException.ThrowIfNull(generate);
        if (trainables.Count == 0)
            throw new ArgumentException("There is nothing to train; give at least one tensor.", nameof(trainables));
        var seen = new HashSet<string>();
        foreach (var (name, start) in trainables)
        {
            if (string.IsNullOrWhiteSpace(name) || !seen.Add(name))
                throw new ArgumentException($"'{name}' names a trained tensor twice or is blank; each needs its own name.", nameof(trainables));
            if (start.dtype != ScalarType.Float32)
                throw new ArgumentException($"'{name}' is {start.dtype}; it must be Float32.", nameof(trainables));
        }

        return new(target, method, trainables, generate, owned ?? [], device ?? CPU);
    }

    /// <summary>Writes the trained tensors as a safetensors file, whole or not at all.</summary>
    /// <param name="path">The file, replaced where it exists.</param>
    /// <exception cref="IOException">It cannot be written; a file that was there before is intact.</exception>
    public void SaveTrained(string path)
    {
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        SafetensorsFile.Write(path, [.. names.Zip(trained, (name, tensor) => (name, tensor.detach().cpu()))], new Dictionary<string, string>());
    }

    internal override IReadOnlyList<Tensor> CurrentWeights() => Target.Layout.Split(generate(trained));

    private void RequireWeights(Tensor theta)
    {
        if (theta.dim() != 1 || theta.shape[0] != Target.ParameterCount || theta.dtype != ScalarType.Float32)
            throw new ArgumentException(
                $"The function makes {theta.dtype} of shape {ShapeText.Of(theta.shape)}; '{Target.Name}' needs Float32 of shape ({Target.ParameterCount}).",
                nameof(generate));
    }

    private protected override void Dispose(bool disposing)
    {
        foreach (var tensor in trained)
            tensor.Dispose();
        foreach (var disposable in owned)
            disposable.Dispose();
    }
}
