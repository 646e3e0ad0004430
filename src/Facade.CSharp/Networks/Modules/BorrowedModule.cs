using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>
/// A user's module on loan: its parameters and buffers are overwritten, in place, with the weights and buffers of the pass that
/// runs, and given back as they were. One pass at a time: the caller holds <see cref="Gate"/>.
/// </summary>
internal sealed class BorrowedModule : IDisposable
{
    private readonly nn.Module module;
    private readonly string name;
    private readonly Func<IReadOnlyList<Tensor>, Tensor> forward;
    private readonly (string Name, Tensor Value)[] buffers;
    private readonly Tensor[] ownWeights;
    private readonly Tensor[] ownBuffers;
    private readonly (Parameter Handle, Tensor? Gradient)[] ownGradients;
    private readonly (nn.Module Module, bool Training)[] ownModes;
    private readonly IReadOnlyList<nn.Module> lent;
    private bool? mode;
    private bool returned;

    public BorrowedModule(nn.Module module, Func<IReadOnlyList<Tensor>, Tensor> forward, string name)
    {
        InferenceTensors.RequireNoInferenceMode();
        (this.module, this.forward, this.name) = (module, forward, name);
        using var noGradient = no_grad();
        Parameters = ModuleParameters.Of(module);
        lent = ModuleLoans.Lend(module, name);
        // (4H, H): the weights of an LSTM, a script module's too.
        NeedsGradientMode = module.named_parameters().Any(
            parameter => parameter.name.EndsWith("weight_hh_l0", StringComparison.Ordinal)
                && parameter.parameter.shape is [var gates, var hidden] && gates == 4 * hidden);
        buffers = [.. module.named_buffers()];
        ownWeights = [.. Parameters.Generated.Select(parameter => parameter.Value.clone().DetachFromDisposeScope())];
        ownBuffers = [.. buffers.Select(buffer => buffer.Value.clone().DetachFromDisposeScope())];
        ownGradients = [.. Parameters.Generated.SelectMany(parameter => parameter.Handles)
            .Select(handle => (handle, handle.grad?.DetachFromDisposeScope()))];
        foreach (var (handle, _) in ownGradients)
            handle.grad = null;
        // A script module makes a new object for each submodule; what it holds of modes is reached through the root only.
        ownModes = module is jit.ScriptModule
            ? [(module, module.training)]
            : [.. module.named_modules().Select(part => part.module).Prepend(module).Select(part => (part, part.training))];
    }

    public object Gate { get; } = new();

    public ModuleParameters Parameters { get; }

    /// <summary>
    /// Whether the module must run in gradient mode even where nobody wants a gradient: it has a native LSTM. Without gradients
    /// libtorch 2.10 hands an LSTM on the CPU to oneDNN, which gave wrong outputs for 16 hidden units or fewer, off by 0.5 where the
    /// pass with gradients agrees with the equations to 1e-7.
    /// </summary>
    public bool NeedsGradientMode { get; }

    /// <summary>The floating-point type that the module computes in.</summary>
    public ScalarType Type => Parameters.Generated.Count == 0 ? ScalarType.Float32 : ownWeights[0].dtype;

    public IReadOnlyList<Tensor> OwnWeights => ownWeights;

    /// <summary>The parameters that the owner froze: no pass writes them.</summary>
    public IReadOnlyList<(string Name, Tensor Value)> Frozen =>
        [.. module.named_parameters().Where(parameter => Parameters.Frozen.Contains(parameter.name))
            .Select(parameter => (parameter.name, (Tensor)parameter.parameter))];

    /// <summary>Whether it is this module that is on loan.</summary>
    public bool Is(nn.Module other) => !returned && ReferenceEquals(module, other);

    public IReadOnlyList<Tensor> OwnBuffers => ownBuffers;

    public IReadOnlyList<BufferSpecification> BufferSpecifications =>
        [.. buffers.Select(buffer => new BufferSpecification(buffer.Name, buffer.Value.shape, buffer.Value.dtype, 0))];

    /// <summary>
    /// Counts the times that something was written into the module. A graph that a pass left behind reads the parameters when it
    /// is gone through backwards, so it is good only while this number is the same as after the pass.
    /// </summary>
    public long Writes { get; private set; }

    /// <summary>The buffers' tensors now; a module may put other ones in their place as it runs.</summary>
    public IReadOnlyList<Tensor> Buffers() => [.. module.named_buffers().Select(buffer => buffer.buffer)];

    /// <summary>Puts weights and buffers into the module, leaving alone what is the same already.</summary>
    /// <exception cref="ObjectDisposedException">The target or the module was disposed.</exception>
    public void Write(IReadOnlyList<Tensor> weights, IReadOnlyList<Tensor> state, bool training)
    {
        RequireAlive();
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        var written = false;
        for (var index = 0; index < weights.Count; index++)
            written |= Write(Parameters.Generated[index].Value, weights[index].detach());
        foreach (var (buffer, value) in Buffers().Zip(state))
            written |= Write(buffer, value);
        if (written)
            Writes++;
        if (mode == training)
            return;
        module.train(training);
        mode = training;
    }

    /// <summary>Runs the module as it stands.</summary>
    public Tensor Run(IReadOnlyList<Tensor> inputs) => forward(inputs);

    /// <summary>Changes what the module is given back with.</summary>
    public void TakeAsOwn(IReadOnlyList<Tensor> weights, IReadOnlyList<Tensor> state)
    {
        lock (Gate)
        {
            RequireAlive();
            using var noGradient = no_grad();
            foreach (var (own, value) in ownWeights.Zip(weights).Concat(ownBuffers.Zip(state)))
                own.copy_(value);
        }
    }

    /// <summary>Gives the module back: weights, buffers, gradients and modes as they were. One that was disposed is left alone.</summary>
    public void Dispose()
    {
        lock (Gate)
        {
            if (returned)
                return;
            returned = true;
            ModuleLoans.Return(lent);
            using var noGradient = no_grad();
            if (!WasDisposed)
                GiveBack();
            foreach (var own in ownWeights.Concat(ownBuffers))
                own.Dispose();
            Writes++;
        }
    }

    private bool WasDisposed => Parameters.Generated.Any(parameter => parameter.Value.IsInvalid);

    private void GiveBack()
    {
        foreach (var (parameter, own) in Parameters.Generated.Zip(ownWeights))
            parameter.Value.copy_(own);
        foreach (var (handle, gradient) in ownGradients)
            handle.grad = gradient;
        foreach (var (buffer, own) in Buffers().Zip(ownBuffers))
            buffer.copy_(own);
        // From the leaves up: a module passes its mode on to its parts.
        foreach (var (part, training) in ownModes)
            part.train(training);
    }

    private void RequireAlive()
    {
        if (returned)
            throw new ObjectDisposedException(name, $"The target '{name}' was disposed, and its module is with its owner again.");
        if (WasDisposed)
            throw new ObjectDisposedException(name, $"The module that the target '{name}' has on loan was disposed; it must live as long as the target.");
    }

    private static bool Write(Tensor destination, Tensor source)
    {
        if (AreSameBits(destination, source))
            return false;
        destination.copy_(source);
        return true;
    }

    private static bool AreSameBits(Tensor first, Tensor second) =>
        first.dtype == second.dtype
        && first.device_type == DeviceType.CPU
        && second.device_type == DeviceType.CPU
        && first.is_contiguous()
        && second.is_contiguous()
        && TensorBytes.Parts(first).Zip(TensorBytes.Parts(second)).All(pair => pair.First.bytes.SequenceEqual(pair.Second.bytes));
}
