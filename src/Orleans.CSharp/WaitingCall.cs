namespace MappingNets;

/// <summary>
/// How long a call may wait in a grain for what others send. Each call ends by itself, without the grain's timer and without another call:
/// Orleans moves a grain (such as after the death of the silo that knew where it is) once its calls have ended, lets none in meanwhile, and
/// fires no timer behind one that waits to be let in. A call that only these end would hold the grain for ever.
/// </summary>
internal static class WaitingCall
{
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(5);

    /// <summary>The longest wait where workers wait so long for each other; so long may a grain that is to move still be where it was.</summary>
    /// <param name="deadline">How long the others wait for a worker.</param>
    public static TimeSpan Within(TimeSpan deadline) => deadline / 2 < Longest ? deadline / 2 : Longest;
}
