using MappingNets.Core;
using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>
/// LoRA: W + s B A for some weights, each seen as a matrix of outputs by everything else; A (rank, in) starts at random and B
/// (out, rank) at 0.
/// </summary>
internal sealed class LowRankIncrement : Increment
{
    private readonly ParameterLayout layout;
    private readonly (int Index, int Rank, long Outputs, long Inputs)[] pieces;
    private readonly double strength;
    private readonly ulong seed;

    public LowRankIncrement(ParameterLayout layout, IReadOnlyList<(string Name, int Rank)> ranks, double strength, ulong seed)
    {
        this.layout = layout;
        this.strength = strength;
        this.seed = seed;
        pieces = [.. ranks.Select(piece =>
        {
            var entry = layout.Find(piece.Name);
            var outputs = entry.Shape[0];
            return (Array.IndexOf(layout.Entries, entry), piece.Rank, outputs, entry.Count / outputs);
        })];
    }

    public override string Method => "lora";

    public override string FixedWeightsName => "none";

    public override IReadOnlyList<(string Name, long[] Shape)> Values =>
    [
        .. pieces.SelectMany(piece => new (string, long[])[]
        {
            (layout.Entries[piece.Index].Name + ".lora_A", [piece.Rank, piece.Inputs]),
            (layout.Entries[piece.Index].Name + ".lora_B", [piece.Outputs, piece.Rank]),
        }),
    ];

    public override IReadOnlyList<Tensor> Start()
    {
        var root = CounterHash.named("low-rank", CounterHash.ofSeed(seed));
        return [.. pieces.SelectMany(piece => new[]
        {
            Uniform(CounterHash.child((ulong)piece.Index, root), piece.Rank, piece.Inputs),
            zeros(piece.Outputs, piece.Rank, dtype: ScalarType.Float32, device: CPU),
        })];
    }

    public override void OnTensors(Tensor[] weights, IReadOnlyList<Tensor> values)
    {
        // Held until the end: the collector may free a number that an operation has just been given and is still reading.
        using var factor = strength.ToScalar();
        for (var index = 0; index < pieces.Length; index++)
        {
            var place = pieces[index].Index;
            weights[place] = weights[place] + values[(2 * index) + 1].mm(values[2 * index]).mul(factor).view(layout.Entries[place].Shape);
        }
    }

    public override IReadOnlyDictionary<int, TensorShift> Shifts(IReadOnlyList<Tensor> values, out string missing)
    {
        missing = "";
        return pieces.Index().ToDictionary(
            pair => pair.Item.Index, pair => TensorShiftModule.ofLowRank(strength, values[2 * pair.Index], values[(2 * pair.Index) + 1]));
    }

    public override IEnumerable<(string Ending, IReadOnlyList<int> Moved)> Movers(int value) => [("", [pieces[value / 2].Index])];

    /// <summary>Numbers within 1 / sqrt(inputs), as PyTorch starts a linear layer.</summary>
    private static Tensor Uniform(CounterHash.Key key, int rank, long inputs)
    {
        var bound = (float)(1 / Math.Sqrt(inputs));
        var numbers = new float[rank * inputs];
        for (var index = 0; index < numbers.Length; index++)
            numbers[index] = bound * CounterHash.symmetricUniform(key, (ulong)index);
        return tensor(numbers, [rank, inputs], device: CPU);
    }
}
