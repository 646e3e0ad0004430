namespace MappingNets;

/// <summary>A worker that takes part.</summary>
internal sealed class Member(string worker)
{
    /// <summary>Its name.</summary>
    public string Worker { get; } = worker;

    /// <summary>Whether it has asked and waits for an answer.</summary>
    public bool IsWaiting { get; set; }

    /// <summary>The digest of its parameters when it last asked.</summary>
    public ulong Digest { get; set; }

    /// <summary>Its parts, in order.</summary>
    public SortedSet<int> Parts { get; } = [];
}

/// <summary>Which worker computes which part. A part stays where it is as long as its worker lives, for the sake of its statistics.</summary>
internal sealed class Dealing(int parts)
{
    private readonly Member?[] owners = new Member?[parts];
    private readonly List<Member> members = [];
    private readonly Dictionary<string, Member> named = [];

    /// <summary>The workers, in the order in which they joined.</summary>
    public IReadOnlyList<Member> Members => members;

    /// <summary>A worker; null where it does not take part.</summary>
    public Member? Find(string worker) => named.GetValueOrDefault(worker);

    /// <summary>Who computes a part.</summary>
    public Member? OwnerOf(int part) => owners[part];

    /// <summary>Takes a worker in.</summary>
    public Member Join(string worker)
    {
        members.Add(named[worker] = new(worker));
        return members[^1];
    }

    /// <summary>Takes a worker out; its parts are nobody's.</summary>
    public void Drop(Member member)
    {
        members.Remove(member);
        named.Remove(member.Worker);
        foreach (var part in member.Parts)
            owners[part] = null;
        member.Parts.Clear();
    }

    /// <summary>Gives each part that is nobody's to who has fewest.</summary>
    /// <returns>Whether there were any.</returns>
    public bool Deal()
    {
        var isDealt = false;
        for (var part = 0; part < owners.Length; part++)
            if (owners[part] is null)
            {
                Give(part, members.MinBy(member => member.Parts.Count)!);
                isDealt = true;
            }

        return isDealt;
    }

    /// <summary>The same, and then takes parts from who has most until none has two more than another.</summary>
    public void DealEvenly()
    {
        if (members.Count == 0)
            return;
        Deal();
        for (; ; )
        {
            var (least, most) = (members.MinBy(member => member.Parts.Count)!, members.MaxBy(member => member.Parts.Count)!);
            if (most.Parts.Count - least.Parts.Count < 2)
                return;
            Give(most.Parts.Max, least);
        }
    }

    private void Give(int part, Member to)
    {
        owners[part]?.Parts.Remove(part);
        owners[part] = to;
        to.Parts.Add(part);
    }
}
