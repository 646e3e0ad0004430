using MappingNets.Core;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>
/// A target network together with the state that training changes: a latent (<see cref="MappedModel"/>), the weights themselves
/// (<see cref="DirectModel"/>) or a change of given ones (<see cref="FineTunedModel"/>). It is a TorchSharp module: call it for outputs
/// whose gradients end at the trained tensors, give its parameters() to any optimiser, make it a part of a larger module. It owns
/// native memory; dispose it. Not safe for use from several threads while it is trained.
/// </summary>
/// <example>
/// <code>
/// using var optimizer = torch.optim.AdamW(model.parameters(), lr: 0.05);
/// foreach (var batch in train.Batches(128, seed: 1, epoch: 1))
///     using (batch)
///     using (torch.NewDisposeScope())
///     {
///         optimizer.zero_grad();
///         torch.nn.functional.cross_entropy(model.call(batch.Inputs), batch.Targets, weight: classWeights).backward();
///         optimizer.step();
///     }
/// </code>
/// </example>
public abstract partial class Model : nn.Module<Tensor, Tensor>
{
    private protected Model(TargetNetwork target)
        : base(target.Name) => Target = target;

    /// <summary>The network whose weights the state stands for.</summary>
    public TargetNetwork Target { get; }

    /// <summary>The name of the way of training in tables: "direct", "slvt", "lwt", "finetune", ...</summary>
    public abstract string Method { get; }

    /// <summary>How many parameters are trained, without the coefficients of the loss.</summary>
    public long TrainableCount => Trainables.Sum(tensor => tensor.numel()) - PrunedAmong(DirectlyTrainedWeights);

    /// <summary>How reports describe the fixed weights, such as "signed-permutation"; "none" where there are none.</summary>
    public abstract string FixedWeightsName { get; }

    /// <summary>The learning rate for Adam that suits this kind of state when the options name none.</summary>
    public abstract double DefaultLearningRate { get; }

    /// <summary>The target's weights from the current state, one tensor per entry, connected to the trainables where gradients are on.</summary>
    internal abstract IReadOnlyList<Tensor> CurrentWeights();

    /// <summary>
    /// The target's outputs for a batch, connected to the trained tensors where gradients are on. Layers that differ in training do so
    /// in training mode, where a model starts: batch norm then takes the batch's own statistics and moves the running ones. A gradient
    /// is that of the weights which the pass ran with, whatever becomes of the trained tensors before it is taken, or is refused.
    /// </summary>
    /// <param name="input">A batch (N, ...) with the target's input shape, single precision.</param>
    /// <returns>(N, ...) with the target's output shape, on the model's device, in the caller's dispose scope.</returns>
    /// <exception cref="ArgumentException">The input's shape, type or device is wrong.</exception>
    /// <exception cref="CheckpointFormatException">The base stays in its file (<see cref="PretrainedWeights.OnDisk"/>), which was written to.</exception>
    /// <exception cref="ObjectDisposedException">The model is disposed.</exception>
    public override Tensor forward(Tensor input)
    {
        ArgumentNullException.ThrowIfNull(input);
        return forward([input]);
    }

