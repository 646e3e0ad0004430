using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>libtorch's Adam: two running means for each number.</summary>
/// <param name="parameters">What it changes.</param>
internal sealed class AdamOptimizer(IReadOnlyList<Parameter> parameters) : StepOptimizer
{
    private readonly Adam adam = optim.Adam(parameters);

    public override IEnumerable<(string Name, Tensor Tensor)> Tensors => States.SelectMany((state, index) => new[]
    {
        (FormattableString.Invariant($"adam.{index}.mean"), state.exp_avg),
        (FormattableString.Invariant($"adam.{index}.square"), state.exp_avg_sq),
    });

    public override IReadOnlyList<long> Counts
    {
        get => [.. States.Select(state => state.step)];
        set
        {
            foreach (var (state, steps) in States.Zip(value))
                state.step = steps;
        }
    }

    private IReadOnlyList<Adam.State> States => [.. adam.state_dict().State.Cast<Adam.State>()];

    public override void Step(double rate)
    {
        foreach (var group in adam.ParamGroups)
            group.LearningRate = rate;
        adam.step();
    }

    public override void Dispose() => adam.Dispose();
}
