using System.Runtime.InteropServices;

namespace MappingNets;

/// <summary>
/// Adds the workers' changes of each round as whole numbers, modulo 2^32, and starts a round again without a worker that fails. It knows no
/// clock and no network.
/// </summary>
/// <remarks>
/// Masks cancel in the sum over one roster. Were the same changes sent again for another one, the difference of the two sums would be the change of who is
/// missing. So hidden changes are sent once all have said that they are ready, and a round in which a worker fails after that ends without a sum.
/// </remarks>
/// <param name="workers">How many workers the run starts with.</param>
/// <param name="deadline">How long the others wait for one.</param>
/// <param name="bytes">How many bytes a change has.</param>
/// <param name="hides">Whether changes are hidden by masks.</param>
internal sealed class Federation(int workers, TimeSpan deadline, long bytes, bool hides = false)
{
    // A worker whose answer was lost that it may send asks again after half a minute, or twice the deadline, at the latest.
    private static readonly TimeSpan Resent = TimeSpan.FromSeconds(90);

    private readonly HashSet<string> ready = [];
    private readonly List<FederatedMember> members = [];
    private readonly Dictionary<string, byte[]> changes = [];
    private readonly Dictionary<string, DateTimeOffset> heard = [];
    private DateTimeOffset? waitingSince;

    /// <summary>The round and the workers now; null before all have come.</summary>
    public Roster? Now { get; private set; }

    /// <summary>The sum of the last round.</summary>
    public (int Round, byte[] Sum)? Last { get; private set; }

    /// <summary>Whether changes of the roster may be sent: at once, or where they are hidden when all its workers are ready.</summary>
    public bool IsSending { get; private set; }

    /// <summary>Whether no worker is left, so that the run's name can be used anew.</summary>
    public bool IsEmpty => members.Count == 0;

    /// <summary>A worker comes, or asks again whether all have.</summary>
    /// <returns>Why it may not; null where it may.</returns>
    public string? Join(FederatedMember member, DateTimeOffset now)
    {
        if (members.Any(other => other.Worker == member.Worker))
        {
            Hear(member.Worker, now);
            return null;
        }

        if (Now is not null)
            return "it has begun, and takes no more workers";
        members.Add(member);
        heard[member.Worker] = now;
        if (members.Count == workers)
            Begin(new(0, 0, [.. members]));
        return null;
    }

    /// <summary>A worker is there, and works on its own data.</summary>
    public void Hear(string worker, DateTimeOffset now)
    {
        if (heard.ContainsKey(worker))
            heard[worker] = now;
    }

    /// <summary>A worker has its change and waits for the others; what belongs to another try is not looked at.</summary>
    public void Ready(string worker, int round, int attempt, DateTimeOffset now)
    {
        if (IsSending || !IsOfNow(worker, round, attempt))
            return;
        Hear(worker, now);
        ready.Add(worker);
        IsSending = ready.Count == members.Count;
        // From here on all are waited for anew: what is to come is one message.
        waitingSince = IsSending ? now : waitingSince ?? now;
    }

    /// <summary>A worker sends its change; what belongs to another try is not looked at.</summary>
    /// <exception cref="ArgumentException">The change has another length, and would end the worker that completes the round.</exception>
    public void Take(string worker, int round, int attempt, byte[] change, DateTimeOffset now)
    {
        if (change.Length != bytes)
            throw new ArgumentException($"The change of worker '{worker}' has {change.Length} bytes; one of this run has {bytes}.", nameof(change));
        if (!IsSending || !IsOfNow(worker, round, attempt))
            return;
        Hear(worker, now);
        changes[worker] = change;
        waitingSince ??= now;
        Finish();
    }

    /// <summary>A worker leaves.</summary>
    public void Leave(string worker)
    {
        if (Drop(member => member.Worker == worker) > 0 && Now is not null)
            Again();
    }

    /// <summary>
    /// Leaves out the workers for which the others have waited too long: before the start those that have ceased to ask, later those without a
    /// change. Where none of a run is heard for <see cref="Silence"/>, all have ended without a word.
    /// </summary>
    public void Expire(DateTimeOffset now)
    {
        if (Now is null)
        {
            Drop(member => now - heard[member.Worker] >= deadline);
            return;
        }

        if (waitingSince is { } since && now - since >= Patience)
        {
            Drop(member => !(IsSending ? changes.ContainsKey(member.Worker) : ready.Contains(member.Worker)));
            Again();
        }

        if (heard.Values.All(last => now - last >= Silence.Of(deadline)))
            Drop(_ => true);
    }

    /// <summary>The sum of changes of one length.</summary>
    public static byte[] Sum(IReadOnlyList<byte[]> changes)
    {
        var sum = new byte[changes[0].Length];
        var to = MemoryMarshal.Cast<byte, uint>(sum.AsSpan());
        foreach (var change in changes)
        {
            var from = MemoryMarshal.Cast<byte, uint>(change.AsSpan());
            for (var place = 0; place < to.Length; place++)
                to[place] = unchecked(to[place] + from[place]);
        }

        return sum;
    }

    private int Drop(Func<FederatedMember, bool> which)
    {
        var gone = members.Where(which).ToArray();
        foreach (var member in gone)
        {
            members.Remove(member);
            heard.Remove(member.Worker);
        }

        return gone.Length;
    }

    private TimeSpan Patience =>
        !hides || !IsSending || deadline >= Resent ? deadline : 3 * deadline < Resent ? 3 * deadline : Resent;

    private bool IsOfNow(string worker, int round, int attempt) =>
        Now is { } roster && (round, attempt) == (roster.Round, roster.Attempt) && roster.Members.Any(member => member.Worker == worker);

    // Masks are between the workers of a roster: without one of them all send anew, hidden changes in the next round, which are others.
    private void Again() => Begin(new(Now!.Round + (hides && IsSending ? 1 : 0), Now.Attempt + 1, [.. members]));

    private void Begin(Roster roster)
    {
        changes.Clear();
        ready.Clear();
        (IsSending, waitingSince, Now) = (!hides, null, roster);
    }

    private void Finish()
    {
        if (changes.Count < members.Count)
            return;
        Last = (Now!.Round, Sum([.. Now.Members.Select(member => changes[member.Worker])]));
        Begin(new(Now.Round + 1, Now.Attempt, [.. members]));
    }
}
