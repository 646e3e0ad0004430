using MappingNets.Experiments.Rivals;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

/// <summary>Networks that are trained first and cut then: singular values, lottery tickets.</summary>
public sealed class CutNetworkTests
{
    private static DirectModel Trained()
    {
        var model = DirectModel.For(RivalTests.Target(), seed: 3);
        using var data = RivalTests.Data();
        new Trainer(model, new() { Epochs = 4, BatchSize = 32 }).Fit(data);
        return model;
    }

    private static int Nonzero(Model model)
    {
        using var weights = model.FlatWeights();
        return Small.Values(weights).Count(weight => weight != 0);
    }

    [Fact]
    public void A_network_of_rank_one_survives_the_cut_and_any_other_loses_its_smallest_singular_values()
    {
        using var scope = NewDisposeScope();
        using var model = Trained();
        using (no_grad())
            model.Trainables[0].copy_(outer(linspace(-1, 1, 60), linspace(1, 2, 40)));

        // Biases 63, rank 1 of 60 x 40 and of 3 x 60: 100 + 63. Rank 2 of the second takes as many numbers as it has, so 189 at most.
        using var cut = TruncatedSvd.Of(model, 63 + 100 + 63);

        Assert.Equal(226, cut.TrainableCount);
        var (before, after) = (Small.Values(model.FlatWeights()), Small.Values(cut.FlatWeights()));
        Assert.All(before.Take(2460).Zip(after), pair => Assert.InRange(pair.Second - pair.First, -1e-4, 1e-4));
        Assert.Equal(before[^3..], after[^3..]);
        var values = linalg.svd(model.Trainables[2]).S.detach();
        var error = (model.FlatWeights() - cut.FlatWeights()).norm().item<float>();
        Assert.Equal(values[1..].norm().item<float>(), error, 3);
    }

    [Fact]
    public void The_cut_spends_the_budget_where_singular_values_are_large_and_refuses_less_than_rank_one()
    {
        using var model = Trained();
        using var small = TruncatedSvd.Of(model, 500);
        using var large = TruncatedSvd.Of(model, 2_000);
        using var input = RivalTests.Data();

        Assert.InRange(small.TrainableCount, 400, 500);
        Assert.InRange(large.TrainableCount, 1_900, 2_000);
        double Error(Model cut)
        {
            using var difference = model.FlatWeights() - cut.FlatWeights();
            return difference.norm().item<float>();
        }

        Assert.True(Error(large) < Error(small));
        Assert.Throws<ArgumentOutOfRangeException>("budget", () => TruncatedSvd.Of(model, 225));
    }

    [Fact]
    public void A_ticket_keeps_the_largest_of_each_layer_goes_back_to_the_start_and_stays_sparse()
    {
        using var scope = NewDisposeScope();
        using var data = RivalTests.Data();
        using var model = Trained();
        using var untrained = DirectModel.For(RivalTests.Target(), seed: 3);
        var (start, end) = (Small.Values(untrained.FlatWeights()), Small.Values(model.FlatWeights()));

        using var ticket = LotteryTicket.Of(model, untrained.FlatWeights(), 300);

        Assert.Equal(300, ticket.TrainableCount);
        var rewound = Small.Values(ticket.FlatWeights());
        var kept = Enumerable.Range(0, rewound.Length).Where(index => rewound[index] != 0).ToHashSet();
        Assert.Equal(300, kept.Count);
        Assert.All(kept, index => Assert.Equal(start[index], rewound[index]));
        foreach (var (first, count) in new[] { (0, 2460), (2460, 183) })
        {
            var layer = Enumerable.Range(first, count).ToArray();
            var ownKept = layer.Where(kept.Contains).ToArray();
            Assert.InRange(ownKept.Length, 30, 270);
            Assert.True(ownKept.Min(index => Math.Abs(end[index])) >= layer.Where(index => !kept.Contains(index)).Max(index => Math.Abs(end[index])));
        }

        new Trainer(ticket, new() { Epochs = 2 }).Fit(data);
        Assert.InRange(Nonzero(ticket), 299, 300);
        Assert.NotEqual(rewound, Small.Values(ticket.FlatWeights()));
    }

    [Fact]
    public void The_rounds_of_a_ticket_keep_equal_shares_and_end_at_the_budget()
    {
        Assert.Equal([28_910, 7_695, 2_048], LotteryTicket.KeptByRound(108_618, 2_048, 3));
        Assert.Equal([2_048], LotteryTicket.KeptByRound(108_618, 2_048, 1));
    }
}
