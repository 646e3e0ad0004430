using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>
/// TorchSharp's Adam whose step is one pass over memory for tensors of few numbers: the same bits, the same state, the same parameter
/// groups for schedulers to move.
/// </summary>
internal sealed class FusedAdam(IEnumerable<Adam.ParamGroup> groups, double rate) : Adam(groups, rate)
{
    private readonly AdamRoots roots = new();
    private bool? isTaken;

    public override Tensor step(Func<Tensor>? closure = null)
    {
        isTaken ??= _parameter_groups.All(group =>
            ((Options)group.Options) is { amsgrad: not true, maximize: not true } && group.Parameters.All(AdamKernel.Takes));
        if (closure is not null || isTaken != true)
            return base.step(closure);
        foreach (var group in _parameter_groups)
        {
            var options = (Options)group.Options;
            foreach (var parameter in group.Parameters)
            {
                using var gradient = parameter.grad;
                if (gradient is null)
                    continue;
                var state = (State)_state[parameter.Handle];
                state.step++;
                AdamKernel.Step(
                    parameter, gradient, state.exp_avg, state.exp_avg_sq, roots.For(parameter),
                    new(options.LearningRate!.Value, options.beta1!.Value, options.beta2!.Value, options.eps!.Value, state.step, options.weight_decay!.Value, false));
            }
        }

        return null!;
    }

    protected override void Dispose(bool disposing)
    {
        base.Dispose(disposing);
        if (disposing)
            roots.Dispose();
    }
}

/// <summary>TorchSharp's AdamW in the same way.</summary>
internal sealed class FusedAdamW(IEnumerable<AdamW.ParamGroup> groups, double rate) : AdamW(groups, rate)
{
    private readonly AdamRoots roots = new();
    private bool? isTaken;

    public override Tensor step(Func<Tensor>? closure = null)
    {
        isTaken ??= _parameter_groups.All(group =>
            ((Options)group.Options) is { amsgrad: not true, maximize: not true } && group.Parameters.All(AdamKernel.Takes));
        if (closure is not null || isTaken != true)
            return base.step(closure);
        foreach (var group in _parameter_groups)
        {
            var options = (Options)group.Options;
            foreach (var parameter in group.Parameters)
            {
                using var gradient = parameter.grad;
                if (gradient is null)
                    continue;
                var state = (State)_state[parameter.Handle];
                state.step++;
                AdamKernel.Step(
                    parameter, gradient, state.exp_avg, state.exp_avg_sq, roots.For(parameter),
                    new(options.LearningRate!.Value, options.beta1!.Value, options.beta2!.Value, options.eps!.Value, state.step, options.weight_decay!.Value, true));
            }
        }

        return null!;
    }

    protected override void Dispose(bool disposing)
    {
        base.Dispose(disposing);
        if (disposing)
            roots.Dispose();
    }
}

/// <summary>A tensor as long as each parameter, for the roots of a step.</summary>
internal sealed class AdamRoots : IDisposable
{
    private readonly Dictionary<IntPtr, Tensor> roots = [];

    /// <summary>The one of a parameter.</summary>
    public Tensor For(Parameter parameter)
    {
        if (!roots.TryGetValue(parameter.Handle, out var root))
            roots[parameter.Handle] = root = empty(parameter.shape, dtype: ScalarType.Float32).DetachFromDisposeScope();
        return root;
    }

    public void Dispose()
    {
        foreach (var root in roots.Values)
            root.Dispose();
        roots.Clear();
    }
}
