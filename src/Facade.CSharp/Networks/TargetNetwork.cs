using MappingNets.Core;
using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>
/// The network f(x; theta) whose weights a mapping generates: a description and a pure function of an input and weights.
/// It holds no weights and never trains.
/// </summary>
public abstract partial class TargetNetwork
{
    private readonly Lazy<ParameterLayout> layout;

    /// <summary>Starts a target network of one input in single precision.</summary>
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
        : this(name, [new InputSpecification([.. inputShape])], outputShape, parameters, buffers)
    {
    }

    /// <summary>Starts a target network.</summary>
    /// <param name="name">What tables and checkpoints call it, such as "cnn2".</param>
    /// <param name="inputs">What it takes, in the order in which a pass gets them; at least one.</param>
    /// <param name="outputShape">The shape of one output, without the batch dimension.</param>
    /// <param name="parameters">The weight tensors in the order of theta; those of one layer are neighbours.</param>
    /// <param name="buffers">The tensors beside the weights; none where null.</param>
    /// <exception cref="ArgumentException">The name is blank, or there are no inputs or no parameters.</exception>
    protected TargetNetwork(
        string name,
        IReadOnlyList<InputSpecification> inputs,
        IReadOnlyList<long> outputShape,
        IReadOnlyList<ParameterSpecification> parameters,
        IReadOnlyList<BufferSpecification>? buffers = null)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        if (inputs.Count == 0)
            throw new ArgumentException($"The target network '{name}' takes no input; it needs at least one.", nameof(inputs));
        if (parameters.Count == 0)
            throw new ArgumentException(
                $"The target network '{name}' has no weights; a mapping would have nothing to generate.", nameof(parameters));
        Name = name;
        Inputs = [.. inputs];
        OutputShape = [.. outputShape];
        Parameters = [.. parameters];
        Buffers = [.. buffers ?? []];
        ParameterCount = parameters.Aggregate(0L, (sum, parameter) => checked(sum + parameter.Count));
        layout = new(() => ParameterLayoutModule.create(Parameters.Select(p => Tuple.Create(p.Name, p.Shape.ToArray(), p.FanIn))));
    }

    /// <summary>What tables and checkpoints call the network.</summary>
    public string Name { get; }

    /// <summary>What the network takes, in the order in which a pass gets them.</summary>
    public IReadOnlyList<InputSpecification> Inputs { get; }

    /// <summary>The shape of the only input, without the batch dimension.</summary>
    /// <exception cref="InvalidOperationException">The network takes several inputs.</exception>
    public IReadOnlyList<long> InputShape => Inputs is [var only]
        ? only.Shape
        : throw new InvalidOperationException($"'{Name}' takes {Inputs.Count} inputs; {nameof(Inputs)} has the shape of each.");

    /// <summary>The shape of one output, without the batch dimension.</summary>
    public IReadOnlyList<long> OutputShape { get; }

    /// <summary>The weight tensors in the order of theta.</summary>
    public IReadOnlyList<ParameterSpecification> Parameters { get; }

    /// <summary>The tensors beside the weights, such as running means; empty for most networks.</summary>
    public IReadOnlyList<BufferSpecification> Buffers { get; }

    /// <summary>P, the number of weights.</summary>
    public long ParameterCount { get; }

    /// <summary>The place of each tensor in the flat vector theta.</summary>
    public ParameterLayout Layout => layout.Value;

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

    /// <summary>
    /// The network's function in evaluation mode, with the buffers as they are before training: (N, input) and weights ->
    /// (N, output). Differentiable in both; changes nothing.
    /// </summary>
    /// <param name="input">A batch (N, ...) of the only input; of the weights' type, or whole numbers where the network takes those.</param>
    /// <param name="parameters">One tensor per entry of <see cref="Parameters"/>, in that order and shape, all of one floating-point type.</param>
    /// <returns>The outputs, in the caller's dispose scope.</returns>
    /// <exception cref="ArgumentException">A shape, a type or the number of tensors disagrees, or a tensor was disposed.</exception>
    public Tensor Forward(Tensor input, IReadOnlyList<Tensor> parameters)
    {
        ArgumentNullException.ThrowIfNull(input);
        return Forward([input], parameters);
    }

    /// <summary>The same for a network of any number of inputs.</summary>
    /// <param name="inputs">A batch (N, ...) per entry of <see cref="Inputs"/>, in that order, with equal N.</param>
    /// <param name="parameters">One tensor per entry of <see cref="Parameters"/>, in that order and shape, all of one floating-point type.</param>
    /// <returns>The outputs, in the caller's dispose scope.</returns>
    /// <exception cref="ArgumentException">A shape, a type or the number of tensors disagrees, or a tensor was disposed.</exception>
    public Tensor Forward(IReadOnlyList<Tensor> inputs, IReadOnlyList<Tensor> parameters)
    {
        CheckParameters(parameters, nameof(parameters));
        CheckInputs(inputs, parameters[0].dtype);
        using var state = CreateState(parameters[0].device, parameters[0].dtype);
        return Compute(inputs, parameters, state, training: false);
    }

    /// <summary>The network's function with the buffers of a model: (N, input) and weights -> (N, output).</summary>
    /// <param name="input">A batch (N, ...) of the only input; of the weights' type, or whole numbers where the network takes those.</param>
    /// <param name="parameters">One tensor per entry of <see cref="Parameters"/>, in that order and shape, all of one floating-point type.</param>
    /// <param name="state">The buffers, from <see cref="CreateState"/>.</param>
    /// <param name="training">
    /// Whether layers that differ in training do so: batch norm then takes the batch's own statistics and updates the running ones
    /// in the state, once a call. In evaluation mode nothing changes.
    /// </param>
    /// <returns>The outputs, in the caller's dispose scope.</returns>
    /// <exception cref="ArgumentException">
    /// A shape, a type or the number of tensors disagrees, a tensor was disposed, or the state is another network's.
    /// </exception>
    public Tensor Forward(Tensor input, IReadOnlyList<Tensor> parameters, NetworkState state, bool training)
    {
        ArgumentNullException.ThrowIfNull(input);
        return Forward([input], parameters, state, training);
    }

    /// <summary>The same for a network of any number of inputs.</summary>
    /// <param name="inputs">A batch (N, ...) per entry of <see cref="Inputs"/>, in that order, with equal N.</param>
    /// <param name="parameters">One tensor per entry of <see cref="Parameters"/>, in that order and shape, all of one floating-point type.</param>
    /// <param name="state">The buffers, from <see cref="CreateState"/>.</param>
    /// <param name="training">Whether layers that differ in training do so.</param>
    /// <returns>The outputs, in the caller's dispose scope.</returns>
    /// <exception cref="ArgumentException">
    /// A shape, a type or the number of tensors disagrees, a tensor was disposed, or the state is another network's.
    /// </exception>
    public Tensor Forward(IReadOnlyList<Tensor> inputs, IReadOnlyList<Tensor> parameters, NetworkState state, bool training)
    {
        CheckParameters(parameters, nameof(parameters));
        CheckInputs(inputs, parameters[0].dtype);
        CheckState(state);
        return Compute(inputs, parameters, state, training);
    }

    /// <summary>
    /// Whether a tensor scales or shifts what a layer puts out: the scales and shifts of normalisations, and biases. Vectors, unless a
    /// network knows better.
    /// </summary>
    internal virtual bool IsScaleOrShift(ParameterSpecification parameter) => parameter.Shape.Count == 1 || parameter.Center != 0;

    /// <summary>
    /// The weights that each layer takes when its turn comes, in that order: the place of the first and how many; empty where the network
    /// takes all at once.
    /// </summary>
    internal virtual IReadOnlyList<(int First, int Count)> WeightsByLayer => [];

    /// <summary>Why the layers cannot take their weights in turn; null where they can.</summary>
    internal virtual string? WithoutWeightsByLayer =>
        WeightsByLayer.Count == 0 ? $"'{Name}' is not a network of the builder, whose layers follow one another" : null;

    /// <summary>The network's function with weights that each layer takes when its turn comes.</summary>
    /// <exception cref="ArgumentException">An input does not fit, or the state is another network's.</exception>
    internal Tensor Forward(IReadOnlyList<Tensor> inputs, LayerWeights weights, NetworkState state, bool training)
    {
        CheckInputs(inputs, ScalarType.Float32);
        CheckState(state);
        return Compute(inputs, weights, state, training);
    }

    /// <summary>The function behind it; only where there are <see cref="WeightsByLayer"/>.</summary>
    private protected virtual Tensor Compute(IReadOnlyList<Tensor> inputs, LayerWeights weights, NetworkState state, bool training) =>
        throw new NotSupportedException($"'{Name}' takes all its weights at once.");

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
    /// <param name="limits">What the file may cost; <see cref="ReadLimits.Default"/> where none are given.</param>
    /// <returns>The weights; the caller disposes them.</returns>
    /// <exception cref="CheckpointFormatException">
    /// The file is damaged, beyond the limits, lacks a tensor or has one too many, or one is of another shape or kind; or it has a frozen parameter
    /// of a module with other values than the module, or a tied one with different values under its names. The message names the tensor.
    /// </exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public NetworkWeights ReadWeights(string path, ReadLimits? limits = null)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        return NetworkWeights.Read(path, this, limits);
    }

    /// <summary>The network as a table for people: one line per layer or tensor, and the number of weights.</summary>
    public abstract string Describe();

    /// <summary>
    /// How the descriptions begin that earlier builds put into other words, so that one of theirs cannot be compared with one of today.
    /// </summary>
    internal const string SecondDescription = "version 2: ";

    /// <summary>Which function of its weights the network is, as far as it can be said: what tells it from others of the same weights' shapes.</summary>
    internal virtual string DescribeFunction() => GetType().Name;

    /// <summary>The name, the shapes and the number of weights in one line.</summary>
    public override string ToString() =>
        $"{Name}: {string.Join(", ", Inputs)} -> {ShapeText.Of(OutputShape)}, {ShapeText.Count(ParameterCount)} parameters";

    /// <summary>
    /// The function behind <see cref="Forward(IReadOnlyList{Tensor}, IReadOnlyList{Tensor}, NetworkState, bool)"/>; shapes and types
    /// are already checked.
    /// </summary>
    /// <param name="inputs">A batch (N, ...) per entry of <see cref="Inputs"/>.</param>
    /// <param name="parameters">One tensor per entry of <see cref="Parameters"/>.</param>
    /// <param name="state">The buffers, changed in place in training mode only.</param>
    /// <param name="training">Whether this is a pass of training.</param>
    protected abstract Tensor Compute(IReadOnlyList<Tensor> inputs, IReadOnlyList<Tensor> parameters, NetworkState state, bool training);

    /// <summary>Makes the module behind <see cref="ToModule"/>; shapes are already checked.</summary>
    /// <param name="weights">One tensor per entry of <see cref="Parameters"/>.</param>
    /// <param name="state">The buffers to copy.</param>
    protected abstract nn.Module<Tensor, Tensor> CreateModule(IReadOnlyList<Tensor> weights, NetworkState state);

    /// <summary>A buffer as it is before training, in the caller's dispose scope.</summary>
    /// <param name="index">Its place in <see cref="Buffers"/>.</param>
    protected virtual Tensor CreateBuffer(int index)
    {
        var buffer = Buffers[index];
        using var start = buffer.Start.ToScalar();
        return full([.. buffer.Shape], start, buffer.Type, device: CPU);
    }

    /// <summary>Puts weights and buffers into a module of the user's; shapes are already checked.</summary>
    private protected virtual void Write(nn.Module module, IReadOnlyList<Tensor> weights, NetworkState state) =>
        ModuleWeights.Write(
            module,
            [.. Parameters.Select(parameter => parameter.Name).Zip(weights), .. PersistentBuffers(state)]);

    /// <summary>The buffers that files and modules in PyTorch's form hold, by name.</summary>
    internal IEnumerable<(string Name, Tensor Values)> PersistentBuffers(NetworkState state) =>
        Buffers.Zip(state.Tensors).Where(pair => pair.First.IsPersistent).Select(pair => (pair.First.Name, pair.Second));

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
}
