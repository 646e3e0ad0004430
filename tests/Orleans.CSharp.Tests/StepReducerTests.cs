using System.Runtime.InteropServices;
using Xunit;

namespace MappingNets.Tests;

/// <summary>What the reducer does when workers die, hang, join and leave, and when it is itself new: with times that are told, not passed.</summary>
public sealed partial class StepReducerTests
{
    private static readonly DateTimeOffset Start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private readonly Dictionary<string, List<StepReply>> heard = [];

    [Fact]
    public void AStepIsTheSumInTheOrderOfThePartsWhoeverComesFirst()
    {
        // In single precision (1 + 1e8) - 1e8 is not 1 + (1e8 - 1e8).
        var sums = new[] { new[] { "a", "b", "c" }, ["c", "b", "a"], ["b", "a", "c"] }.Select(arrival =>
        {
            var reducer = New(workers: 3, parts: 3);
            Ask(reducer, 0, "a", "b", "c");
            foreach (var worker in arrival)
                reducer.Take(Of(worker, 0, PartOf(worker[0] - 'a', worker switch { "a" => 1, "b" => 1e8f, _ => -1e8f })), Start);
            Hear(reducer);
            return Assert.Single(Last("a").Records);
        }).ToArray();

        Assert.All(sums, record => Assert.Equal((0, (1f + 1e8f) - 1e8f), (record.Step, ValueOf(record))));
    }

