using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>The steps that Adam and AdamW share, whose options and states TorchSharp keeps in classes of their own.</summary>
/// <param name="isDecoupled">Whether weights shrink by themselves, as in AdamW, instead of through the gradient.</param>
internal sealed class FusedSteps(bool isDecoupled) : IDisposable
{
    private readonly Dictionary<IntPtr, Tensor> roots = [];
    private bool? isTaken;

    /// <summary>A group's numbers, by the names that <see cref="AdamKernel.Numbers"/> gives them.</summary>
    internal readonly record struct Settings(double Rate, double Beta1, double Beta2, double Epsilon, double Decay);

    /// <summary>What the optimiser remembers of a parameter, and the step that begins.</summary>
    internal readonly record struct Memory(Tensor Mean, Tensor Square, long Step);

    /// <summary>One step of all groups, where the kernel takes every parameter; that is decided once.</summary>
    /// <param name="groups">The optimiser's groups.</param>
    /// <param name="settingsOf">A group's settings; null where it has options that the kernel has not.</param>
    /// <param name="advance">Counts a parameter's step and gives what is remembered of it.</param>
    /// <returns>Whether the step was taken; if not, nothing changed.</returns>
    public bool Step(IList<ParamGroup> groups, Func<OptimizerOptions, Settings?> settingsOf, Func<Parameter, Memory> advance)
    {
        isTaken ??= groups.All(group => settingsOf(group.Options) is not null && group.Parameters.All(AdamKernel.Takes));
        if (isTaken != true)
            return false;
        foreach (var group in groups)
        {
            var (rate, beta1, beta2, epsilon, decay) = settingsOf(group.Options)!.Value;
            foreach (var parameter in group.Parameters)
            {
                using var gradient = parameter.grad;
                if (gradient is null)
                    continue;
                var (mean, square, step) = advance(parameter);
                AdamKernel.Step(
                    parameter, gradient, mean, square, RootFor(parameter), new(rate, beta1, beta2, epsilon, step, decay, isDecoupled));
            }
        }

        return true;
    }

    public void Dispose()
    {
        foreach (var root in roots.Values)
            root.Dispose();
        roots.Clear();
    }

    /// <summary>A tensor as long as the parameter, for the roots of a step.</summary>
    private Tensor RootFor(Parameter parameter)
    {
        if (!roots.TryGetValue(parameter.Handle, out var root))
            roots[parameter.Handle] = root = empty(parameter.shape, dtype: ScalarType.Float32, device: CPU).DetachFromDisposeScope();
        return root;
    }
}
