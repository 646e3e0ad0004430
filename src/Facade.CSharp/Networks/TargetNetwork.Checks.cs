using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets;

// What a pass refuses before libtorch sees it: some of libtorch's own refusals end the process.
public abstract partial class TargetNetwork
{
    /// <summary>Whether an input of some type goes through the network with weights of some type.</summary>
    internal virtual bool Takes(InputSpecification input, ScalarType type, ScalarType weights) =>
        type == (input.IsFloat ? weights : input.Type);

    private void CheckInputs(IReadOnlyList<Tensor> inputs, ScalarType weights)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        if (inputs.Count != Inputs.Count)
            throw new ArgumentException($"'{Name}' takes {Count(Inputs.Count)}; the pass got {inputs.Count}.", nameof(inputs));
        RequireTensors(inputs);
        for (var index = 0; index < inputs.Count; index++)
        {
            var (input, wanted) = (inputs[index], Inputs[index]);
            var (argument, called) = NameOf(inputs, index);
            var shape = input.shape;
            if (shape.Length == 0 || !shape.AsSpan(1).SequenceEqual(wanted.Shape.ToArray()))
                throw new ArgumentException(
                    $"'{Name}' takes a batch of shape (N{string.Concat(wanted.Shape.Select(size => $", {size}"))}); {called} has {ShapeText.Of(shape)}.",
                    argument);
            if (shape[0] != inputs[0].shape[0])
                throw new ArgumentException(
                    $"All inputs must have equally many samples; {called} has {shape[0]}, input 1 has {inputs[0].shape[0]}.", argument);
            if (!Takes(wanted, input.dtype, weights))
                throw new ArgumentException(
                    $"'{Name}' cannot run: {called} is {input.dtype}; it must be {(wanted.IsFloat ? $"{weights}, as the weights are" : wanted.Type)}.", argument);
        }

        static string Count(int count) => count == 1 ? "one input" : $"{count} inputs";
    }

    /// <summary>Refuses inputs that are none, which cannot even be moved to a device.</summary>
    /// <exception cref="ArgumentException">One is null or was disposed.</exception>
    internal void RequireTensors(IReadOnlyList<Tensor> inputs)
    {
        for (var index = 0; index < inputs.Count; index++)
        {
            var (argument, called) = NameOf(inputs, index);
            ArgumentNullException.ThrowIfNull(inputs[index], argument);
            if (inputs[index].IsInvalid)
                throw new ArgumentException($"'{Name}' cannot run: {called} was disposed.", argument);
        }
    }

    // What a message calls an input: the only one has no number.
    private static (string Argument, string Called) NameOf(IReadOnlyList<Tensor> inputs, int index) =>
        inputs.Count == 1 ? ("input", "the input") : (nameof(inputs), $"input {index + 1}");

    private void CheckParameters(IReadOnlyList<Tensor> tensors, string argument)
    {
        ArgumentNullException.ThrowIfNull(tensors, argument);
        if (tensors.Count != Parameters.Count)
            throw new ArgumentException($"'{Name}' needs {Parameters.Count} weight tensors; {tensors.Count} were given.", argument);
        for (var index = 0; index < tensors.Count; index++)
        {
            var (tensor, specification) = (tensors[index], Parameters[index]);
            ArgumentNullException.ThrowIfNull(tensor, argument);
            if (tensor.IsInvalid)
                throw new ArgumentException($"'{Name}' cannot run: the weight '{specification.Name}' was disposed.", argument);
            if (!tensor.shape.AsSpan().SequenceEqual(specification.Shape.ToArray()))
                throw new ArgumentException(
                    $"'{specification.Name}' has the shape {ShapeText.Of(tensor.shape)}; " +
                    $"'{Name}' needs {ShapeText.Of(specification.Shape)}.",
                    argument);
            if (!FloatTypes.Contains(tensor.dtype))
                throw new ArgumentException($"'{specification.Name}' is {tensor.dtype}; weights are floating-point numbers.", argument);
            if (tensor.dtype != tensors[0].dtype)
                throw new ArgumentException(
                    $"'{specification.Name}' is {tensor.dtype}, but '{Parameters[0].Name}' is {tensors[0].dtype}; all weights must be of one type.",
                    argument);
        }
    }

    /// <summary>Whether buffers of these specifications can stand in this network: names and shapes, in order.</summary>
    internal bool HasBuffers(IReadOnlyList<BufferSpecification> specifications) =>
        // A state that this network made has its very list.
        ReferenceEquals(specifications, Buffers)
        || specifications.Select(buffer => buffer.ToString()).SequenceEqual(Buffers.Select(buffer => buffer.ToString()));

    /// <summary>The buffers in words, such as "[bn1.running_mean(16)]".</summary>
    internal string BufferText => $"[{string.Join(", ", Buffers)}]";

    internal void CheckState(NetworkState state)
    {
        ArgumentNullException.ThrowIfNull(state);
        if (!HasBuffers(state.Specifications))
            throw new ArgumentException(
                $"The state is another network's; '{Name}' takes one that its CreateState made.", nameof(state));
        if (state.Tensors.Any(tensor => tensor.IsInvalid))
            throw new ArgumentException($"'{Name}' cannot run: the state was disposed.", nameof(state));
    }
}
