using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>
/// A user's module on loan: its parameters and buffers are overwritten, in place, with the weights and buffers of the pass that
/// runs, and given back as they were. One pass at a time: the caller holds <see cref="Gate"/>.
/// </summary>
internal sealed class BorrowedModule : LentModule, IDisposable
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
    private long partWrites;

    public BorrowedModule(nn.Module module, Func<IReadOnlyList<Tensor>, Tensor> forward, string name)
    {
        InferenceTensors.RequireNoInferenceMode();
        (this.module, this.forward, this.name) = (module, forward, name);
        using var noGradient = no_grad();
        Parameters = ModuleParameters.Of(module);
        lent = ModuleLoans.Lend(module, name);
        try
        {
            // (4H, H): the weights of an LSTM, a script module's too.
            NeedsGradientMode = module.named_parameters().Any(
                parameter => parameter.name.EndsWith("weight_hh_l0", StringComparison.Ordinal)
                    && parameter.parameter.shape is [var gates, var hidden] && gates == 4 * hidden);
            // Before anything is taken from the module: this fails where a part was disposed.
            // A script module makes a new object for each submodule; what it holds of modes is reached through the root only.
            ownModes = module is jit.ScriptModule
                ? [(module, module.training)]
                : [.. module.named_modules().Select(part => part.module).Prepend(module).Select(part => (part, part.training))];
            buffers = [.. module.named_buffers()];
            ownWeights = [.. Parameters.Generated.Select(parameter => parameter.Value.clone().DetachFromDisposeScope())];
            ownBuffers = [.. buffers.Select(buffer => buffer.Value.clone().DetachFromDisposeScope())];
            ownGradients = [.. Parameters.Generated.SelectMany(parameter => parameter.Handles)
                .Select(handle => (handle, handle.grad?.DetachFromDisposeScope()))];
            foreach (var (handle, _) in ownGradients)
                handle.grad = null;
        }
        catch
        {
            ModuleLoans.Return(lent);
            throw;
        }
    }

    /// <inheritdoc/>
    public override object Gate { get; } = new();

    /// <summary>The name in messages of the target that has it.</summary>
    public string Name => name;

    public ModuleParameters Parameters { get; }

    /// <inheritdoc/>
    public override IReadOnlyList<ModuleParameters.Entry> Generated => Parameters.Generated;

    /// <inheritdoc/>
    public override bool NeedsGradientMode { get; }

    /// <summary>The floating-point type that the module computes in.</summary>
    public ScalarType Type => Parameters.Generated.Count == 0 ? ScalarType.Float32 : ownWeights[0].dtype;

    public IReadOnlyList<Tensor> OwnWeights => StillHere(ownWeights);

    /// <summary>The parameters that the owner froze: no pass writes them.</summary>
    /// <exception cref="ObjectDisposedException">One of them was disposed.</exception>
    public IReadOnlyList<(string Name, Tensor Value)> Frozen
    {
        get
        {
            (string, Tensor)[] found =
            [
                .. module.named_parameters().Where(parameter => Parameters.Frozen.Contains(parameter.name))
                    .Select(parameter => (parameter.name, (Tensor)parameter.parameter)),
            ];
            // A module passes over its disposed parameters, and whatever is made without them would be another network's.
            return found.Length == Parameters.Frozen.Count ? found : throw Gone();
        }
    }

    /// <summary>The parts by name and class; what else their settings are, a module does not say.</summary>
    // ToString leaves out the assemblies of type arguments, whose versions change without the function.
    public IEnumerable<string> Classes =>
        module.named_modules().Select(part => $"{part.name} {part.module.GetType()}").Prepend(module.GetType().ToString());

    /// <summary>Whether it is this module that is on loan.</summary>
    public bool Is(nn.Module other) => !returned && ReferenceEquals(module, other);

    public IReadOnlyList<Tensor> OwnBuffers => StillHere(ownBuffers);

    public IReadOnlyList<BufferSpecification> BufferSpecifications =>
        [.. buffers.Select(buffer => new BufferSpecification(buffer.Name, buffer.Value.shape, buffer.Value.dtype, 0)
        {
            // What else a module registers, such as a mask, is the same in training as in evaluation for all that is known of it.
            FollowsBatches = buffer.Name[(buffer.Name.LastIndexOf('.') + 1)..] is "running_mean" or "running_var" or "num_batches_tracked",
        })];

    /// <summary>The times that something was written into it as a whole, and not by one of its parts, or that its mode changed.</summary>
    public long WholeWrites { get; private set; }

    /// <inheritdoc/>
    public override long Writes => WholeWrites + partWrites;

    /// <inheritdoc/>
    public override IReadOnlyList<Tensor> Buffers() => [.. module.named_buffers().Select(buffer => buffer.buffer)];

    /// <inheritdoc/>
    public override void Write(IReadOnlyList<Tensor> weights, IReadOnlyList<Tensor> state, bool training)
    {
        if (Put(0, weights, Buffers(), state, training))
            WholeWrites++;
    }

    /// <summary>Puts weights and buffers into a part of the module, leaving alone what is the same already.</summary>
    /// <param name="first">The place of the part's first parameter.</param>
    /// <param name="weights">Its weights.</param>
    /// <param name="buffers">Its buffers.</param>
    /// <param name="state">What goes into them.</param>
    /// <param name="training">The mode of the pass.</param>
    /// <returns>Whether anything was not the same already.</returns>
    /// <exception cref="ObjectDisposedException">The target or the module was disposed.</exception>
    public bool WritePart(int first, IReadOnlyList<Tensor> weights, IReadOnlyList<Tensor> buffers, IReadOnlyList<Tensor> state, bool training)
    {
        var written = Put(first, weights, buffers, state, training);
        if (written)
            partWrites++;
        return written;
    }

    private bool Put(int first, IReadOnlyList<Tensor> weights, IReadOnlyList<Tensor> buffers, IReadOnlyList<Tensor> state, bool training)
    {
        RequireAlive();
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        var written = false;
        for (var index = 0; index < weights.Count; index++)
            written |= Write(Parameters.Generated[first + index].Value, weights[index].detach());
        foreach (var (buffer, value) in buffers.Zip(state))
            written |= Write(buffer, value);
        if (mode != training)
        {
            module.train(training);
            mode = training;
            // Layers such as batch norm then write into their buffers as they run, in all parts of the module; a graph that a pass of the other
            // mode left behind may read these.
            WholeWrites++;
        }

        return written;
    }

    /// <inheritdoc/>
    public override Tensor Run(IReadOnlyList<Tensor> inputs) => forward(inputs);

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
            using var noGradient = no_grad();
            try
            {
                if (!WasDisposed)
                    GiveBack();
            }
            finally
            {
                // Only now: another target would take what a pass has written for the module's own weights.
                ModuleLoans.Return(lent);
                foreach (var own in ownWeights.Concat(ownBuffers))
                    own.Dispose();
                WholeWrites++;
            }
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

    private Tensor[] StillHere(Tensor[] own)
    {
        RequireNotReturned();
        return own;
    }

    /// <summary>Refuses what needs the module while it is on loan.</summary>
    /// <exception cref="ObjectDisposedException">It is with its owner again, or was disposed.</exception>
    public void RequireAlive()
    {
        RequireNotReturned();
        if (WasDisposed)
            throw Gone();
    }

    private void RequireNotReturned()
    {
        if (returned)
            throw new ObjectDisposedException(name, $"The target '{name}' was disposed, and its module is with its owner again.");
    }

    private ObjectDisposedException Gone() =>
        new(name, $"The module that the target '{name}' has on loan was disposed; it must live as long as the target.");

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
