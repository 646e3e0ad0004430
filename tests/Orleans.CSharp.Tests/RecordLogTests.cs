using Xunit;

namespace MappingNets.Tests;

/// <summary>How much of the last steps is kept for workers that are behind.</summary>
public sealed class RecordLogTests
{
    [Fact]
    public void RecordsAreKeptUpToABoundAndOneMore()
    {
        var log = new RecordLog(0, keptBytes: 1000);
        // 200 bytes each, the mark of the parameter among them.
        for (var step = 0; step < 10; step++)
            log.Add(new(step, new byte[199], [true], [], []));
        Assert.Equal([5, 6, 7, 8, 9], log.From(5, long.MaxValue).Select(record => (int)record.Step));
        Assert.Equal([5, 6], log.From(5, 400).Select(record => (int)record.Step));
        Assert.Equal((5, 10), (log.First, log.Next));
        Assert.False(log.Knows(4));
        Assert.Empty(log.From(4, long.MaxValue));
        log.Add(new(10, new byte[5000], [true], [], []));
        Assert.Equal([10], log.From(10, 1).Select(record => (int)record.Step));
    }

    // The sums of F1 for 100 classes take 80,000 bytes a part, and the gradient of a latent a few kilobytes a step.
    [Fact]
    public void RecordsWithTheSumsOfMetricsOfManyClassesAreKeptUpToTheSameBound()
    {
        var figures = new PartFigures(1, 1, 1, 1, 0, 0, new double?[PartFigures.TermCount], [new double[100 * 100], new double[2]]);
        var record = new StepRecord(0, new byte[8192], new bool[10], [figures, figures], new byte[4]);
        Assert.Equal(8192 + 10 + 4 + (2 * (80_016 + 128)), record.Bytes);

        var log = new RecordLog(0, keptBytes: 1_000_000);
        for (var step = 0; step < 20; step++)
            log.Add(record with { Step = step });

        Assert.Equal([15, 16, 17, 18, 19], log.From(15, long.MaxValue).Select(kept => (int)kept.Step));
        Assert.False(log.Knows(14));
    }
}
