using MappingNets.Core;
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
    /// <exception cref="ArgumentException">The name is blank or there are no parameters.</exception>
    protected TargetNetwork(
        string name,
        IReadOnlyList<long> inputShape,
        IReadOnlyList<long> outputShape,
        IReadOnlyList<ParameterSpecification> parameters)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        if (parameters.Count == 0)
            throw new ArgumentException(
                $"The target network '{name}' has no weights; a mapping would have nothing to generate.", nameof(parameters));
        Name = name;
        InputShape = [.. inputShape];
        OutputShape = [.. outputShape];
        Parameters = [.. parameters];
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

    /// <summary>P, the number of weights.</summary>
    public long ParameterCount { get; }

    /// <summary>The place of each tensor in the flat vector theta, for the core.</summary>
    internal ParameterLayout Layout => layout.Value;

    /// <summary>Starts describing a network layer by layer.</summary>
    /// <param name="shape">The shape of one input without the batch dimension, such as (1, 28, 28); every size at least 1.</param>
    /// <exception cref="ArgumentException">The shape is empty or has a size below 1.</exception>
    public static TargetNetworkBuilder Input(params long[] shape) => new(shape);

    /// <summary>The network's function: (N, input) and weights -> (N, output). Differentiable in both; changes nothing.</summary>
    /// <param name="input">A batch (N, ...) with the sample shape <see cref="InputShape"/>.</param>
    /// <param name="parameters">One tensor per entry of <see cref="Parameters"/>, in that order and shape.</param>
    /// <returns>The outputs, in the caller's dispose scope.</returns>
    /// <exception cref="ArgumentException">A shape or the number of tensors disagrees.</exception>
    public Tensor Forward(Tensor input, IReadOnlyList<Tensor> parameters)
    {
        ArgumentNullException.ThrowIfNull(input);
        CheckInput(input.shape);
        CheckParameters(parameters, nameof(parameters));
        return Compute(input, parameters);
    }

    /// <summary>A plain TorchSharp module with copies of the weights; its state_dict has PyTorch's names and shapes.</summary>
    /// <param name="weights">One tensor per entry of <see cref="Parameters"/>, in that order and shape.</param>
    /// <returns>The module, in evaluation mode, on the device and of the dtype of the weights; the caller disposes it.</returns>
    /// <exception cref="ArgumentException">A shape or the number of tensors disagrees.</exception>
    public nn.Module<Tensor, Tensor> ToModule(IReadOnlyList<Tensor> weights)
    {
        CheckParameters(weights, nameof(weights));
        var module = CreateModule(weights);
        module.eval();
        return module;
    }

    /// <summary>The network as a table for people: one line per layer or tensor, and the number of weights.</summary>
    public abstract string Describe();

    /// <summary>The name, the shapes and the number of weights in one line.</summary>
    public override string ToString() =>
        $"{Name}: {ShapeText.Of(InputShape)} -> {ShapeText.Of(OutputShape)}, {ShapeText.Count(ParameterCount)} parameters";

    /// <summary>The function behind <see cref="Forward"/>; shapes are already checked.</summary>
    /// <param name="input">A batch (N, ...).</param>
    /// <param name="parameters">One tensor per entry of <see cref="Parameters"/>.</param>
    protected abstract Tensor Compute(Tensor input, IReadOnlyList<Tensor> parameters);

    /// <summary>Makes the module behind <see cref="ToModule"/>; shapes are already checked.</summary>
    /// <param name="weights">One tensor per entry of <see cref="Parameters"/>.</param>
    protected abstract nn.Module<Tensor, Tensor> CreateModule(IReadOnlyList<Tensor> weights);

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
