namespace MappingNets.Experiments.Stress;

/// <summary>What one scenario gave.</summary>
/// <param name="Scenario">Its name.</param>
/// <param name="Kills">How many processes were ended by SIGKILL.</param>
/// <param name="Checks">How often files were read back, or a resumed run compared with the uninterrupted one.</param>
/// <param name="Faults">How many of these failed.</param>
/// <param name="FirstFault">What the first one was; null where there was none.</param>
/// <param name="Left">Why the scenario was left out; null where it ran.</param>
internal sealed record CrashResult(string Scenario, int Kills, int Checks, int Faults, string? FirstFault, string? Left = null)
{
    /// <summary>A scenario that nothing is known of yet.</summary>
    public static CrashResult Of(string scenario) => new(scenario, 0, 0, 0, null);

    /// <summary>With one more kill.</summary>
    public CrashResult Killed() => this with { Kills = Kills + 1 };

    /// <summary>With one more check.</summary>
    /// <param name="fault">What was wrong; null where nothing was.</param>
    public CrashResult Checked(string? fault) => fault is null
        ? this with { Checks = Checks + 1 }
        : this with { Checks = Checks + 1, Faults = Faults + 1, FirstFault = FirstFault ?? fault };

    /// <summary>With one more check, which passes unless it throws.</summary>
    public CrashResult Checked(Func<string?> check)
    {
        try
        {
            return Checked(check());
        }
        catch (Exception fault)
        {
            // Whatever it is: what was to be whole could not be read.
            return Checked($"{fault.GetType().Name}: {fault.Message.Split('\n')[0]}");
        }
    }
}
