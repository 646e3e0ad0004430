using static TorchSharp.torch;

namespace MappingNets;

/// <content>A user's own module as a network.</content>
public abstract partial class TargetNetwork
{
    /// <summary>A user's own module as target network, borrowed until the target is disposed.</summary>
    /// <param name="module">
    /// Any TorchSharp module, also a native one or a script module. Parameters that require no gradient are kept as they are; one
    /// that is shared counts once. Its parameters may be of any one floating-point type: it then computes in that type, with weights
    /// that are generated in single precision. Must not be used or changed by others until the target is disposed.
    /// </param>
    /// <param name="exampleInput">
    /// A batch (N, ...) that the module can take, to learn shape and type from: floats, or whole numbers such as token ids.
    /// </param>
    /// <param name="name">What tables and checkpoints call it; the module's name where null.</param>
    /// <returns>The target; the caller disposes it, which gives the module back intact, and keeps the module.</returns>
    /// <exception cref="ArgumentException">
    /// The module does not take one tensor and put out one; it has no parameters to generate, or parameters of several types, or two
    /// that overlap in memory without being the same; a buffer is complex; it is on loan to another target; the example is no batch.
    /// </exception>
    public static ModuleTarget From(nn.Module module, Tensor exampleInput, string? name = null)
    {
        ArgumentNullException.ThrowIfNull(exampleInput);
        return ModuleTarget.Create(module, [exampleInput], null, name);
    }

    /// <summary>A user's own module as target network, run by a function, for modules with several outputs.</summary>
    /// <param name="module">Whose parameters are generated; see the first overload.</param>
    /// <param name="exampleInput">A batch (N, ...) that the function can take, to learn shape and type from.</param>
    /// <param name="forward">(N, ...) -> (N, ...): runs the module, such as <c>x => lstm.call(x).Item1.select(1, -1)</c>.</param>
    /// <param name="name">What tables and checkpoints call it; the module's name where null.</param>
    /// <returns>The target; the caller disposes it, which gives the module back intact, and keeps the module.</returns>
    /// <exception cref="ArgumentException">As for the first overload.</exception>
    public static ModuleTarget From(nn.Module module, Tensor exampleInput, Func<Tensor, Tensor> forward, string? name = null)
    {
        ArgumentNullException.ThrowIfNull(exampleInput);
        ArgumentNullException.ThrowIfNull(forward);
        return ModuleTarget.Create(module, [exampleInput], inputs => forward(inputs[0]), name);
    }

    /// <summary>A user's own module with several inputs as target network.</summary>
    /// <param name="module">Whose parameters are generated; see the first overload.</param>
    /// <param name="exampleInputs">A batch (N, ...) of each input, with equal N, to learn shapes and types from.</param>
    /// <param name="forward">
    /// Runs the module on a batch of each input; where null, the module takes as many tensors as there are inputs, at most four, and
    /// puts out one.
    /// </param>
    /// <param name="name">What tables and checkpoints call it; the module's name where null.</param>
    /// <returns>The target; the caller disposes it, which gives the module back intact, and keeps the module.</returns>
    /// <exception cref="ArgumentException">As for the first overload.</exception>
    public static ModuleTarget From(
        nn.Module module,
        IReadOnlyList<Tensor> exampleInputs,
        Func<IReadOnlyList<Tensor>, Tensor>? forward = null,
        string? name = null) =>
        ModuleTarget.Create(module, exampleInputs, forward, name);
}
