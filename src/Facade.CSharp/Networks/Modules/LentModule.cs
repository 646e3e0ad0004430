using static TorchSharp.torch;

namespace MappingNets;

/// <summary>A user's module on loan, or a part of one, as a pass sees it: weights and buffers are written into it before it runs.</summary>
internal abstract class LentModule
{
    /// <summary>Passes run one at a time; its parts have the gate of the whole module.</summary>
    public abstract object Gate { get; }

    /// <summary>The parameters that are generated, in the order in which weights are written.</summary>
    public abstract IReadOnlyList<ModuleParameters.Entry> Generated { get; }

    /// <summary>
    /// Whether the module must run in gradient mode even where nobody wants a gradient: it has a native LSTM. Without gradients
    /// libtorch 2.10 hands an LSTM on the CPU to oneDNN, which gave wrong outputs for 16 hidden units or fewer, off by 0.5 where the
    /// pass with gradients agrees with the equations to 1e-7.
    /// </summary>
    public abstract bool NeedsGradientMode { get; }

    /// <summary>
    /// Counts the times that something was written into it. A graph that a pass left behind reads the parameters when it
    /// is gone through backwards, so it is good only while this number is the same as after the pass.
    /// </summary>
    public abstract long Writes { get; }

    /// <summary>The buffers' tensors now; a module may put other ones in their place as it runs.</summary>
    public abstract IReadOnlyList<Tensor> Buffers();

    /// <summary>Puts weights and buffers in, leaving alone what is the same already.</summary>
    /// <exception cref="ObjectDisposedException">The target or the module was disposed.</exception>
    public abstract void Write(IReadOnlyList<Tensor> weights, IReadOnlyList<Tensor> state, bool training);

    /// <summary>Runs it as it stands.</summary>
    public abstract Tensor Run(IReadOnlyList<Tensor> inputs);
}
