using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>
/// A user's module on loan: its parameters and buffers are overwritten, in place, with the weights and buffers of the pass that
/// runs, and given back as they were. One pass at a time: whoever calls holds <see cref="Gate"/>.
/// </summary>
internal sealed class BorrowedModule : IDisposable
{
    private readonly nn.Module module;
    private readonly Func<Tensor, Tensor> forward;
    private readonly (string Name, Tensor Value)[] buffers;
    private readonly Tensor[] ownWeights;
    private readonly Tensor[] ownBuffers;
    private readonly Tensor?[] ownGradients;
    private readonly (nn.Module Module, bool Training)[] ownModes;
    private bool? mode;
    private bool returned;

    public BorrowedModule(nn.Module module, Func<Tensor, Tensor> forward)
    {
        (this.module, this.forward) = (module, forward);
        using var noGradient = no_grad();
        Parameters = ModuleParameters.Of(module);
        buffers = [.. module.named_buffers()];
        ownWeights = [.. Parameters.Generated.Select(parameter => parameter.Value.clone().DetachFromDisposeScope())];
        ownBuffers = [.. buffers.Select(buffer => buffer.Value.clone().DetachFromDisposeScope())];
        ownGradients = [.. Parameters.Generated.Select(parameter => parameter.Value.grad?.DetachFromDisposeScope())];
        foreach (var (_, parameter) in Parameters.Generated)
            parameter.grad = null;
        // A script module makes a new object for each submodule; what it holds of modes is reached through the root only.
        ownModes = module is jit.ScriptModule
            ? [(module, module.training)]
            : [.. module.named_modules().Select(part => part.module).Prepend(module).Select(part => (part, part.training))];
    }

    public object Gate { get; } = new();

    public ModuleParameters Parameters { get; }

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
    public void Write(IReadOnlyList<Tensor> weights, IReadOnlyList<Tensor> state, bool training)
    {
        ObjectDisposedException.ThrowIf(returned, typeof(ModuleTarget));
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
    public Tensor Run(Tensor input) => forward(input);

    /// <summary>Changes what the module is given back with.</summary>
    public void TakeAsOwn(IReadOnlyList<Tensor> weights, IReadOnlyList<Tensor> state)
    {
        lock (Gate)
        {
            ObjectDisposedException.ThrowIf(returned, typeof(ModuleTarget));
            using var noGradient = no_grad();
            foreach (var (own, value) in ownWeights.Zip(weights).Concat(ownBuffers.Zip(state)))
                own.copy_(value);
        }
    }

    /// <summary>Gives the module back: weights, buffers, gradients and modes as they were.</summary>
    public void Dispose()
    {
        lock (Gate)
        {
            if (returned)
                return;
            returned = true;
            using var noGradient = no_grad();
            foreach (var (parameter, own, gradient) in Parameters.Generated.Zip(ownWeights, ownGradients))
            {
                parameter.Value.copy_(own);
                parameter.Value.grad = gradient;
                own.Dispose();
            }

            foreach (var (buffer, own) in Buffers().Zip(ownBuffers))
            {
                buffer.copy_(own);
                own.Dispose();
            }

            // From the leaves up: a module passes its mode on to its parts.
            foreach (var (part, training) in ownModes)
                part.train(training);
            Writes++;
        }
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
