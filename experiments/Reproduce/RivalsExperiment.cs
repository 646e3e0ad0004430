using MappingNets.Experiments.Reporting;
using MappingNets.Experiments.Rivals;

namespace MappingNets.Experiments.Reproduce;

/// <summary>Other ways to a small trained state, on the same target, with the same budget, data, epochs and trainer.</summary>
internal sealed class RivalsExperiment : TableExperiment
{
    private const int Budget = 2_048;
    private const int FewAxes = 64;

    /// <summary>How often the lottery ticket prunes.</summary>
    private const int Rounds = 3;

    public override string Name => "rivals";

    public override string Summary => "CNN2 through about 2,048 numbers in other ways: hypernetwork, subspaces, PRANC, Uni-LoRA, MCNC, and three that start from the trained network: SVD, a lottery ticket, a learned subspace.";

    protected override IReadOnlyList<ExperimentRow> Rows { get; } =
    [
        new("direct", "direct training", seed => DirectModel.For(Targets.Cnn2(), seed)),
        new("slvt", "SLVT (this library)", seed => MappingNetwork.For(Targets.Cnn2()).SingleLatent(Budget).WithSeed(seed).Build()),
        new(HyperNetwork.Method, "hypernetwork, chunked", seed => HyperNetwork.Build(Targets.Cnn2(), Budget, seed)),
        new(RandomSubspace.Method, "random subspace, dense", seed => RandomSubspace.Build(Targets.Cnn2(), Budget, seed))
        {
            Cost = 10,
            Notes = "Keeps a matrix of 890 MB.",
        },
        new(FastfoodSubspace.Method, "random subspace, Fastfood", seed => FastfoodSubspace.Build(Targets.Cnn2(), Budget, seed)),
        new(Pranc.Method, "PRANC", seed => Pranc.Build(Targets.Cnn2(), Budget, seed)) { Cost = 10, Notes = "Keeps a matrix of 890 MB." },
        new(UniLora.Method, "one vector of low-rank factors (Uni-LoRA)", seed => UniLora.Build(Targets.Cnn2(), Budget, seed)),
        new(Mcnc.Method, "MCNC", seed => Mcnc.Build(Targets.Cnn2(), Budget, seed)),
        new(Mcnc.LowRankMethod, "MCNC, low rank first", seed => Mcnc.BuildLowRank(Targets.Cnn2(), Budget, seed)),
        new(TruncatedSvd.Method, "SVD after direct training", seed => DirectModel.For(Targets.Cnn2(), seed))
        {
            Then = trained => TruncatedSvd.Of(trained.Trained, Budget),
            Notes = "All 108,618 weights were trained; so many numbers are kept.",
        },
        new("svd-tuned", "the same, then fine-tuned", seed => DirectModel.For(Targets.Cnn2(), seed))
        {
            Then = trained =>
            {
                var cut = TruncatedSvd.Of(trained.Trained, Budget);
                trained.Fit("fine-tuning", cut, trained.Training);
                return cut;
            },
            Settings = new Dictionary<string, string> { ["tuned"] = "as many epochs again", [RunPlan.ContinuedRateSetting] = RunPlan.RateText(TruncatedSvd.Rate) },
            Cost = 2,
            Notes = "All 108,618 weights were trained; then the factors that are kept, for as many epochs again.",
        },
        new(LotteryTicket.Method, "lottery ticket", seed => DirectModel.For(Targets.Cnn2(), seed))
        {
            Then = DrawTicket,
            Settings = new Dictionary<string, string> { ["rounds"] = FormattableString.Invariant($"{Rounds}"), [RunPlan.ContinuedRateSetting] = RunPlan.RateText(LotteryTicket.Rate) },
            Cost = Rounds + 1,
            Notes = "Trained in full, then three times with fewer weights each time. Its file lacks the mask, 1.8 KB at least.",
        },
        Learned(FewAxes),
        Learned(Budget),
    ];

