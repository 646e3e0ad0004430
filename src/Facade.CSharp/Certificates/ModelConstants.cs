using MappingNets.Core;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>What the bounds of one model start from: how far its tensors can move, and the layers they go through.</summary>
internal sealed class ModelConstants
{
    private readonly Model model;
    private readonly LayerChain? chain;
    private readonly LayerStep[]? steps;
    private readonly LayerLipschitz[] layers = [];

    /// <summary>Reads the model as it is now.</summary>
    /// <exception cref="NotSupportedException">No bound is known of how its weights move.</exception>
    public ModelConstants(Model model)
    {
        this.model = model;
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        Shifts = model.Shifts(out var missing)?.ToArray() ?? throw Refused(model, missing);
        // The rules read numbers, which only the CPU's memory shows.
        using var state = PreciseState(CPU);
        chain = model.Target.Chain(state, out var missingChain);
        (MissingChain, MissingSteps) = (missingChain, missingChain);
        if (chain is null)
            return;
        using var theta = model.FlatWeights();
        layers = NetworkLipschitz.layers(chain.Description, theta);
        if (OutputShift.unmodelled(chain.Description.Layers) is { } layer)
            MissingSteps = $"the layer {layer} has no model of its rounding";
        else
            steps = OutputShift.steps(chain.Description, theta);
    }

    /// <summary>How far each tensor of theta can move.</summary>
    public TensorShift[] Shifts { get; }

    /// <summary>The layers with their rounding.</summary>
    /// <exception cref="NotSupportedException">One has no model of its rounding.</exception>
    public LayerStep[] Steps => steps ?? throw Refused(model, MissingSteps);

    /// <summary>The network's layers as the theory knows them.</summary>
    /// <exception cref="NotSupportedException">It is no chain of layers with rules.</exception>
    public LayerChain Chain => chain ?? throw Refused(model, MissingChain);

    /// <summary>Why there is no chain; empty where there is one.</summary>
    public string MissingChain { get; }

    /// <summary>What follows from how far all tensors move: the weakest of what stands behind each.</summary>
    /// <param name="name">What it is called.</param>
    /// <param name="value">Its value.</param>
    /// <param name="meaning">What it bounds.</param>
    public BoundConstant Following(string name, double value, string meaning) =>
        new(name, value, Shifts.Max(shift => shift.Status), WithReason(meaning, string.Join("; ", Shifts.Select(shift => shift.Reason).Where(reason => reason.Length > 0).Distinct())));

    /// <summary>The shifts where some tensors alone move.</summary>
    /// <param name="moved">Their places.</param>
    public TensorShift[] ShiftsOf(IReadOnlyList<int> moved) =>
        [.. Shifts.Select((shift, place) => moved.Contains(place) ? shift : TensorShiftModule.held(shift))];

    /// <summary>What each sample shows of the layers in double precision, one row a sample, and the outputs.</summary>
    public (double[][] Shown, Tensor Outputs) Shown(Tensor input)
    {
        var type = ScalarType.Float64;
        using var state = PreciseState(model.Device);
        var here = input.to(model.Device);
        var (shown, outputs) = Chain.Shown(
            here.is_floating_point() ? here.to_type(type) : here, [.. model.CurrentWeights().Select(weight => weight.detach().to_type(type))], state);
        return (shown, outputs.cpu());
    }

    /// <summary>The constants by name.</summary>
    public IReadOnlyList<BoundConstant> Named(double radius)
    {
        var tensors = model.Target.Parameters.Zip(Shifts, (parameter, shift) => new BoundConstant(
            $"move of {parameter.Name}", shift.Move(radius), shift.Status, WithReason(FormattableString.Invariant(
                $"bounds ||t(p') - t(p)||_F for every ||p' - p|| up to {radius:G4}"), shift.Reason)));
        return
        [
            .. tensors,
            .. steps is null ? layers.Select(NamedLayer) : Leaves(steps).Where(IsWorthNaming).Select(NamedStep),
            .. MissingSteps.Length == 0 ? Array.Empty<BoundConstant>()
                : [new("outputs in single precision", double.PositiveInfinity, BoundStatus.NotEstablished, MissingSteps)],
            new("unit roundoff", TensorShiftModule.unitRoundoff, BoundStatus.Assumed,
                "each operation of single precision is exact but for a factor 1 + delta with |delta| up to this; sums may be added in any order; convolutions are sums of products"),
        ];
    }

    private string MissingSteps { get; }

    private NetworkState PreciseState(Device device)
    {
        var state = model.Target.CreateState(device, ScalarType.Float64);
        using var noGradient = no_grad();
        foreach (var (kept, now) in state.Tensors.Zip(model.State.Tensors))
            kept.copy_(now);
        return state;
    }

    private static IEnumerable<LayerStep> Leaves(IEnumerable<LayerStep> steps) =>
        steps.SelectMany(step => step.Branches.Length == 0 ? [step] : step.Branches.SelectMany(Leaves));

    // Functions without weights have the constants of the documentation.
    private static bool IsWorthNaming(LayerStep step) => step.Weight >= 0 || step.Shares.Length > 0 || step.Constant.Status != BoundStatus.Proven;

    private static BoundConstant NamedStep(LayerStep step) => step.IsEmbedding
        ? new(
            $"move of the tokens of {step.Name}", step.Constant.Value, step.Constant.Status,
            "tokens are whole numbers, which no trained parameter moves; a Lipschitz constant of the layer is not established, and nothing here needs one")
        : new(
            $"Lipschitz constant of {step.Name}", step.Constant.Value, step.Constant.Status,
            WithReason(
                step.Kind.IsNormalisingStep
                    ? "bounds the scaling after the normalisation, whose own constant follows from each sample's deviations"
                    : "bounds ||layer(a) - layer(b)|| / ||a - b|| at the current weights",
                step.Constant.Reason));

    private static BoundConstant NamedLayer(LayerLipschitz layer, int place) => new(
        $"Lipschitz constant of layer {place + 1} ({layer.Layer})", layer.InputConstant.Value, layer.InputConstant.Status,
        WithReason("bounds ||layer(a) - layer(b)|| / ||a - b|| for all inputs at the current weights", layer.InputConstant.Reason));

    private static string WithReason(string meaning, string reason) => reason.Length == 0 ? meaning : $"{meaning}; {reason}";

    private static NotSupportedException Refused(Model model, string missing) =>
        new($"Nothing can be certified of this model of '{model.Target.Name}': {missing}.");
}
