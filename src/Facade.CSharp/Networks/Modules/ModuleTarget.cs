using System.Globalization;
using System.Text;
using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>
/// A TorchSharp module of the user's as target network: native layers, script modules, anything with parameters. The module is on
/// loan: its weights are overwritten in every pass, and come back with <see cref="Dispose"/>, unless <see cref="Model.WriteInto"/> has
/// put others in their place to stay. Passes run one at a time. Gradients
/// can be taken once: a second derivative through it is not a number. Dropout draws from the process's generator on the CPU: where
/// other threads draw from it during a pass, or the module is on another device, a repeated pass may draw another mask.
/// </summary>
public sealed class ModuleTarget : TargetNetwork, IDisposable
{
    private readonly BorrowedModule module;

    private ModuleTarget(
        string name, BorrowedModule module, IReadOnlyList<long> input, IReadOnlyList<long> output)
        : base(
            name,
            input,
            output,
            [
                .. module.Parameters.Generated.Select(parameter => new ParameterSpecification(
                    parameter.Name, parameter.Value.shape, ModuleParameters.FanIn(parameter.Name, module.Parameters.Generated))
                {
                    Center = module.Parameters.Norms.Contains(parameter.Name) ? 1 : 0,
                }),
            ],
            module.BufferSpecifications) => this.module = module;

    /// <summary>
    /// The values of the weights that the module came with, such as pretrained ones, in the order of theta, and with which it goes
    /// back: after <see cref="Model.WriteInto"/> those that were written. Owned by this object.
    /// </summary>
    public IReadOnlyList<Tensor> OwnWeights => module.OwnWeights;

    /// <summary>The parameters that no mapping generates because the user froze them (requires_grad is false).</summary>
    public IReadOnlyList<string> FrozenParameters => module.Parameters.Frozen;

    internal IReadOnlyList<Tensor> OwnBuffers => module.OwnBuffers;

    internal static ModuleTarget Create(nn.Module module, Tensor exampleInput, Func<Tensor, Tensor>? forward, string? name)
    {
        ArgumentNullException.ThrowIfNull(module);
        ArgumentNullException.ThrowIfNull(exampleInput);
        if (exampleInput.dim() < 2 || exampleInput.shape[0] < 1)
            throw new ArgumentException(
                $"The example input has the shape {ShapeText.Of(exampleInput.shape)}; it must be a batch (N, ...) of at least one sample.",
                nameof(exampleInput));
        var borrowed = new BorrowedModule(module, forward ?? ForwardOf(module));
        try
        {
            return new(
                name ?? module.GetName().ToLowerInvariant(),
                borrowed,
                exampleInput.shape[1..],
                ShapeOfOutput(borrowed, exampleInput));
        }
        catch
        {
            borrowed.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public override string Describe()
    {
        var width = Parameters.Max(parameter => parameter.Name.Length);
        var text = new StringBuilder().Append(this).Append('\n');
        foreach (var parameter in Parameters)
            text.Append(parameter.Name.PadRight(width)).Append("  ").Append(ShapeText.Of(parameter.Shape)).Append("  ")
                .Append(ShapeText.Count(parameter.Count)).Append('\n');
        foreach (var frozen in FrozenParameters)
            text.Append(CultureInfo.InvariantCulture, $"{frozen}: frozen, kept\n");
        return text.ToString();
    }

    /// <summary>Gives the module back to its owner: its own weights, buffers, gradients, flags and mode. It is not disposed.</summary>
    public void Dispose() => module.Dispose();

    /// <inheritdoc/>
    protected override Tensor Compute(Tensor input, IReadOnlyList<Tensor> parameters, NetworkState state, bool training)
    {
        var call = new ModuleCall(module, state, training);
        if (!is_grad_enabled() || !(input.requires_grad || parameters.Any(parameter => parameter.requires_grad)))
            return call.Run(input, parameters);
        try
        {
            return ModulePass.apply([call, input, .. parameters]);
        }
        finally
        {
            call.Release();
        }
    }

    /// <inheritdoc/>
    protected override Tensor CreateBuffer(int index) => module.OwnBuffers[index];

    /// <inheritdoc/>
    protected override nn.Module<Tensor, Tensor> CreateModule(IReadOnlyList<Tensor> weights, NetworkState state) =>
        throw new NotSupportedException(
            $"'{Name}' is your own module, of which this library cannot make a second one. "
            + "WriteInto puts the weights into it, to stay when the target is disposed, or into another one of its class.");

    private protected override void Write(nn.Module destination, IReadOnlyList<Tensor> weights, NetworkState state)
    {
        if (module.Is(destination))
        {
            module.TakeAsOwn(weights, state.Tensors);
            return;
        }

        // What the owner froze is a part of the network too.
        lock (module.Gate)
            ModuleWeights.Write(
                destination,
                [
                    .. Parameters.Select(parameter => parameter.Name).Zip(weights),
                    .. Buffers.Select(buffer => buffer.Name).Zip(state.Tensors),
                    .. module.Frozen,
                ],
                module.Parameters.OtherNames);
    }

    private protected override IReadOnlyList<string> KnownNames => [.. FrozenParameters, .. module.Parameters.OtherNames];

    private static Func<Tensor, Tensor> ForwardOf(nn.Module module) => module switch
    {
        nn.IModule<Tensor, Tensor> plain => plain.call,
        jit.ScriptModule script => input => script.call(input) as Tensor
            ?? throw new ArgumentException("The script module puts out no single tensor; give a forward function.", "forward"),
        _ => throw new ArgumentException(
            $"A {module.GetType().Name} does not take one tensor and put out one tensor; give a forward function, such as "
            + "x => lstm.call(x).Item1.",
            "forward"),
    };

    private static long[] ShapeOfOutput(BorrowedModule module, Tensor example)
    {
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        module.Write(module.OwnWeights, module.OwnBuffers, training: false);
        var output = module.Run(example);
        if (output.dim() < 1 || output.shape[0] != example.shape[0])
            throw new ArgumentException(
                $"For {example.shape[0]} samples the module puts out {ShapeText.Of(output.shape)}; the first size must be the batch's.",
                "module");
        return output.shape[1..];
    }
}