    /// <summary>The same for a target of several inputs; hooks, which take one tensor, are not called.</summary>
    /// <param name="inputs">A batch (N, ...) per entry of the target's <see cref="TargetNetwork.Inputs"/>, with equal N.</param>
    /// <returns>(N, ...) with the target's output shape, on the model's device, in the caller's dispose scope.</returns>
    /// <exception cref="ArgumentException">The number of inputs, a shape, a type or a device is wrong.</exception>
    /// <exception cref="CheckpointFormatException">The base stays in its file (<see cref="PretrainedWeights.OnDisk"/>), which was written to.</exception>
    /// <exception cref="ObjectDisposedException">The model is disposed.</exception>
    public Tensor forward(IReadOnlyList<Tensor> inputs)
    {
        RequireHere(inputs);
        using var scope = NewDisposeScope();
        return Outputs(inputs, training).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// A pass together with the auxiliary terms of the mapping loss, for a loss of your own; in the model's mode, as
    /// <see cref="forward(Tensor)"/> is.
    /// </summary>
    /// <param name="input">A batch (N, ...) with the target's input shape, single precision.</param>
    /// <exception cref="NotSupportedException">No mapping generates the model's weights, so the terms are undefined.</exception>
    /// <exception cref="ArgumentException">The input's shape, type or device is wrong.</exception>
    /// <exception cref="ObjectDisposedException">The model is disposed.</exception>
    public MappingTerms Terms(Tensor input)
    {
        ArgumentNullException.ThrowIfNull(input);
        return Terms([input]);
    }

    /// <summary>The same for a target of several inputs.</summary>
    /// <param name="inputs">A batch (N, ...) per entry of the target's <see cref="TargetNetwork.Inputs"/>, with equal N.</param>
    /// <exception cref="NotSupportedException">As for one input.</exception>
    /// <exception cref="ArgumentException">The number of inputs, a shape, a type or a device is wrong.</exception>
    /// <exception cref="ObjectDisposedException">The model is disposed.</exception>
    public MappingTerms Terms(IReadOnlyList<Tensor> inputs)
    {
        RequireHere(inputs);
        return Terms(inputs, training);
    }

    /// <summary>What a streamed model keeps of one layer at a time; null where it holds all weights.</summary>
    internal virtual StreamedWeights? LayerByLayer => null;

    /// <summary>Whether training leaves running statistics alone where the options do not say.</summary>
    internal virtual bool DefaultFrozenStatistics => false;

    /// <summary>Whether the model has the terms beside the task's own.</summary>
    internal virtual bool HasTerms => false;

    /// <summary>The coefficients of the terms when training last ended, by name; nothing where there are no terms.</summary>
    internal virtual void TakeCoefficients(IReadOnlyDictionary<string, double> values)
    {
    }

    /// <summary>A short description of how the weights are generated, for files that must tell mappings apart.</summary>
    internal virtual string DescribeMapping() => "none";

    /// <summary>The weights as a pure function of trained parameters, in their precision; null where they are no such function, and why.</summary>
    /// <param name="values">One tensor per trained parameter.</param>
    /// <param name="missing">What stands in the way.</param>
    internal virtual IReadOnlyList<Tensor>? WeightsFrom(IReadOnlyList<Tensor> values, out string missing)
    {
        missing = $"the weights of '{Method}' come from a function that is single precision only";
        return null;
    }

    /// <summary>How far each tensor of the target can move with the trained parameters; null where no bound is known, and why.</summary>
    /// <param name="missing">What stands in the way.</param>
    internal virtual IReadOnlyList<TensorShift>? Shifts(out string missing)
    {
        missing = $"the weights of '{Method}' come from a function of which no bound is known";
        return null;
    }

    /// <summary>
    /// The parts of the trained parameters that can move alone, by name, each with the places of the target's tensors that it may move: for a mapping
    /// one for each latent vector.
    /// </summary>
    internal virtual IEnumerable<(string Name, IReadOnlyList<int> Moved)> Movers() =>
        TrainableNames.Select(name => (name, (IReadOnlyList<int>)[.. Enumerable.Range(0, Target.Parameters.Count)]));

    /// <summary>
    /// The runs of neighbouring numbers that belong together, by the place of their tensor among the trainables: for a mapping one for
    /// each latent vector.
    /// </summary>
    internal virtual IEnumerable<(int Tensor, long First, long Count)> Blocks() =>
        Trainables.Select((tensor, index) => (index, 0L, tensor.numel()));

    /// <summary>The outputs in a mode, in the caller's dispose scope.</summary>
    internal virtual Tensor Outputs(IReadOnlyList<Tensor> inputs, bool training) => Target.Forward(inputs, CurrentWeights(), State, training);

    /// <summary>
    /// The outputs in evaluation mode with the weights as they are now, for many batches outside any graph; what it keeps lives in the
    /// caller's dispose scope.
    /// </summary>
    internal virtual Func<IReadOnlyList<Tensor>, Tensor> Evaluator()
    {
        var weights = CurrentWeights();
        return inputs => Target.Forward(inputs, weights, State, training: false);
    }

    /// <summary>The terms in a mode, in the caller's dispose scope.</summary>
    internal virtual MappingTerms Terms(IReadOnlyList<Tensor> inputs, bool training) =>
        throw new NotSupportedException($"{WithoutTerms} Train it with the task's loss alone.");

    /// <summary>Why a model has no terms.</summary>
    internal string WithoutTerms =>
        "The stability, smoothness and alignment terms are defined where a mapping generates all weights, as MappingNetwork builds it; "
        + $"a model of the method '{Method}' has none.";

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

    /// <summary>
    /// The target's outputs for a batch in evaluation mode, outside any gradient graph. A number that is not finite goes through as in
    /// any TorchSharp module: the outputs of its sample are then not finite either, and those of the other samples are what they would
    /// be without it.
    /// </summary>
    /// <param name="input">A batch (N, ...) with the target's input shape, single precision, or whole numbers where the target takes those.</param>
    /// <returns>(N, ...) with the target's output shape, on the model's device; the caller disposes it.</returns>
    /// <exception cref="ArgumentException">The input's shape or type is wrong.</exception>
    /// <exception cref="CheckpointFormatException">The base stays in its file (<see cref="PretrainedWeights.OnDisk"/>), which was written to.</exception>
    /// <exception cref="ObjectDisposedException">The model is disposed.</exception>
    public Tensor Predict(Tensor input)
    {
        ArgumentNullException.ThrowIfNull(input);
        return Predict([input]);
    }

    /// <summary>The same for a target of several inputs.</summary>
    /// <param name="inputs">A batch (N, ...) per entry of the target's <see cref="TargetNetwork.Inputs"/>, with equal N.</param>
    /// <returns>(N, ...) with the target's output shape, on the model's device; the caller disposes it.</returns>
    /// <exception cref="ArgumentException">The number of inputs, a shape or a type is wrong.</exception>
    /// <exception cref="CheckpointFormatException">The base stays in its file (<see cref="PretrainedWeights.OnDisk"/>), which was written to.</exception>
    /// <exception cref="ObjectDisposedException">The model is disposed.</exception>
    public Tensor Predict(IReadOnlyList<Tensor> inputs)
    {
        RequireAlive();
        ArgumentNullException.ThrowIfNull(inputs);
        Target.RequireTensors(inputs);
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        return Outputs([.. inputs.Select(input => input.to(Device))], training: false).MoveToOuterDisposeScope();
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

    /// <summary>Refuses what needs the tensors once they are freed, where TorchSharp would name an empty handle.</summary>
    /// <exception cref="ObjectDisposedException">The model is disposed.</exception>
    internal void RequireAlive()
    {
        if (isDisposed)
            throw new ObjectDisposedException(GetType().Name, $"The model of '{Target.Name}' was disposed.");
    }

    private void RequireHere(IReadOnlyList<Tensor> inputs)
    {
        RequireAlive();
        ArgumentNullException.ThrowIfNull(inputs);
        foreach (var input in inputs)
            if (input is { IsInvalid: false } && input.device_type != Device.type)
                throw new ArgumentException(
                    $"The input is on {input.device}; the model is on {Device}.", inputs.Count == 1 ? "input" : nameof(inputs));
    }
}
