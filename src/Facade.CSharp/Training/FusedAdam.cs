using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>
/// TorchSharp's Adam whose step is one pass over memory for small tensors: the same bits, the same state, the same parameter groups for
/// schedulers to move.
/// </summary>
internal sealed class FusedAdam(IEnumerable<Adam.ParamGroup> groups, double rate) : Adam(groups, rate)
{
    private readonly FusedSteps fused = new(isDecoupled: false);

    public override Tensor step(Func<Tensor>? closure = null)
    {
        if (closure is not null || !fused.Step(_parameter_groups, SettingsOf, Advance))
            return base.step(closure);
        return null!;
    }

    protected override void Dispose(bool disposing)
    {
        base.Dispose(disposing);
        if (disposing)
            fused.Dispose();
    }

    private static FusedSteps.Settings? SettingsOf(OptimizerOptions options) =>
        options is Options { amsgrad: not true, maximize: not true, LearningRate: { } rate, beta1: { } beta1, beta2: { } beta2, eps: { } epsilon, weight_decay: { } decay }
            ? new(rate, beta1, beta2, epsilon, decay)
            : null;

    private FusedSteps.Memory Advance(Parameter parameter)
    {
        var state = (State)_state[parameter.Handle];
        return new(state.exp_avg, state.exp_avg_sq, ++state.step);
    }
}

/// <summary>TorchSharp's AdamW in the same way; its options and states are classes of their own, with the same members.</summary>
internal sealed class FusedAdamW(IEnumerable<AdamW.ParamGroup> groups, double rate) : AdamW(groups, rate)
{
    private readonly FusedSteps fused = new(isDecoupled: true);

    public override Tensor step(Func<Tensor>? closure = null)
    {
        if (closure is not null || !fused.Step(_parameter_groups, SettingsOf, Advance))
            return base.step(closure);
        return null!;
    }

    protected override void Dispose(bool disposing)
    {
        base.Dispose(disposing);
        if (disposing)
            fused.Dispose();
    }

    private static FusedSteps.Settings? SettingsOf(OptimizerOptions options) =>
        options is Options { amsgrad: not true, maximize: not true, LearningRate: { } rate, beta1: { } beta1, beta2: { } beta2, eps: { } epsilon, weight_decay: { } decay }
            ? new(rate, beta1, beta2, epsilon, decay)
            : null;

    private FusedSteps.Memory Advance(Parameter parameter)
    {
        var state = (State)_state[parameter.Handle];
        return new(state.exp_avg, state.exp_avg_sq, ++state.step);
    }
}