    [Fact]
    public void TheFirstStepWaitsForAllWorkersAndDealsThePartsOut()
    {
        var reducer = New(workers: 2, parts: 4);
        Ask(reducer, 0, "a");
        Assert.False(heard.ContainsKey("a"));
        Ask(reducer, 0, "b");
        Assert.Equal((ReplyKind.Compute, 2), (Last("a").Kind, Last("a").Workers));
        Assert.Equal([0, 2], Last("a").Parts);
        Assert.Equal([1, 3], Last("b").Parts);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void APartOfAWorkerThatIsSilentOrLeavesIsTakenOverInTheSameStep(bool leaves)
    {
        var reducer = Started(workers: 2, parts: 2);
        reducer.Take(Of("a", 0, PartOf(0, 1)), Start);
        if (leaves)
        {
            reducer.Leave("b", Start);
        }
        else
        {
            reducer.Expire(Start + Deadline - TimeSpan.FromTicks(1));
            Hear(reducer);
            Assert.Equal(ReplyKind.Compute, heard["a"].Single().Kind);
            reducer.Expire(Start + Deadline);
        }

        Hear(reducer);
        Assert.Equal((ReplyKind.Compute, 1), (Last("a").Kind, Last("a").Workers));
        Assert.Equal([1], Last("a").Parts);
        reducer.Take(Of("a", 0, PartOf(1, 2)), Start);
        Hear(reducer);
        Assert.Equal(3, ValueOf(Last("a").Records.Single()));
        Assert.Equal([0, 1], Last("a").Parts);
    }

    [Fact]
    public void AWorkerThatWasDroppedCatchesUpAndTakesPartInTheNextStep()
    {
        var reducer = Started(workers: 2, parts: 2);
        reducer.Take(Of("a", 0, PartOf(0, 1)), Start);
        reducer.Expire(Start + Deadline);
        reducer.Take(Of("a", 0, PartOf(1, 2)), Start);
        reducer.Take(Of("a", 1, PartOf(0, 3), PartOf(1, 4)), Start);
        // It sends what it was to compute two steps ago: it is given the records, and what it sent is not looked at.
        reducer.Take(Of("b", 0, PartOf(1, 99)), Start);
        Hear(reducer);
        Assert.Equal([3f, 7f], Last("b").Records.Select(ValueOf));
        Assert.Empty(Last("b").Parts);

        Ask(reducer, 2, "b");
        reducer.Take(Of("a", 2, PartOf(0, 5), PartOf(1, 6)), Start);
        Hear(reducer);
        Assert.Equal([0], Last("a").Parts);
        Assert.Equal([1], Last("b").Parts);
    }

    [Fact]
    public void APartThatComesTwiceCountsOnce()
    {
        var reducer = Started(workers: 2, parts: 2);
        reducer.Take(Of("a", 0, PartOf(0, 1)), Start);
        reducer.Take(Of("a", 0, PartOf(0, 1)), Start);
        reducer.Take(Of("b", 0, PartOf(1, 2), PartOf(0, 1)), Start);
        reducer.Take(Of("a", 0, PartOf(0, 1)), Start);
        Hear(reducer);
        Assert.Equal(1, reducer.Step);
        Assert.Equal(3, ValueOf(Last("a").Records.Single()));
        Assert.Equal(3, ValueOf(Last("b").Records.Single()));
    }

    [Fact]
    public void WhatIsLeftOfAShareThatComesInPiecesIsAskedFor()
    {
        var reducer = Started(workers: 2, parts: 4);
        reducer.Take(Of("b", 0, PartOf(1, 2), PartOf(3, 4)), Start);
        reducer.Take(Of("a", 0, PartOf(0, 1)), Start);
        Hear(reducer);
        Assert.Equal(ReplyKind.Compute, Last("a").Kind);
        Assert.Equal([2], Last("a").Parts);
        reducer.Take(Of("a", 0, PartOf(2, 3)), Start);
        Hear(reducer);
        Assert.Equal(10, ValueOf(Last("a").Records.Single()));
    }

    [Fact]
    public void ANewReducerLearnsFromTheWorkerThatIsAheadAndNoStepIsTakenTwice()
    {
        var record = RecordOfTwo();

        // Only a has heard what step 0 came to. b asks for it first, and is to compute both of its parts.
        var reducer = New(workers: 2, parts: 2, step: 0);
        Ask(reducer, 0, "b");
        Ask(reducer, 1, "a");
        Assert.Equal((ReplyKind.Teach, 0), (Last("a").Kind, Last("a").First));
        reducer.Learn(1, [record], Start);
        Hear(reducer);
        Assert.Equal(ReplyKind.Again, Last("b").Kind);
        Ask(reducer, 0, "b");
        Assert.Same(record, Last("b").Records.Single());
        Ask(reducer, 1, "a", "b");
        Assert.Equal(1, reducer.Step);
        Assert.Equal([0, 1], Last("b").Parts.Concat(Last("a").Parts).Order());
    }

    [Fact]
    public void ANewReducerLearnsTheLastRecordsOfAWorkerThatHasNoOthers()
    {
        var last = RecordOfTwo() with { Step = 7 };

        // The state of step 0 was kept; a knows step 7 alone, which is what b asks for.
        var reducer = New(workers: 2, parts: 2, step: 0);
        Ask(reducer, 7, "b");
        Ask(reducer, 8, "a");
        reducer.Learn(8, [last], Start);
        Hear(reducer);
        Ask(reducer, 7, "b");
        Assert.Same(last, Last("b").Records.Single());
        Assert.Equal(8, reducer.Step);
    }

    [Fact]
    public void APartOfAnotherWorkerDoesNotCountInAMedian()
    {
        var reducer = New(workers: 3, parts: 3, how: GradientCombination.Median);
        Ask(reducer, 0, "a", "b", "c");
        // c sends wrong numbers for the parts of the others, before they do.
        reducer.Take(Of("c", 0, PartOf(0, 99), PartOf(1, 99), PartOf(2, 3)), Start);
        reducer.Take(Of("a", 0, PartOf(0, 1)), Start);
        reducer.Take(Of("b", 0, PartOf(1, 2)), Start);
        Hear(reducer);
        Assert.Equal(6, ValueOf(Last("a").Records.Single()), 1e-5);
    }

    [Fact]
    public void AWorkerThatWaitsForTheFirstStepIsDealtItsPartsWhenTheRunTurnsOutToHaveBegun()
    {
        var reducer = New(workers: 3, parts: 2);
        Ask(reducer, 0, "b");
        // Who is ahead shows that the run has begun; then the first step does not wait for all workers.
        Ask(reducer, 1, "a");
        Ask(reducer, 0, "c");
        Assert.Equal((ReplyKind.Compute, ReplyKind.Compute), (Last("b").Kind, Last("c").Kind));
        Assert.Equal([0, 1], Last("b").Parts.Concat(Last("c").Parts));
    }

    [Fact]
    public void AReducerThatHearsNothingForADeadlineIsSilent()
    {
        var reducer = Started(workers: 2, parts: 2);
        reducer.Take(Of("a", 0, PartOf(0, 1)), Start);
        Assert.False(reducer.IsSilent(Start + Deadline - TimeSpan.FromTicks(1)));
        Assert.True(reducer.IsSilent(Start + Deadline));
        reducer.Learn(3, [], Start + Deadline);
        Assert.False(reducer.IsSilent(Start + Deadline));
        Assert.False(reducer.Knows(0));
    }

    [Fact]
    public void AReplicaThatDiffersIsSentBackAndItsPartsAreComputedAnew()
    {
        var reducer = Started(workers: 3, parts: 3);
        reducer.Take(Of("a", 0, PartOf(0, 1)) with { Digest = 7 }, Start);
        reducer.Take(Of("b", 0, PartOf(1, 50)) with { Digest = 8 }, Start);
        reducer.Take(Of("c", 0, PartOf(2, 3)) with { Digest = 7 }, Start);
        Hear(reducer);
        Assert.Equal(ReplyKind.Lost, Last("b").Kind);
        Assert.Equal([1], Last("a").Parts);
        reducer.Take(Of("a", 0, PartOf(1, 2)) with { Digest = 7 }, Start);
        Hear(reducer);
        Assert.Equal(6, ValueOf(Last("c").Records.Single()));
    }

    [Fact]
    public void AnEndedRunGivesTheRecordsBeforeItsEndAndNoOther()
    {
        var reducer = Started(workers: 2, parts: 2);
        reducer.Take(Of("a", 0, PartOf(0, 1)), Start);
        reducer.Take(Of("b", 0, PartOf(1, 2)), Start);
        reducer.Take(Of("a", 1, PartOf(0, 1)), Start);
        reducer.End(1, null);
        Hear(reducer);
        Assert.Equal(ReplyKind.End, Last("a").Kind);
        Ask(reducer, 0, "b");
        Assert.Single(Last("b").Records);
        Ask(reducer, 1, "b");
        Assert.Equal(ReplyKind.End, Last("b").Kind);
    }

    [Fact]
    public void AnEndedRunWhoseRecordsAreGoneIsComputedAnewUpToItsEnd()
    {
        var ended = Started(workers: 2, parts: 2);
        ended.End(1, null);
        // Nobody else need come, and the step before the end is dealt out although the end is known.
        var reducer = ended.From(0);
        Assert.True(reducer.IsEnded);
        Ask(reducer, 0, "b");
        Assert.Equal([0, 1], Last("b").Parts);
        reducer.Take(Of("b", 0, PartOf(0, 1), PartOf(1, 2)), Start);
        Hear(reducer);
        Assert.Equal(3, ValueOf(Last("b").Records.Single()));
        Ask(reducer, 1, "b");
        Assert.Equal(ReplyKind.End, Last("b").Kind);
    }

    [Fact]
    public void AWorkerWithMoreEpochsThanTheReducerIsToJoinAgain()
    {
        // 2 samples, 2 parts of 1, 3 epochs: three steps.
        var reducer = Started(workers: 2, parts: 2, samples: 2);
        foreach (var step in new[] { 0, 1, 2 })
        {
            Assert.False(reducer.IsOver);
            reducer.Take(Of("a", step, PartOf(0, 1)), Start);
            reducer.Take(Of("b", step, PartOf(1, 2)), Start);
        }

        Assert.True(reducer.IsOver);
        Ask(reducer, 3, "a");
        Assert.Equal(ReplyKind.Lost, Last("a").Kind);
    }

    private static TimeSpan Deadline { get; } = TimeSpan.FromSeconds(5);

    private static StepReducer New(int workers, int parts, int samples = 100, long step = 0, GradientCombination how = GradientCombination.Mean, int metrics = 0) => new(
        new(samples, 1, parts, 3, sizeof(float), workers, Deadline, how, null, [], [], 1, sizeof(float), null, metrics), step);

    // Of step 0, as two workers with a part each end it.
    private StepRecord RecordOfTwo()
    {
        var reducer = Started(workers: 2, parts: 2);
        reducer.Take(Of("a", 0, PartOf(0, 1)), Start);
        reducer.Take(Of("b", 0, PartOf(1, 2)), Start);
        Hear(reducer);
        return Last("a").Records.Single();
    }

    private StepReducer Started(int workers, int parts, int samples = 100)
    {
        var reducer = New(workers, parts, samples);
        Ask(reducer, 0, [.. "abc"[..workers].Select(letter => letter.ToString())]);
        return reducer;
    }

    private void Ask(StepReducer reducer, long step, params string[] workers)
    {
        foreach (var worker in workers)
            reducer.Take(Of(worker, step), Start);
        Hear(reducer);
    }

    private void Hear(StepReducer reducer)
    {
        foreach (var (worker, reply) in reducer.TakeDue())
        {
            if (!heard.TryGetValue(worker, out var replies))
                heard[worker] = replies = [];
            replies.Add(reply);
        }
    }

    private StepReply Last(string worker) => heard[worker][^1];

    private static Contribution Of(string worker, long step, params Part[] parts) => new(worker, step, 0, parts);

    private static Part PartOf(int index, float value) =>
        new(index, MemoryMarshal.AsBytes<float>([value]).ToArray(), [true], new(1, 1, 1, 1, 0, 0, new double?[PartFigures.TermCount], []), []);

    private static float ValueOf(StepRecord record) => MemoryMarshal.Cast<byte, float>(record.Gradient.AsSpan())[0];
}
