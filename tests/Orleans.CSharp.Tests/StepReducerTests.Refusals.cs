using System.Runtime.InteropServices;
using Xunit;

namespace MappingNets.Tests;

// What one worker sends, and the others must not suffer from.
public sealed partial class StepReducerTests
{
    [Fact]
    public void AGradientOfAnotherLengthOrPartIsRefused()
    {
        var reducer = Started(workers: 2, parts: 2);
        Assert.Throws<ArgumentException>(() => reducer.Take(Of("a", 0, PartOf(0, 1) with { Gradient = new byte[8] }), Start));
        Assert.Throws<ArgumentException>(() => reducer.Take(Of("a", 0, PartOf(2, 1)), Start));
        Assert.Equal(0, reducer.Step);
    }

    [Fact]
    public void WhatWouldEndTheOtherWorkersIsRefused()
    {
        // Three steps an epoch, of 2, 2 and 1 parts.
        var reducer = Started(workers: 2, parts: 2, samples: 5);
        var whole = PartOf(0, 1);
        foreach (var part in new[]
        {
            whole with { Present = [] }, whole with { Present = [true, true] }, whole with { Figures = null, Gradient = [], Present = [] },
            whole with { Statistics = new byte[sizeof(float)] },
        })
            Assert.Throws<ArgumentException>(() => reducer.Take(Of("a", 0, part), Start));
        foreach (var step in new[] { 0, 1 })
        {
            reducer.Take(Of("a", step, PartOf(0, 1)), Start);
            reducer.Take(Of("b", step, PartOf(1, 1)), Start);
        }

        var empty = new Part(1, [], [], null, []);
        Assert.Throws<ArgumentException>(() => reducer.Take(Of("b", 2, PartOf(1, 1)), Start));
        Assert.Throws<ArgumentException>(() => reducer.Take(Of("a", 2, whole with { Statistics = new byte[2 * sizeof(float)] }), Start));
        reducer.Take(Of("a", 2, whole with { Statistics = new byte[sizeof(float)] }), Start);
        reducer.Take(Of("b", 2, empty), Start);
        Assert.Equal(3, reducer.Step);
    }

    [Fact]
    public void FiguresThatTheEpochsSumsCannotTakeAreRefused()
    {
        var reducer = New(workers: 2, parts: 2, metrics: 2);
        Ask(reducer, 0, "a", "b");
        var figures = PartOf(0, 1).Figures! with { Metrics = [[1, 2], [3]] };
        reducer.Take(Of("a", 0, PartOf(0, 1) with { Figures = figures }), Start);
        foreach (var (other, said) in new[]
        {
            (figures with { Terms = [] }, $"0 terms of the loss; there are {PartFigures.TermCount}"),
            (figures with { Metrics = [] }, "0 metrics; this run has 2"), (figures with { Metrics = [[1, 2], null!] }, "1 metrics; this run has 2"),
            (figures with { Metrics = [[1, 2, 3], [4]] }, "3, 1 sums; those of the parts before it have 2, 1"),
        })
            Assert.Contains(said, Assert.Throws<ArgumentException>(() => reducer.Take(Of("b", 0, PartOf(1, 1) with { Figures = other }), Start)).Message);
        reducer.Take(Of("b", 0, PartOf(1, 1) with { Figures = figures }), Start);
        Assert.Equal(1, reducer.Step);
    }

    [Fact]
    public void OneWorkerCannotMoveTheStatisticsOfAMedian()
    {
        var reducer = New(workers: 3, parts: 3, samples: 3, how: GradientCombination.Median);
        Ask(reducer, 0, "a", "b", "c");
        foreach (var (worker, index, value) in new[] { ("a", 0, 1f), ("b", 1, 2f), ("c", 2, 1e30f) })
            reducer.Take(Of(worker, 0, PartOf(index, 1) with { Statistics = MemoryMarshal.AsBytes<float>([value]).ToArray() }), Start);
        Hear(reducer);
        Assert.Equal(2f, MemoryMarshal.Cast<byte, float>(Last("a").Records.Single().Statistics.AsSpan())[0]);
    }
}
