using MappingNets.Core;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>What the bounds of one model start from: how far its tensors can move, and the layers they go through.</summary>
internal sealed class ModelConstants
{
    private readonly Model model;
    private readonly LayerChain? chain;
    private readonly string missingChain;

    /// <summary>Reads the model as it is now.</summary>
    /// <exception cref="NotSupportedException">No bound is known of how its weights move.</exception>
    public ModelConstants(Model model)
    {
        this.model = model;
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        Shifts = model.Shifts(out var missing)?.ToArray() ?? throw Refused(model, missing);
        chain = model.Target.Chain(out missingChain);
        if (chain is null)
            return;
        using var theta = model.FlatWeights();
        Steps = OutputShift.steps(chain.Description, theta);
    }

    /// <summary>How far each tensor of theta can move.</summary>
    public TensorShift[] Shifts { get; }

    /// <summary>The layers; empty where the network is no chain of layers with rules.</summary>
    public LayerStep[] Steps { get; } = [];

    /// <summary>The network's layers as the theory knows them.</summary>
    /// <exception cref="NotSupportedException">It is no chain of layers with rules.</exception>
    public LayerChain Chain => chain ?? throw Refused(model, missingChain);

    /// <summary>Why there is no chain; empty where there is one.</summary>
    public string MissingChain => chain is null ? missingChain : "";

    /// <summary>What reaches each layer in double precision, one row a sample, and the outputs.</summary>
    public (double[][] Norms, Tensor Outputs) Reaching(Tensor input)
    {
        var type = ScalarType.Float64;
        using var state = model.Target.CreateState(model.Device, type);
        foreach (var (kept, now) in state.Tensors.Zip(model.State.Tensors))
            kept.copy_(now);
        var (norms, outputs) = Chain.Reaching(
            input.to(model.Device).to_type(type), [.. model.CurrentWeights().Select(weight => weight.detach().to_type(type))], state);
        return ([.. Enumerable.Range(0, (int)input.shape[0]).Select(sample => norms.Select(layer => layer[sample]).ToArray())], outputs.cpu());
    }

    /// <summary>The constants by name.</summary>
    public IReadOnlyList<BoundConstant> Named(double radius)
    {
        var tensors = model.Target.Parameters.Zip(Shifts, (parameter, shift) => new BoundConstant(
            $"move of {parameter.Name}", shift.Move(radius), BoundStatus.Proven,
            FormattableString.Invariant($"bounds ||t(p') - t(p)||_F for every ||p' - p|| up to {radius:G4}")));
        var layers = Steps.Where(step => step.Weight >= 0).Select(step => new BoundConstant(
            $"Lipschitz constant of {step.Name}", step.Constant, BoundStatus.Proven,
            "bounds ||layer(a) - layer(b)|| / ||a - b|| at the weights of now"));
        return
        [
            .. tensors,
            .. layers,
            .. MissingChain.Length == 0 ? Array.Empty<BoundConstant>()
                : [new("outputs", double.PositiveInfinity, BoundStatus.NotEstablished, MissingChain)],
            new("unit roundoff", TensorShiftModule.unitRoundoff, BoundStatus.Assumed,
                "each operation of single precision is exact but for a factor 1 + delta with |delta| up to this; sums may be added in any order; convolutions are sums of products"),
        ];
    }

    private static NotSupportedException Refused(Model model, string missing) =>
        new($"Nothing can be certified of this model of '{model.Target.Name}': {missing}.");
}
