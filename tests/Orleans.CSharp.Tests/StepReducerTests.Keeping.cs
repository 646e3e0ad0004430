using Xunit;

namespace MappingNets.Tests;

// Who is asked for the state after an epoch.
public sealed partial class StepReducerTests
{
    [Fact]
    public void OneWorkerKeepsTheStateAfterAnEpoch()
    {
        // 4 samples, 2 parts of 1: two steps an epoch.
        var reducer = Started(workers: 2, parts: 2, samples: 4);
        foreach (var step in new[] { 0, 1, 2, 3 })
        {
            reducer.Take(Of("a", step, PartOf(0, 1)), Start);
            reducer.Take(Of("b", step, PartOf(1, 2)), Start);
            Hear(reducer);
            Assert.Equal((step % 2 == 1, false), (Last("a").KeepsState, Last("b").KeepsState));
        }
    }

    [Fact]
    public void AStateThatHasNotComeIsAskedOfEveryWorkerThatTakesItsLastStep()
    {
        var reducer = Started(workers: 2, parts: 2, samples: 4);
        foreach (var step in new[] { 0, 1 })
        {
            reducer.Take(Of("a", step, PartOf(0, 1)), Start);
            reducer.Take(Of("b", step, PartOf(1, 2)), Start);
        }

        // The answer to a is lost, and the one to b with the step before too.
        Ask(reducer, 1, "a");
        Ask(reducer, 0, "b");
        Assert.Equal((1, true), (Last("a").Records.Length, Last("a").KeepsState));
        Assert.Equal((2, true), (Last("b").Records.Length, Last("b").KeepsState));
        reducer.Kept(2);
        Ask(reducer, 1, "b");
        Assert.False(Last("b").KeepsState);

        // A reducer that learns of an epoch's end does not know who was asked.
        var later = New(workers: 2, parts: 2, samples: 4);
        later.Learn(2, heard["b"][^2].Records, Start);
        Ask(later, 1, "b");
        Assert.True(Last("b").KeepsState);
    }

    [Fact]
    public void EveryWorkerKeepsTheStateAfterTheLastEpoch()
    {
        // 2 samples, 2 parts of 1: a step an epoch, of which there are three.
        var reducer = Started(workers: 2, parts: 2, samples: 2);
        foreach (var step in new[] { 0, 1, 2 })
        {
            reducer.Take(Of("a", step, PartOf(0, 1)), Start);
            reducer.Take(Of("b", step, PartOf(1, 2)), Start);
            Hear(reducer);
            Assert.Equal((true, step == 2), (Last("a").KeepsState, Last("b").KeepsState));
        }
    }
}
