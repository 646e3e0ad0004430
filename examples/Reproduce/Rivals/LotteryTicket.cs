using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets.Examples.Reproduce.Rivals;

/// <summary>
/// Magnitude pruning with rewinding, the lottery ticket: the network is trained directly; the weights that ended largest, measured in
/// units of their layer's start 1 / sqrt(fan-in), are kept; they go back to what they were early in training, all others are 0 for good;
/// the kept ones are trained again,
/// <code>
/// theta = mask * w,    w_0 = theta early in training,    mask = the k largest |theta_trained| sqrt(fan-in).
/// </code>
/// In rounds: each keeps the same share of what the last one kept, so that k are left in the end.
/// <para>
/// After Frankle and Carbin, "The Lottery Ticket Hypothesis: Finding Sparse, Trainable Neural Networks" (ICLR 2019), and Frankle,
/// Dziugaite, Roy and Carbin, "Linear Mode Connectivity and the Lottery Ticket Hypothesis" (ICML 2020), which rewinds to early training and not
/// to the start. It trains as many times as there are rounds and once more, and its file needs the mask beside the k numbers: at least
/// P H(k / P) bits, 1.8 KB for CNN2 at 2,048.
/// </para>
/// </summary>
internal static class LotteryTicket
{
    /// <summary>The method's name.</summary>
    public const string Method = "lottery-ticket";

    /// <summary>The sparse network, at the values it is rewound to; not yet trained again.</summary>
    /// <param name="trained">The trained model, direct or a ticket of an earlier round; it is not changed.</param>
    /// <param name="early">theta early in training, shape (P); copied.</param>
    /// <param name="kept">k, how many weights are kept, from 1 to P.</param>
    public static GeneratedModel Of(Model trained, Tensor early, int kept)
    {
        var target = trained.Target;
        var places = LargestWeights(trained, kept);
        using var scope = NewDisposeScope();
        var start = early.index_select(0, places);
        return GeneratedModel.For(
            target,
            Method,
            [new("values", start)],
            numbers => zeros(target.ParameterCount).scatter(0, places, numbers[0]),
            [places],
            learningRate: 2e-3,
            fixedWeights: "mask");
    }

    /// <summary>How many weights each round keeps, the last one the budget.</summary>
    /// <param name="weights">P.</param>
    /// <param name="budget">How many are kept in the end.</param>
    /// <param name="rounds">How many rounds, at least 1.</param>
    public static IReadOnlyList<int> KeptByRound(long weights, int budget, int rounds) =>
        [.. Enumerable.Range(1, rounds).Select(round =>
            (int)Math.Round(weights * Math.Pow((double)budget / weights, (double)round / rounds)))];

    /// <summary>Where the largest weights of a model are in theta, measured in units of their layer's start: ascending, shape (k).</summary>
    /// <param name="trained">The model; it is not changed.</param>
    /// <param name="kept">k.</param>
    /// <returns>Outside every dispose scope; the caller disposes it.</returns>
    public static Tensor LargestWeights(Model trained, int kept)
    {
        using var scope = NewDisposeScope();
        var units = cat([.. trained.Target.Parameters.Select(parameter => full(parameter.Count, (float)Math.Sqrt(parameter.FanIn)))]);
        return (trained.Weights().abs() * units).topk(kept).indexes.sort().Values.DetachFromDisposeScope();
    }
}
