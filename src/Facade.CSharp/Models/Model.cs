using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>
/// A target network together with the state that training changes: a latent (<see cref="MappedModel"/>), the weights themselves
/// (<see cref="DirectModel"/>) or a change of given ones (<see cref="FineTunedModel"/>). It owns native memory; dispose it. Not
/// safe for use from several threads while it is trained.
/// </summary>
public abstract class Model : IDisposable
{
    private NetworkState? state;

    private protected Model(TargetNetwork target) => Target = target;

    /// <summary>The network whose weights the state stands for.</summary>
    public TargetNetwork Target { get; }

    /// <summary>How tables call the way of training: "direct", "slvt", "lwt", "finetune", ...</summary>
    public abstract string Method { get; }

    /// <summary>How many numbers training changes, the coefficients of the loss apart.</summary>
    public abstract long TrainableCount { get; }

    /// <summary>How reports describe the fixed weights, such as "signed-permutation"; "none" where there are none.</summary>
    public abstract string FixedWeightsName { get; }

    /// <summary>The learning rate for Adam that suits this kind of state when the options name none.</summary>
    public abstract double DefaultLearningRate { get; }

    /// <summary>The device on which the state lives and the target is run.</summary>
    public abstract Device Device { get; }

    /// <summary>The target's buffers, such as running means, as training has left them. Owned by the model.</summary>
    public NetworkState State => LazyInitializer.EnsureInitialized(ref state, () => Target.CreateState(Device));

    /// <summary>The tensors that an optimiser may change: never a weight of the target in a mapped model.</summary>
    internal abstract IReadOnlyList<Parameter> Trainables { get; }

    /// <summary>What messages call the trainables, in their order.</summary>
    internal abstract IReadOnlyList<string> TrainableNames { get; }

    /// <summary>The target's weights from the current state, one tensor per entry, connected to the trainables where gradients are on.</summary>
    internal abstract IReadOnlyList<Tensor> CurrentWeights();

    /// <summary>The "trainable parameters" line that users of adapters know.</summary>
    public string DescribeTrainableParameters()
    {
        var share = 100.0 * TrainableCount / Target.ParameterCount;
        var ratio = (double)Target.ParameterCount / TrainableCount;
        return FormattableString.Invariant(
            $"trainable: {TrainableCount:N0} | target: {Target.ParameterCount:N0} | {share:0.##}% ({ratio:0.#}x)");
    }

    /// <summary>Prints <see cref="DescribeTrainableParameters"/> to the console.</summary>
    public void PrintTrainableParameters() => Console.WriteLine(DescribeTrainableParameters());

    /// <summary>The target's outputs for a batch in evaluation mode, outside any gradient graph.</summary>
    /// <param name="input">A batch (N, ...) with the target's input shape, single precision, or whole numbers where the target takes those.</param>
    /// <returns>(N, ...) with the target's output shape, on the model's device; the caller disposes it.</returns>
    /// <exception cref="ArgumentException">The input's shape or type is wrong.</exception>
    public Tensor Predict(Tensor input)
    {
        ArgumentNullException.ThrowIfNull(input);
        return Predict([input]);
    }

    /// <summary>The same for a target of several inputs.</summary>
    /// <param name="inputs">A batch (N, ...) per entry of the target's <see cref="TargetNetwork.Inputs"/>, with equal N.</param>
    /// <returns>(N, ...) with the target's output shape, on the model's device; the caller disposes it.</returns>
    /// <exception cref="ArgumentException">The number of inputs, a shape or a type is wrong.</exception>
    public Tensor Predict(IReadOnlyList<Tensor> inputs)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        return Target.Forward([.. inputs.Select(input => input.to(Device))], CurrentWeights(), State, training: false).MoveToOuterDisposeScope();
    }

    /// <summary>All weights of the target as one flat vector theta, shape (P), single precision.</summary>
    /// <returns>A copy; the caller disposes it.</returns>
    public Tensor Weights()
    {
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        return cat(CurrentWeights().Select(weight => weight.reshape(-1)).ToArray(), 0).MoveToOuterDisposeScope();
    }

    /// <summary>A plain TorchSharp module with the weights merged in and PyTorch's names: it needs nothing of this library.</summary>
    /// <returns>The module, in evaluation mode; the caller disposes it.</returns>
    /// <exception cref="NotSupportedException">The network is a user's own module; <see cref="WriteInto"/> is for these.</exception>
    public nn.Module<Tensor, Tensor> Materialize()
    {
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        return Target.ToModule(CurrentWeights(), State);
    }

    /// <summary>
    /// Copies the weights as they are now, and the buffers, into a TorchSharp module with the same names and shapes, which then needs
    /// nothing of this library. Where it is the module that a <see cref="ModuleTarget"/> has on loan, they are what it is given back
    /// with when that target is disposed; parameters that its owner froze go into another module of its class too.
    /// </summary>
    /// <example>
    /// <code>
    /// var target = TargetNetwork.From(mine, images);
    /// using var pretrained = PretrainedWeights.Of(target);
    /// using (var model = FineTuning.Of(target, pretrained).Groups(2048).Build())
    /// {
    ///     new Trainer(model, options).Fit(data);
    ///     model.WriteInto(mine);
    /// }
    ///
    /// target.Dispose(); // "mine" is a plain module with the fine-tuned weights
    /// </code>
    /// </example>
    /// <param name="module">The module; its tensors keep their type and device.</param>
    /// <exception cref="ArgumentException">
    /// The module lacks a tensor, has one of another shape, or one that the network does not know; nothing was written.
    /// </exception>
    public void WriteInto(nn.Module module)
    {
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        Target.WriteInto(module, CurrentWeights(), State);
    }

    /// <summary>Writes all weights and buffers as a safetensors file with PyTorch's names and shapes; written whole or not at all.</summary>
    /// <param name="path">The file, replaced where it exists.</param>
    /// <exception cref="IOException">It cannot be written; a file that was there before is intact.</exception>
    public void Export(string path)
    {
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        SafetensorsFile.Write(
            path,
            [
                .. Target.Parameters.Zip(CurrentWeights(), (parameter, weight) => (parameter.Name, weight.cpu())),
                .. Target.PersistentBuffers(State).Select(buffer => (buffer.Name, buffer.Values.cpu())),
            ],
            new Dictionary<string, string> { ["format"] = "pt" });
    }

    /// <summary>Copies the values of other buffers of the same network.</summary>
    internal void TakeState(NetworkState other)
    {
        using var noGradient = no_grad();
        foreach (var (kept, values) in State.Tensors.Zip(other.Tensors))
            kept.copy_(values);
    }

    /// <summary>All that training changes: the trainables and the buffers.</summary>
    internal IReadOnlyList<Tensor> Changing => [.. Trainables, .. State.Tensors];

    /// <summary>A copy of all that training changes, to go back to.</summary>
    internal Tensor[] CaptureState()
    {
        using var noGradient = no_grad();
        return [.. Changing.Select(tensor => tensor.clone().DetachFromDisposeScope())];
    }

    /// <summary>Puts a captured state back.</summary>
    internal void RestoreState(IReadOnlyList<Tensor> state)
    {
        using var noGradient = no_grad();
        foreach (var (tensor, value) in Changing.Zip(state))
            tensor.copy_(value);
    }

    /// <summary>Frees the native memory.</summary>
    public void Dispose()
    {
        state?.Dispose();
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    private protected abstract void Dispose(bool disposing);
}
