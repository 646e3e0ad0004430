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
    private readonly ModuleSequence? sequence;
    private readonly string? withoutSequence;

    private ModuleTarget(
        string name, BorrowedModule module, IReadOnlyList<InputSpecification> inputs, IReadOnlyList<long> output, ModuleSequence? sequence, string? withoutSequence)
        : base(
            name,
            inputs,
            output,
            [
                .. module.Parameters.Generated.Select(parameter => new ParameterSpecification(
                    parameter.Name, parameter.Value.shape, ModuleParameters.FanIn(parameter.Name, module.Parameters.Generated))
                {
                    Center = module.Parameters.Norms.Contains(parameter.Name) ? 1 : 0,
                    IsLinearMap = module.Parameters.LinearMaps.ContainsKey(parameter.Name),
                    Groups = module.Parameters.LinearMaps.GetValueOrDefault(parameter.Name)?.Groups ?? 1,
                    Dilation = module.Parameters.LinearMaps.GetValueOrDefault(parameter.Name)?.Dilation ?? [],
                    PaddingMode = module.Parameters.LinearMaps.GetValueOrDefault(parameter.Name)?.PaddingMode,
                }),
            ],
            module.BufferSpecifications) =>
        (this.module, this.sequence, this.withoutSequence) = (module, sequence, withoutSequence);

    /// <summary>
    /// The values of the weights that the module came with, such as pretrained ones, in the order of theta, and with which it goes
    /// back: after <see cref="Model.WriteInto"/> those that were written. Owned by this object.
    /// </summary>
    public IReadOnlyList<Tensor> OwnWeights => module.OwnWeights;

    /// <summary>The parameters that no mapping generates because the user froze them (requires_grad is false).</summary>
    public IReadOnlyList<string> FrozenParameters => module.Parameters.Frozen;

    /// <inheritdoc/>
    internal override bool IsScaleOrShift(ParameterSpecification parameter) =>
        base.IsScaleOrShift(parameter) || module.Parameters.OfLayerNorms.Contains(parameter.Name);

    internal IReadOnlyList<Tensor> OwnBuffers => module.OwnBuffers;

    internal static ModuleTarget Create(
        nn.Module module, IReadOnlyList<Tensor> exampleInputs, Func<IReadOnlyList<Tensor>, Tensor>? forward, string? name)
    {
        ArgumentNullException.ThrowIfNull(module);
        ArgumentNullException.ThrowIfNull(exampleInputs);
        // The argument's name of the overload that took it.
        var argument = exampleInputs.Count == 1 ? "exampleInput" : nameof(exampleInputs);
        if (exampleInputs.Count == 0)
            throw new ArgumentException("There is no example input; a target takes at least one.", argument);
        foreach (var example in exampleInputs)
            CheckExample(example, exampleInputs[0], argument);
        var called = name ?? ModuleName.Of(module).ToLowerInvariant();
        var borrowed = new BorrowedModule(module, forward ?? ForwardOf(module, exampleInputs.Count), called);
        try
        {
            // Its floats are of the module's own type, whatever those of the example are.
            var inputs = exampleInputs.Select(example => new InputSpecification(
                example.shape[1..], FloatTypes.Contains(example.dtype) ? borrowed.Type : example.dtype)).ToArray();
            var parts = ModuleSequence.Of(module, borrowed, out var missing);
            if (forward is not null)
                (parts, missing) = (null, $"'{called}' is run by a function of yours, which alone knows the order of its parts; give a Sequential without one");
            return new(called, borrowed, inputs, ShapeOfOutput(borrowed, exampleInputs, inputs), parts, missing);
        }
        catch
        {
            borrowed.Dispose();
            throw;
        }
    }

    private static void CheckExample(Tensor example, Tensor first, string argument)
    {
        ArgumentNullException.ThrowIfNull(example, argument);
        if (example.IsInvalid)
            throw new ArgumentException("The example input was disposed.", argument);
        if (example.dim() < 1 || example.shape[0] < 1 || (example.dim() < 2 && FloatTypes.Contains(example.dtype)))
            throw new ArgumentException(
                $"The example input has the shape {ShapeText.Of(example.shape)}; it must be a batch (N, ...) of at least one sample.",
                argument);
        if (example.shape[0] != first.shape[0])
            throw new ArgumentException(
                $"The example inputs have {first.shape[0]} and {example.shape[0]} samples; they must have equally many.", argument);
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
        foreach (var (other, name) in module.Parameters.OtherNames)
            text.Append(CultureInfo.InvariantCulture, $"{other}: tied, the same {(Buffers.Any(buffer => buffer.Name == name) ? "buffer" : "parameter")} as {name}\n");
        return text.ToString();
    }

    /// <inheritdoc/>
    internal override string DescribeFunction()
    {
        lock (module.Gate)
            return SecondDescription + string.Join(", ", module.Classes) + (FrozenParameters.Count == 0 ? "" : $", frozen {TensorBytes.Hash(module.Frozen)}");
    }

    /// <summary>Gives the module back to its owner: its own weights, buffers, gradients, flags and mode. It is not disposed.</summary>
    public void Dispose() => module.Dispose();

    /// <inheritdoc/>
    protected override Tensor Compute(
        IReadOnlyList<Tensor> inputs, IReadOnlyList<Tensor> parameters, NetworkState state, bool training)
    {
        using var scope = NewDisposeScope();
        Tensor[] own = [.. inputs.Zip(Inputs, (input, wanted) => input.to(wanted.Type))];
        return Run(module, own, parameters, state.Tensors, training).to(parameters[0].dtype).MoveToOuterDisposeScope();
    }

    internal override string? WithoutWeightsByLayer => withoutSequence;

    internal override IReadOnlyList<(int First, int Count)> WeightsByLayer =>
        [.. (sequence?.Parts ?? []).Where(part => part.Generated.Count > 0).Select(part => (part.First, part.Generated.Count))];

    private protected override Tensor Compute(IReadOnlyList<Tensor> inputs, LayerWeights weights, NetworkState state, bool training)
    {
        using var scope = NewDisposeScope();
        var value = inputs[0].to(Inputs[0].Type);
        foreach (var part in sequence!.Parts)
        {
            var count = part.Generated.Count;
            value = Run(part, [value], count == 0 ? [] : weights.Take(part.First, count), part.Own(state.Tensors), training);
            if (count > 0)
                value = weights.Leave(value, part.First, count);
        }

        return value.to(ScalarType.Float32).MoveToOuterDisposeScope();
    }

    private static Tensor Run(LentModule module, Tensor[] inputs, IReadOnlyList<Tensor> parameters, IReadOnlyList<Tensor> state, bool training)
    {
        var call = new ModuleCall(module, state, training, inputs.Length);
        if (!is_grad_enabled() || !inputs.Concat(parameters).Any(tensor => tensor.requires_grad))
            return call.Run(inputs, parameters);
        try
        {
            return ModulePass.apply([call, .. inputs, .. parameters]);
        }
        finally
        {
            call.Release();
        }
    }

    /// <summary>Floats of single precision or of the module's own, which they are brought to; other inputs as they are.</summary>
    internal override bool Takes(InputSpecification input, ScalarType type, ScalarType weights) =>
        type == input.Type || (input.IsFloat && type == ScalarType.Float32);

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
                    .. Ties(weights, state),
                ]);
    }

    /// <inheritdoc/>
    internal override IReadOnlyList<(string Name, Tensor Value)> Frozen()
    {
        if (FrozenParameters.Count == 0)
            return [];
        lock (module.Gate)
        {
            // Of a module that was given back or disposed they may be others, or missing.
            module.RequireAlive();
            return module.Frozen;
        }
    }

    /// <inheritdoc/>
    internal override IReadOnlyDictionary<string, string> OtherNames => module.Parameters.OtherNames;

    /// <summary>The further names of parameters and buffers that are used in several places, with the same values.</summary>
    private IEnumerable<(string Name, Tensor Value)> Ties(IReadOnlyList<Tensor> weights, NetworkState state)
    {
        var byName = Parameters.Select(parameter => parameter.Name).Zip(weights)
            .Concat(module.Frozen).Concat(Buffers.Select(buffer => buffer.Name).Zip(state.Tensors)).ToDictionary();
        return module.Parameters.OtherNames.Where(pair => byName.ContainsKey(pair.Value)).Select(pair => (pair.Key, byName[pair.Value]));
    }

    private static Func<IReadOnlyList<Tensor>, Tensor> ForwardOf(nn.Module module, int inputs) => (module, inputs) switch
    {
        (nn.IModule<Tensor, Tensor> one, 1) => given => one.call(given[0]),
        (nn.IModule<Tensor, Tensor, Tensor> two, 2) => given => two.call(given[0], given[1]),
        (nn.IModule<Tensor, Tensor, Tensor, Tensor> three, 3) => given => three.call(given[0], given[1], given[2]),
        (nn.IModule<Tensor, Tensor, Tensor, Tensor, Tensor> four, 4) => given => four.call(given[0], given[1], given[2], given[3]),
        (jit.ScriptModule script, _) => given => script.call([.. given]) as Tensor
            ?? throw new ArgumentException("The script module puts out no single tensor; give a forward function.", "forward"),
        _ => throw new ArgumentException(
            $"A {module.GetType().Name} does not take {(inputs == 1 ? "one tensor" : $"{inputs} tensors")} and put out one tensor; give a forward "
            + "function, such as x => lstm.call(x).Item1.",
            "forward"),
    };

    private static long[] ShapeOfOutput(BorrowedModule module, IReadOnlyList<Tensor> examples, IReadOnlyList<InputSpecification> inputs)
    {
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        module.Write(module.OwnWeights, module.OwnBuffers, training: false);
        var count = examples[0].shape[0];
        var output = module.Run([.. examples.Zip(inputs, (example, input) => example.to(input.Type))]);
        if (output.dim() < 1 || output.shape[0] != count)
            throw new ArgumentException(
                $"For {count} samples the module puts out {ShapeText.Of(output.shape)}; the first size must be the batch's.",
                "module");
        return output.shape[1..];
    }
}
