namespace MappingNets;

/// <summary>How long nothing is heard of a worker that has ended without a word.</summary>
internal static class Silence
{
    private const int Deadlines = 4;

    // Orleans ends a grain that nothing reaches for its collection age, 15 minutes unless configured, and never under a minute; a run in memory ends with it.
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(30);

    /// <summary>That time, of workers that wait for each other as long as a deadline.</summary>
    public static TimeSpan Of(TimeSpan deadline) => Deadlines * deadline;

    /// <summary>How often a grain looks whether its workers are late.</summary>
    public static TimeSpan Look(TimeSpan deadline) => deadline / 4 < Longest ? deadline / 4 : Longest;
}
