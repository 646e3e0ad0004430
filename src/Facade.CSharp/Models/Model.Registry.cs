using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MappingNets;

// What a TorchSharp module is beside its function: names, modes, types and places of its tensors.
public abstract partial class Model
{
    private string[] trainedNames = [];
    private string[] bufferNames = [];
    private NetworkState? networkState;
    private Device? device;
    private bool isDisposed;

    /// <summary>The device on which the tensors live and the target is run.</summary>
    public Device Device => device!;

    /// <summary>
    /// The target's buffers, such as running means, as training has left them. Owned by the model; after a move to another device
    /// read it anew.
    /// </summary>
    /// <exception cref="ObjectDisposedException">The model is disposed.</exception>
    public NetworkState State
    {
        get
        {
            RequireAlive();
            return networkState!;
        }
    }

    /// <summary>The tensors that an optimiser may change: never a weight of the target in a mapped model.</summary>
    internal IReadOnlyList<Parameter> Trainables
    {
        get
        {
            RequireAlive();
            return [.. trainedNames.Select(name => get_parameter(name)!)];
        }
    }

    /// <summary>The names of the trainables in messages, in their order.</summary>
    internal IReadOnlyList<string> TrainableNames => trainedNames;

    /// <summary>Registers what the model holds. Every model does so once, when it is built; it owns the tensors from then on.</summary>
    /// <param name="trained">The trained tensors by name, at least one.</param>
    /// <param name="on">The device that they are on.</param>
    private protected void Register(IReadOnlyList<(string Name, Parameter Tensor)> trained, Device on)
    {
        foreach (var (name, tensor) in trained)
            register_parameter(name, tensor);
        trainedNames = [.. trained.Select(pair => pair.Name)];
        (device, _deviceType, _deviceIndex) = (on, on.type, on.index);
        networkState = Target.CreateState(on);
        // A user's module may call a buffer as the model calls a trained tensor.
        bufferNames = [.. Target.Buffers.Select(buffer => has_parameter(buffer.Name) ? StoredTensors.BufferPrefix + buffer.Name : buffer.Name)];
        foreach (var (name, tensor) in bufferNames.Zip(networkState.Tensors))
            register_buffer(name, tensor);
    }

    /// <inheritdoc/>
    /// <remarks>parameters() and state_dict() of the base read it, and refuse with it.</remarks>
    /// <exception cref="ObjectDisposedException">The model is disposed.</exception>
    public override IEnumerable<(string name, Parameter parameter)> named_parameters(bool recurse = true)
    {
        RequireAlive();
        return base.named_parameters(recurse);
    }

    /// <summary>Refuses a move that what the registry does not know cannot follow, before anything moves.</summary>
    /// <exception cref="NotSupportedException">It cannot.</exception>
    private protected virtual void RequireMovable(Device to)
    {
    }

    /// <summary>Moves what the registry does not know to the model's new device.</summary>
    private protected virtual void MoveConstants(Device to)
    {
    }

    /// <inheritdoc/>
    /// <remarks>
    /// With <paramref name="strict"/> nothing is copied unless every tensor is there in its shape, and nothing else: the exception
    /// names the first that is not. Without it, tensors that are missing or unknown are passed over; shapes must fit all the same.
    /// </remarks>
    /// <exception cref="ArgumentException">A tensor is missing, unknown, of another shape, or no float where a float is needed.</exception>
    public override (IList<string> missing_keys, IList<string> unexpected_keyes) load_state_dict(
        Dictionary<string, Tensor> source, bool strict = true, IList<string>? skip = null)
    {
        RequireAlive();
        ArgumentNullException.ThrowIfNull(source);
        var own = state_dict();
        string[] missing = [.. own.Keys.Except(source.Keys).Except(skip ?? [])];
        string[] unexpected = [.. source.Keys.Except(own.Keys).Except(skip ?? [])];
        if (strict && missing.Length > 0)
            throw new ArgumentException($"The state has no '{missing[0]}'; the model needs [{string.Join(", ", own.Keys)}].", nameof(source));
        if (strict && unexpected.Length > 0)
            throw new ArgumentException(
                $"The state has '{unexpected[0]}', which the model has not; it needs [{string.Join(", ", own.Keys)}].", nameof(source));
        string[] taken = [.. own.Keys.Intersect(source.Keys).Except(skip ?? [])];
        foreach (var name in taken)
            RequireFit(name, source[name], own[name]);
        using var noGradient = no_grad();
        foreach (var name in taken)
            own[name].copy_(source[name]);
        return ([.. missing], [.. unexpected]);
    }

    /// <summary>Refuses another precision: the trained tensors, the fixed weights and the data are single precision.</summary>
    protected override nn.Module _to(ScalarType dtype, bool non_blocking) => dtype == ScalarType.Float32
        ? this
        : throw new NotSupportedException(
            $"A model of this library is Float32 and cannot become {dtype}; Materialize() gives a plain module that can.");

    /// <inheritdoc cref="_to(ScalarType, bool)"/>
    protected override nn.Module _to(Device device, ScalarType dtype, bool non_blocking)
    {
        _to(dtype, non_blocking);
        return _to(device.type, device.index, non_blocking);
    }

    /// <summary>Moves the trained tensors and the buffers; what holds the old ones, such as an optimiser, must be created again.</summary>
    protected override nn.Module _to(DeviceType deviceType, int deviceIndex, bool non_blocking)
    {
        RequireAlive();
        if (deviceType == Device.type && IsHere(deviceType, deviceIndex))
            return this;
        RequireMovable(new(deviceType, deviceIndex));
        base._to(deviceType, deviceIndex, non_blocking);
        device = Trainables[0].device;
        networkState = new(Target.Buffers, bufferNames.Select(name => get_buffer(name)!));
        MoveConstants(device);
        return this;
    }

    /// <summary>Whether an index, among the devices of the model's type, means its device.</summary>
    private bool IsHere(DeviceType type, int index)
    {
        // The CPU is one, whatever its index.
        if (type == DeviceType.CPU || index == Device.index)
            return true;
        if (index >= 0)
            return false;
        // No index means the device that is current, and a tensor made there says which that is.
        using var there = empty(0, device: new Device(type, index));
        return there.device.index == Device.index;
    }

    /// <summary>Only what the model itself registers is part of its state.</summary>
    protected override void RegisterComponents()
    {
    }

    /// <summary>Frees the native memory; once, however often it is called.</summary>
    /// <param name="disposing">False where the collector calls.</param>
    protected sealed override void Dispose(bool disposing)
    {
        if (isDisposed)
            return;
        if (disposing)
            DisposeConstants();
        // TorchSharp reads the registry to free what it holds, so the model is gone only after that.
        base.Dispose(disposing);
        isDisposed = true;
    }

    /// <summary>Frees what the registry does not know.</summary>
    private protected abstract void DisposeConstants();

    private static void RequireFit(string name, Tensor value, Tensor own)
    {
        ArgumentNullException.ThrowIfNull(value, name);
        if (!value.shape.SequenceEqual(own.shape))
            throw new ArgumentException(
                $"The state's '{name}' has the shape {ShapeText.Of(value.shape)}; the model needs {ShapeText.Of(own.shape)}.", "source");
        if (value.is_floating_point() != own.is_floating_point())
            throw new ArgumentException($"The state's '{name}' is {value.dtype}; the model needs {own.dtype}.", "source");
    }
}
