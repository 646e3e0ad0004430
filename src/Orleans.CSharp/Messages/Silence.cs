namespace MappingNets;

/// <summary>How long nothing is heard of a worker that has ended without a word.</summary>
internal static class Silence
{
    private const int Deadlines = 4;

    /// <summary>That time, of workers that wait for each other as long as a deadline.</summary>
    public static TimeSpan Of(TimeSpan deadline) => Deadlines * deadline;
}
