using MappingNets.Core;
using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets.Experiments.Rivals;

/// <summary>
/// Magnitude pruning with rewinding, the lottery ticket: the network is trained directly; the weights of each layer that ended largest
/// are kept; they go back to what they were at the start, all others are 0 for good; the kept ones are trained again,
/// <code>
/// theta = mask * w,    w starts as theta_0,    mask = the k_l largest |theta_trained| of layer l.
/// </code>
/// In rounds: each keeps the same share of what the last one kept, so that k are left in the end. Layers share k in proportion to the
/// square root of their size: one threshold for all of them cuts the smallest layers off, and the network with them.
/// <para>
/// After Frankle and Carbin, "The Lottery Ticket Hypothesis: Finding Sparse, Trainable Neural Networks" (ICLR 2019). It trains as many
/// times as there are rounds and once more, and its file needs the mask beside the k numbers: at least P H(k / P) bits, 1.8 KB for CNN2
/// at 2,048.
/// </para>
/// </summary>
internal static class LotteryTicket
{
    /// <summary>The method's name.</summary>
    public const string Method = "lottery-ticket";

    /// <summary>The learning rate of its training.</summary>
    public const double Rate = 0.01;

    /// <summary>How a layer's share grows with its size.</summary>
    private const double LayerPower = 0.5;

    /// <summary>The sparse network, at the values it is rewound to; not yet trained again.</summary>
    /// <param name="trained">The trained model, direct or a ticket of an earlier round; it is not changed.</param>
    /// <param name="start">theta_0, shape (P), to which the kept weights go back; copied.</param>
    /// <param name="kept">k, how many weights are kept, from 1 to P.</param>
    public static GeneratedModel Of(Model trained, Tensor start, int kept)
    {
        var target = trained.Target;
        var places = LargestWeights(trained, kept);
        using var scope = NewDisposeScope();
        var rewound = start.index_select(0, places);
        return GeneratedModel.For(
            target,
            Method,
            [new("values", rewound)],
            numbers => zeros(target.ParameterCount).scatter(0, places, numbers[0]),
            [places],
            learningRate: Rate,
            fixedWeights: "mask");
    }

    /// <summary>How many weights each round keeps, the last one the budget.</summary>
    /// <param name="weights">P.</param>
    /// <param name="budget">How many are kept in the end.</param>
    /// <param name="rounds">How many rounds, at least 1.</param>
    public static IReadOnlyList<int> KeptByRound(long weights, int budget, int rounds) =>
        [.. Enumerable.Range(1, rounds).Select(round =>
            (int)Math.Round(weights * Math.Pow((double)budget / weights, (double)round / rounds)))];

    /// <summary>Where the largest weights of each layer are in theta: ascending, shape (k).</summary>
    private static Tensor LargestWeights(Model trained, int kept)
    {
        using var scope = NewDisposeScope();
        var layout = ParameterLayoutModule.create(
            trained.Target.Parameters.Select(parameter => Tuple.Create(parameter.Name, parameter.Shape.ToArray(), parameter.FanIn)));
        var shares = ((LatentSplit.LayerWise)LatentSplitModule.byPower(LayerPower, kept, layout)).counts;
        var sizes = trained.FlatWeights().abs();
        var places = layout.Layers.Zip(shares, (layer, share) =>
            sizes.narrow(0, layer.Offset, layer.Count).topk(share.Item2).indexes + layer.Offset);
        return cat([.. places]).sort().Values.DetachFromDisposeScope();
    }
}
