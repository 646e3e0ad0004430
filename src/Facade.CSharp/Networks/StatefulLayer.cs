using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>
/// A layer whose function depends on buffers or on whether the pass is one of training, and a layer made of such layers. Where
/// neither is given, it computes as in evaluation with the buffers from before training.
/// </summary>
public abstract class StatefulLayer : Layer
{
    /// <summary>Starts a layer.</summary>
    /// <param name="name">Its explicit name, or null to be numbered.</param>
    protected StatefulLayer(string? name)
        : base(name)
    {
    }

    /// <summary>The layer's function: (N, input), its weights and buffers -> (N, output).</summary>
    /// <param name="input">A batch (N, ...).</param>
    /// <param name="parameters">One tensor per entry of <see cref="Layer.Parameters"/>, in that order.</param>
    /// <param name="buffers">One tensor per entry of <see cref="Layer.Buffers"/>; a pass of training may change them in place.</param>
    /// <param name="training">Whether this is a pass of training.</param>
    public abstract Tensor Forward(Tensor input, IReadOnlyList<Tensor> parameters, IReadOnlyList<Tensor> buffers, bool training);

    /// <summary>A plain TorchSharp module of the same function, holding copies of weights and buffers.</summary>
    /// <param name="input">The input's shape for one sample.</param>
    /// <param name="parameters">One tensor per entry of <see cref="Layer.Parameters"/>, in that order.</param>
    /// <param name="buffers">One tensor per entry of <see cref="Layer.Buffers"/>, in that order.</param>
    public abstract nn.Module<Tensor, Tensor> ToModule(
        IReadOnlyList<long> input, IReadOnlyList<Tensor> parameters, IReadOnlyList<Tensor> buffers);

    /// <inheritdoc/>
    public sealed override Tensor Forward(Tensor input, IReadOnlyList<Tensor> parameters)
    {
        using var scope = NewDisposeScope();
        return Forward(input, parameters, StartOf(input.shape[1..], parameters), training: false).LeaveScopeBeside(input);
    }

    /// <inheritdoc/>
    public sealed override nn.Module<Tensor, Tensor> ToModule(IReadOnlyList<long> input, IReadOnlyList<Tensor> parameters)
    {
        using var scope = NewDisposeScope();
        return ToModule(input, parameters, StartOf(input, parameters));
    }

    private IReadOnlyList<Tensor> StartOf(IReadOnlyList<long> input, IReadOnlyList<Tensor> parameters) =>
        [.. Buffers(input).Select(buffer =>
        {
            using var start = buffer.Start.ToScalar();
            return full(
                [.. buffer.Shape],
                start,
                parameters.Count > 0 ? buffer.TypeBeside(parameters[0].dtype) : buffer.Type,
                parameters.Count > 0 ? parameters[0].device : CPU);
        })];
}
