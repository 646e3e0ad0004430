using Orleans;

namespace MappingNets;

/// <summary>What a worker is to do next.</summary>
internal enum ReplyKind
{
    /// <summary>Take the steps of the records.</summary>
    Records,

    /// <summary>Compute parts of the step, and send them.</summary>
    Compute,

    /// <summary>Ask again: the step is not complete yet.</summary>
    Again,

    /// <summary>Send the records from a step on: the reducer is new and does not know them.</summary>
    Teach,

    /// <summary>Join again, and go on where you are: the grain was activated anew.</summary>
    Rejoin,

    /// <summary>Stop before this step: a worker has ended the run.</summary>
    End,

    /// <summary>Stop before this step: a part's loss is not finite.</summary>
    Diverged,

    /// <summary>Start again from the last state that was kept: this replica cannot go on.</summary>
    Lost,
}

/// <summary>The reducer's answer to a contribution.</summary>
/// <param name="Kind">What to do.</param>
/// <param name="Records">The records to take, in order.</param>
/// <param name="Parts">The parts to compute: of this step, or, beside records, of the one after them.</param>
/// <param name="First">The step from which records are wanted.</param>
/// <param name="KeepsState">Whether this worker is to send the state after an epoch that ends in the records.</param>
/// <param name="Workers">How many workers take part.</param>
/// <param name="Divergence">What is not finite.</param>
[GenerateSerializer, Immutable]
internal sealed record StepReply(
    [property: Id(0)] ReplyKind Kind,
    [property: Id(1)] StepRecord[] Records,
    [property: Id(2)] int[] Parts,
    [property: Id(3)] long First = 0,
    [property: Id(4)] bool KeepsState = false,
    [property: Id(5)] int Workers = 0,
    [property: Id(6)] Divergence? Divergence = null)
{
    /// <summary>An answer without records.</summary>
    public static StepReply Of(ReplyKind kind) => new(kind, [], []);
}

/// <summary>What was not finite, and where.</summary>
[GenerateSerializer, Immutable]
internal sealed record Divergence(
    [property: Id(0)] long Step,
    [property: Id(1)] string Term,
    [property: Id(2)] double Value,
    [property: Id(3)] string Cure);
