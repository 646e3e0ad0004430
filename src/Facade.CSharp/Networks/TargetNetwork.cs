using MappingNets.Core;
using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>
/// The network f(x; theta) whose weights a mapping generates: a description and a pure function of an input and weights.
/// It holds no weights and never trains.
/// </summary>
public abstract class TargetNetwork
{
    private readonly Lazy<ParameterLayout> layout;

    /// <summary>Starts a target network.</summary>
    /// <param name="name">What tables and checkpoints call it, such as "cnn2".</param>
    /// <param name="inputShape">The shape of one input, without the batch dimension.</param>
    /// <param name="outputShape">The shape of one output, without the batch dimension.</param>
    /// <param name="parameters">The weight tensors in the order of theta; those of one layer are neighbours.</param>
    /// <param name="buffers">The tensors beside the weights; none where null.</param>
    /// <exception cref="ArgumentException">The name is blank or there are no parameters.</exception>
    protected TargetNetwork(
        string name,
        IReadOnlyList<long> inputShape,
        IReadOnlyList<long> outputShape,
        IReadOnlyList<ParameterSpecification> parameters,
        IReadOnlyList<BufferSpecification>? buffers = null)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        if (parameters.Count == 0)
            throw new ArgumentException(
                $"The target network '{name}' has no weights; a mapping would have nothing to generate.", nameof(parameters));
        Name = name;
        InputShape = [.. inputShape];
        OutputShape = [.. outputShape];
        Parameters = [.. parameters];
        Buffers = [.. buffers ?? []];
        ParameterCount = parameters.Aggregate(0L, (sum, parameter) => checked(sum + parameter.Count));
        layout = new(() => ParameterLayoutModule.create(Parameters.Select(p => Tuple.Create(p.Name, p.Shape.ToArray(), p.FanIn))));
    }

    /// <summary>What tables and checkpoints call the network.</summary>
    public string Name { get; }

    /// <summary>The shape of one input, without the batch dimension.</summary>
    public IReadOnlyList<long> InputShape { get; }

    /// <summary>The shape of one output, without the batch dimension.</summary>
    public IReadOnlyList<long> OutputShape { get; }

    /// <summary>The weight tensors in the order of theta.</summary>
    public IReadOnlyList<ParameterSpecification> Parameters { get; }

    /// <summary>The tensors beside the weights, such as running means; empty for most networks.</summary>
    public IReadOnlyList<BufferSpecification> Buffers { get; }

    /// <summary>P, the number of weights.</summary>
    public long ParameterCount { get; }

    /// <summary>The place of each tensor in the flat vector theta, for the core.</summary>
    internal ParameterLayout Layout => layout.Value;

    /// <summary>Starts describing a network layer by layer.</summary>
    /// <param name="shape">The shape of one input without the batch dimension, such as (1, 28, 28); every size at least 1.</param>
    /// <exception cref="ArgumentException">The shape is empty or has a size below 1.</exception>
    public static TargetNetworkBuilder Input(params long[] shape) => new(shape);

    /// <summary>The buffers as they are before training, for a model of this network to keep.</summary>
    /// <param name="device">Where they live; the CPU where none is given.</param>
    /// <param name="type">The type of those that are floats; single precision where none is given.</param>
    /// <returns>The state; the caller disposes it.</returns>
    public NetworkState CreateState(Device? device = null, ScalarType type = ScalarType.Float32)
    {
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        return new(
            Buffers,
            [.. Buffers.Select((buffer, index) =>
                CreateBuffer(index).to(buffer.TypeBeside(type), device ?? CPU, copy: true))]);
    }

    /// <summary>A user's own module as target network, borrowed until the target is disposed.</summary>
    /// <param name="module">
    /// Any TorchSharp module, also a native one or a script module. Parameters that require no gradient are kept as they are; one
    /// that is shared counts once. Must not be used or changed by others until the target is disposed.
    /// </param>
    /// <param name="exampleInput">A batch (N, ...) that the module can take, to learn the shapes from.</param>
    /// <param name="name">What tables and checkpoints call it; the module's name where null.</param>
    /// <returns>The target; the caller disposes it, which gives the module back intact, and keeps the module.</returns>
    /// <exception cref="ArgumentException">
    /// The module does not take one tensor and put out one; it has no parameters to generate, or parameters of several types; the
    /// example is no batch.
    /// </exception>
    public static ModuleTarget From(nn.Module module, Tensor exampleInput, string? name = null) =>
        ModuleTarget.Create(module, exampleInput, null, name);

    /// <summary>A user's own module as target network, run by a function, for modules with several inputs or outputs.</summary>
    /// <param name="module">Whose parameters are generated; see the other overload.</param>
    /// <param name="exampleInput">A batch (N, ...) that the function can take, to learn the shapes from.</param>
    /// <param name="forward">
    /// (N, ...) -> (N, ...): runs the module, such as <c>x => lstm.call(x).Item1.select(1, -1)</c>. A module with several inputs
    /// gets its parts of the one tensor.
    /// </param>
    /// <param name="name">What tables and checkpoints call it; the module's name where null.</param>
    /// <returns>The target; the caller disposes it, which gives the module back intact, and keeps the module.</returns>
    /// <exception cref="ArgumentException">As for the other overload.</exception>
    public static ModuleTarget From(nn.Module module, Tensor exampleInput, Func<Tensor, Tensor> forward, string? name = null)
    {
        ArgumentNullException.ThrowIfNull(forward);
        return ModuleTarget.Create(module, exampleInput, forward, name);
    }

    /// <summary>
    /// The network's function in evaluation mode, with the buffers as they are before training: (N, input) and weights ->
    /// (N, output). Differentiable in both; changes nothing.
    /// </summary>
    /// <param name="input">A batch (N, ...) with the sample shape <see cref="InputShape"/>.</param>
    /// <param name="parameters">One tensor per entry of <see cref="Parameters"/>, in that order and shape.</param>
    /// <returns>The outputs, in the caller's dispose scope.</returns>
    /// <exception cref="ArgumentException">A shape or the number of tensors disagrees.</exception>
    public Tensor Forward(Tensor input, IReadOnlyList<Tensor> parameters)
    {
        ArgumentNullException.ThrowIfNull(input);
        CheckInput(input.shape);
        CheckParameters(parameters, nameof(parameters));
        using var state = CreateState(parameters[0].device, parameters[0].dtype);
        return Compute(input, parameters, state, training: false);
    }

    /// <summary>The network's function with the buffers of a model: (N, input) and weights -> (N, output).</summary>
    /// <param name="input">A batch (N, ...) with the sample shape <see cref="InputShape"/>.</param>
    /// <param name="parameters">One tensor per entry of <see cref="Parameters"/>, in that order and shape.</param>
    /// <param name="state">The buffers, from <see cref="CreateState"/>.</param>
    /// <param name="training">
    /// Whether layers that differ in training do so: batch norm then takes the batch's own statistics and updates the running ones
    /// in the state, once a call. In evaluation mode nothing changes.
    /// </param>
    /// <returns>The outputs, in the caller's dispose scope.</returns>
    /// <exception cref="ArgumentException">A shape or the number of tensors disagrees, or the state is another network's.</exception>
    public Tensor Forward(Tensor input, IReadOnlyList<Tensor> parameters, NetworkState state, bool training)
    {
        ArgumentNullException.ThrowIfNull(input);
        CheckInput(input.shape);
        CheckParameters(parameters, nameof(parameters));
        CheckState(state);
        return Compute(input, parameters, state, training);
    }

    /// <summary>A plain TorchSharp module with copies of the weights; its state_dict has PyTorch's names and shapes.</summary>
    /// <param name="weights">One tensor per entry of <see cref="Parameters"/>, in that order and shape.</param>
    /// <param name="state">The buffers to copy; where null, those from before training.</param>
    /// <returns>The module, in evaluation mode, on the device and of the dtype of the weights; the caller disposes it.</returns>
    /// <exception cref="ArgumentException">A shape or the number of tensors disagrees.</exception>
    /// <exception cref="NotSupportedException">The network is a user's own module, of which there cannot be a second one.</exception>
    public nn.Module<Tensor, Tensor> ToModule(IReadOnlyList<Tensor> weights, NetworkState? state = null)
    {
        CheckParameters(weights, nameof(weights));
        if (state is not null)
            CheckState(state);
        using var start = state is null ? CreateState(weights[0].device, weights[0].dtype) : null;
        var module = CreateModule(weights, state ?? start!);
        module.eval();
        return module;
    }

    /// <summary>
    /// Reads weights and buffers for this network from a safetensors file with PyTorch's names and shapes, such as one made from a
    /// state_dict there. Floats of any size are brought to single precision.
    /// </summary>
    /// <param name="path">The file.</param>
    /// <returns>The weights; the caller disposes them.</returns>
    /// <exception cref="CheckpointFormatException">
    /// The file is damaged, lacks a tensor or has one too many, or one is of another shape or kind; the message names it.
    /// </exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public NetworkWeights ReadWeights(string path)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        return NetworkWeights.Read(path, Parameters, Buffers, KnownNames);
    }

    /// <summary>The network as a table for people: one line per layer or tensor, and the number of weights.</summary>
    public abstract string Describe();

    /// <summary>The name, the shapes and the number of weights in one line.</summary>
    public override string ToString() =>
        $"{Name}: {ShapeText.Of(InputShape)} -> {ShapeText.Of(OutputShape)}, {ShapeText.Count(ParameterCount)} parameters";

    /// <summary>The function behind <see cref="Forward(Tensor, IReadOnlyList{Tensor}, NetworkState, bool)"/>; shapes are already checked.</summary>
    /// <param name="input">A batch (N, ...).</param>
    /// <param name="parameters">One tensor per entry of <see cref="Parameters"/>.</param>
    /// <param name="state">The buffers, changed in place in training mode only.</param>
    /// <param name="training">Whether this is a pass of training.</param>
    protected abstract Tensor Compute(Tensor input, IReadOnlyList<Tensor> parameters, NetworkState state, bool training);

    /// <summary>Makes the module behind <see cref="ToModule"/>; shapes are already checked.</summary>
    /// <param name="weights">One tensor per entry of <see cref="Parameters"/>.</param>
    /// <param name="state">The buffers to copy.</param>
    protected abstract nn.Module<Tensor, Tensor> CreateModule(IReadOnlyList<Tensor> weights, NetworkState state);

    /// <summary>A buffer as it is before training, in the caller's dispose scope.</summary>
    /// <param name="index">Its place in <see cref="Buffers"/>.</param>
    protected virtual Tensor CreateBuffer(int index)
    {
        var buffer = Buffers[index];
        return full([.. buffer.Shape], buffer.Start, buffer.Type);
    }

    /// <summary>Names that a file of weights may hold beside the network's own.</summary>
    private protected virtual IReadOnlyList<string> KnownNames => [];

    /// <summary>Puts weights and buffers into a module of the user's; shapes are already checked.</summary>
    private protected virtual void Write(nn.Module module, IReadOnlyList<Tensor> weights, NetworkState state) =>
        ModuleWeights.Write(
            module,
            [.. Parameters.Select(parameter => parameter.Name).Zip(weights), .. Buffers.Select(buffer => buffer.Name).Zip(state.Tensors)],
            KnownNames);

    /// <summary>The same for the other classes of the library.</summary>
    internal void WriteInto(nn.Module module, IReadOnlyList<Tensor> weights, NetworkState state)
    {
        ArgumentNullException.ThrowIfNull(module);
        CheckParameters(weights, nameof(weights));
        CheckState(state);
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        Write(module, weights, state);
    }

    /// <summary>Generated weights with each tensor's center added, where it has one.</summary>
    internal IReadOnlyList<Tensor> AroundCenters(IReadOnlyList<Tensor> generated) =>
        [.. generated.Zip(Parameters, (weight, parameter) => parameter.Center == 0 ? weight : weight + parameter.Center)];

    private void CheckState(NetworkState state)
    {
        ArgumentNullException.ThrowIfNull(state);
        if (!state.Specifications.Select(buffer => buffer.ToString()).SequenceEqual(Buffers.Select(buffer => buffer.ToString())))
            throw new ArgumentException(
                $"The state is another network's; '{Name}' takes one that its CreateState made.", nameof(state));
    }

    private void CheckInput(long[] shape)
    {
        if (shape.Length == 0 || !shape.AsSpan(1).SequenceEqual(InputShape.ToArray()))
            throw new ArgumentException(
                $"'{Name}' takes a batch of shape (N, {string.Join(", ", InputShape)}); the input has {ShapeText.Of(shape)}.", "input");
    }

    private void CheckParameters(IReadOnlyList<Tensor> tensors, string argument)
    {
        ArgumentNullException.ThrowIfNull(tensors, argument);
        if (tensors.Count != Parameters.Count)
            throw new ArgumentException($"'{Name}' needs {Parameters.Count} weight tensors; {tensors.Count} came.", argument);
        foreach (var (tensor, specification) in tensors.Zip(Parameters))
            if (!tensor.shape.SequenceEqual(specification.Shape))
                throw new ArgumentException(
                    $"'{specification.Name}' has the shape {ShapeText.Of(tensor.shape)}; " +
                    $"'{Name}' needs {ShapeText.Of(specification.Shape)}.",
                    argument);
    }
}