    protected override TrainingOptions Training(ExperimentOptions options) => new() { Epochs = options.Epochs ?? (options.Quick ? 1 : 8) };

    protected override string Remarks(ReportFile report) => """
        Every row but the last five trains its numbers on the task's loss alone from the same start (theta_0, or a random network where the
        method has none), with the same scale 1 / sqrt(fan-in) for each weight. How the rows follow their sources:

        | row | formula | source |
        |---|---|---|
        | hypernetwork, chunked | theta[c] = s (W2 tanh(W1 e_c + b1) + b2), all trained | Ha, Dai, Le 2017; von Oswald et al. 2020 |
        | random subspace, dense | theta = theta_0 + s R z, R stored | Li et al. 2018 |
        | random subspace, Fastfood | the same, R = S H G Pi H B in blocks | Le, Sarlos, Smola 2013; Li et al. 2018 |
        | PRANC | theta = sum of alpha_j theta_j, random networks | Nooralinejad et al. 2023 |
        | Uni-LoRA | W = W_0 + s U V, entries of U and V shared from one vector | Li et al. 2025; from scratch here |
        | MCNC | chunk = beta phi(a), phi a frozen sine network, 256 wide here and 1,000 there; with low rank, the chunks are U and V | Thrash et al. 2025 |
        | SVD | each weight matrix cut to low rank after training; then the factors trained | Denton et al. 2014 |
        | lottery ticket | the largest weights, rewound to their start and trained again, in rounds | Frankle, Carbin 2019 |
        | learned subspace | theta = theta_0 + U diag(sigma) z, U the principal axes of the direct training | Li et al. 2023 |

        The last five train all 108,618 weights first, so they are small in what they train in the end and not before, and they train for
        more epochs: once, twice, four times and twice the others'. Lottery ticket and learned subspace are an oracle's references: they say what as
        many numbers could do if the right ones were known beforehand. The dense subspace, PRANC and the learned subspace of 2,048 axes keep a matrix of 890 MB. The lottery ticket needs
        its mask as well, at least 1.8 KB beside the 8 KB of its numbers. 2,048 numbers leave the 800-128 layer a rank of 1, so that the cut
        network passes everything through one number: that is why it does so badly.
        """;

    private static ExperimentRow Learned(int axes) => new(
        FormattableString.Invariant($"{LearnedSubspace.Method}-{axes}"), FormattableString.Invariant($"learned subspace, {axes:N0} axes"),
        seed => DirectModel.For(Targets.Cnn2(), seed))
    {
        // A quick look has fewer steps than axes.
        Snapshots = axes + 1,
        Then = trained =>
        {
            GeneratedModel along;
            using (trained.Snapshots)
            using (var snapshots = trained.Snapshots!.Matrix())
                along = LearnedSubspace.Of(trained.Trained.Target, snapshots, (int)Math.Min(axes, snapshots.shape[0] - 1));
            trained.Fit("along its axes", along, trained.Training);
            return along;
        },
        Settings = new Dictionary<string, string> { ["axes"] = FormattableString.Invariant($"{axes}"), [RunPlan.ContinuedRateSetting] = RunPlan.RateText(LearnedSubspace.Rate) },
        Cost = 2 + (axes / 200.0),
        Notes = "Trained in full, then again along the axes of that training. Its file lacks them, 4 P d bytes.",
    };

    private static Model DrawTicket(Continuation trained)
    {
        var target = trained.Trained.Target;
        using var direct = DirectModel.For(target, trained.Training.Seed);
        using var start = direct.FlatWeights();
        Model? ticket = null;
        foreach (var (kept, round) in LotteryTicket.KeptByRound(target.ParameterCount, Budget, Rounds).Select((kept, index) => (kept, index + 1)))
        {
            var next = LotteryTicket.Of(ticket ?? trained.Trained, start, kept);
            ticket?.Dispose();
            ticket = next;
            trained.Fit(FormattableString.Invariant($"round {round}: {kept:N0} weights"), ticket, trained.Training);
        }

        return ticket!;
    }
}
