using MappingNets.Core;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>theta = theta_pretrained + alpha * o[group(i)].</summary>
internal sealed class GroupIncrement(FineTuningPlan plan, double strength) : Increment
{
    public override string Method => "finetune";

    public override string FixedWeightsName => plan.Grouping == WeightGrouping.Hashed ? "hashed-groups" : "contiguous-groups";

    public override IReadOnlyList<(string Name, long[] Shape)> Values => [("latent", [plan.Groups])];

    public override IReadOnlyList<Tensor> Start() => [zeros(plan.Groups, dtype: ScalarType.Float32, device: CPU)];

    public override Tensor OnTheta(Tensor theta, IReadOnlyList<Tensor> values) =>
        Core.FineTuning.apply(plan, strength, theta, values[0]);

    public override IReadOnlyDictionary<int, TensorShift> Shifts(IReadOnlyList<Tensor> values, out string missing)
    {
        missing = "";
        return TensorShiftModule.ofGroups(plan, strength, values[0]).Index().ToDictionary(pair => pair.Index, pair => pair.Item);
    }

    public override IEnumerable<(string Ending, IReadOnlyList<int> Moved)> Movers(int value) =>
        [("", [.. Enumerable.Range(0, plan.Layout.Entries.Length)])];

    public override void Dispose() => ((IDisposable)plan).Dispose();
}
