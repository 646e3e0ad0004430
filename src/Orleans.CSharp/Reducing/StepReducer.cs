namespace MappingNets;

/// <summary>
/// Adds the parts of each step in their order, deals the parts out to the workers that live, and says to each what to do next. It
/// knows no clock and no network: what happens is told to it, with the time.
/// </summary>
/// <remarks>
/// The bits of a step depend on its parts alone. So every worker that computes a part, however often, gives the same record, and there is
/// one record of each step: a worker takes it once, because it takes records in the order of their steps from the state it has.
/// </remarks>
internal sealed class StepReducer
{
    /// <summary>About how many bytes of records are kept for workers that are behind.</summary>
    public const long KeptBytes = 64L << 20;

    private const long MostBytesInReply = 1L << 20;

    private readonly RunTerms terms;
    private readonly StepShape shape;
    private readonly PartForm form;
    private readonly Dealing dealing;
    private readonly RecordLog log;
    private readonly Dictionary<int, (Part Part, Member From)> gathered = [];
    private readonly List<(string Worker, StepReply Reply)> due = [];
    private bool isStarted;
    private DateTimeOffset? waitingSince;
    private DateTimeOffset heard = DateTimeOffset.MinValue;
    private (long Step, StepReply Reply)? end;

    // How many steps are done in the state that is not kept yet. Who was asked for it may have failed: every worker that takes the last of these steps later is asked.
    private long? owed;

    /// <summary>A reducer of a run.</summary>
    /// <param name="terms">What the workers agreed on.</param>
    /// <param name="step">How many steps are known to be done; a run that is not at its start does not wait for all its workers.</param>
    public StepReducer(RunTerms terms, long step)
    {
        (this.terms, shape, form) = (terms, terms.Shape, new(terms));
        (dealing, log, isStarted) = (new(terms.Parts), new(step, KeptBytes), step > 0);
    }

    /// <summary>A reducer of the same run that goes on at another step, of whose successors nothing is known; where the run was ended, it ends there again.</summary>
    public StepReducer From(long step) => new(terms, step) { end = end, isStarted = step > 0 || IsEnded };

    /// <summary>The step that is being gathered: how many are done.</summary>
    public long Step => log.Next;

    /// <summary>How many workers take part.</summary>
    public int Workers => dealing.Members.Count;

    /// <summary>Whether a worker takes part.</summary>
    public bool Has(string worker) => dealing.Find(worker) is not null;

    /// <summary>Whether the run was ended before its last step.</summary>
    public bool IsEnded => end is not null;

    /// <summary>Whether there is no step to gather any more.</summary>
    public bool IsOver => IsEnded || Step >= shape.Steps;

    /// <summary>
    /// Whether no worker has been heard of for as long as the others would wait for it: where nobody else can catch up with what it knew, the
    /// run goes on without that.
    /// </summary>
    public bool IsSilent(DateTimeOffset now) => now - heard >= terms.Deadline;

    /// <summary>Whether the records of all steps from one on are known.</summary>
    public bool Knows(long step) => log.Knows(step);

    /// <summary>The answers that have become due, each once.</summary>
    public IReadOnlyList<(string Worker, StepReply Reply)> TakeDue()
    {
        (string, StepReply)[] taken = [.. due];
        due.Clear();
        return taken;
    }

    /// <summary>Takes what a worker sends; its answer becomes due now or later.</summary>
    /// <exception cref="ArgumentException">A part is not of this run's form.</exception>
    public void Take(Contribution from, DateTimeOffset now)
    {
        foreach (var part in from.Parts)
            form.Require(part, from.Step);
        heard = now;
        if (from.Step < Step)
        {
            AnswerBehind(from.Worker, from.Step);
            return;
        }

        if (end is { } ended && from.Step >= ended.Step)
        {
            due.Add((from.Worker, ended.Reply));
            return;
        }

        if (from.Step > Step)
        {
            isStarted = true;
            due.Add((from.Worker, StepReply.Of(ReplyKind.Teach) with { First = Step }));
            return;
        }

        // It was told of more epochs than this reducer: it joins again, and is refused or makes the run longer.
        if (Step >= shape.Steps)
        {
            due.Add((from.Worker, StepReply.Of(ReplyKind.Lost)));
            return;
        }

        var member = dealing.Find(from.Worker) ?? dealing.Join(from.Worker);
        (member.IsWaiting, member.Digest) = (true, from.Digest);
        foreach (var part in from.Parts)
            if (!gathered.ContainsKey(part.Index) && (terms.Combination == GradientCombination.Mean || dealing.OwnerOf(part.Index) == member))
                gathered[part.Index] = (part, member);
        Settle(now, member);
    }

    /// <summary>Takes the records of a worker that is ahead of this reducer, which is then new.</summary>
    /// <param name="step">How many steps the worker has done.</param>
    /// <param name="records">What it knows of them, in order and without a gap; the first ones may be missing.</param>
    /// <param name="now">The time.</param>
    public void Learn(long step, IReadOnlyList<StepRecord> records, DateTimeOffset now)
    {
        heard = now;
        var before = Step;
        if (records.Count > 0 && records[0].Step > Step)
            log.JumpTo(records[0].Step);
        foreach (var record in records.Where(record => record.Step == Step))
            Add(record);
        if (Step < step)
            log.JumpTo(step);
        if (Step > before)
            Begin(now, completed: null);
    }

    /// <summary>The state after so many steps is kept.</summary>
    public void Kept(long step)
    {
        if (owed <= step)
            owed = null;
    }

    /// <summary>A worker leaves: what it still owes is dealt out anew.</summary>
    public void Leave(string worker, DateTimeOffset now)
    {
        if (dealing.Find(worker) is not { } member)
            return;
        dealing.Drop(member);
        Settle(now);
    }

    /// <summary>The run ends once so many steps are done.</summary>
    public void End(long step, Divergence? divergence)
    {
        end ??= (step, StepReply.Of(divergence is null ? ReplyKind.End : ReplyKind.Diverged) with { Divergence = divergence });
        foreach (var member in dealing.Members.Where(member => member.IsWaiting && Step >= end.Value.Step))
            Answer(member, end.Value.Reply);
    }

    /// <summary>Drops the workers for which the others have waited too long.</summary>
    public void Expire(DateTimeOffset now)
    {
        if (waitingSince is not { } since || now - since < terms.Deadline)
            return;
        waitingSince = null;
        foreach (var late in dealing.Members.Where(member => !member.IsWaiting && Missing(member).Length > 0).ToArray())
            dealing.Drop(late);
        Settle(now);
    }

    /// <summary>Drops all workers; what is known of the steps stays.</summary>
    public void DropAll()
    {
        foreach (var member in dealing.Members.ToArray())
            dealing.Drop(member);
        waitingSince = null;
    }

    /// <summary>A worker that waits is answered, so that its call does not look lost; it asks again.</summary>
    public void AskAgain(string worker)
    {
        if (dealing.Find(worker) is { IsWaiting: true } member)
            Answer(member, StepReply.Of(ReplyKind.Again) with { Workers = Workers });
    }

    // Where only one worker has asked and no part has changed hands, nobody else has anything new to do: with a thousand workers it matters.
    private void Settle(DateTimeOffset now, Member? only = null)
    {
        if (dealing.Members.Count == 0 || Step >= shape.Steps || Step >= end?.Step)
            return;
        if (!isStarted && dealing.Members.Count < terms.Workers)
            return;
        var isOnly = isStarted && only is not null;
        isStarted = true;
        isOnly &= !dealing.Deal();
        foreach (var member in isOnly ? [only!] : dealing.Members.Where(member => member.IsWaiting).ToArray())
            if (Missing(member) is { Length: > 0 } missing)
                Answer(member, new(ReplyKind.Compute, [], missing, Workers: Workers));
        if (gathered.Count == shape.Parts && DropsWhoDiffers())
            Settle(now);
        else if (gathered.Count == shape.Parts)
            Complete(now);
        else if (dealing.Members.Any(member => member.IsWaiting))
            waitingSince ??= now;
    }

    /// <summary>
    /// Replicas that took the same steps have the same bits, on one kind of machine. A worker that differs from most others is sent back
    /// to the kept state, and its parts are computed anew.
    /// </summary>
    private bool DropsWhoDiffers()
    {
        var digests = dealing.Members.Where(member => member.IsWaiting && member.Digest != 0).GroupBy(member => member.Digest)
            .OrderByDescending(group => group.Count()).ToArray();
        foreach (var member in digests.Skip(1).SelectMany(group => group))
        {
            Answer(member, StepReply.Of(ReplyKind.Lost));
            dealing.Drop(member);
            foreach (var index in gathered.Where(part => part.Value.From == member).Select(part => part.Key).ToArray())
                gathered.Remove(index);
        }

        return digests.Length > 1;
    }

    private void Complete(DateTimeOffset now)
    {
        var place = shape.Place(Step);
        var parts = Enumerable.Range(0, shape.Parts).Select(index => gathered[index].Part).ToArray();
        var trained = parts.Take(shape.PartsOf(place)).ToArray();
        var record = new StepRecord(
            Step,
            Combining.Combine(
                terms.Combination, terms.ClipPartNorm, [.. trained.Select(part => part.Gradient)], [.. trained.Select(part => shape.ShareOf(place, part.Index))]),
            [.. Enumerable.Range(0, trained[0].Present.Length).Select(index => trained.Any(part => part.Present[index]))],
            [.. trained.Select(part => part.Figures!)],
            Combining.Statistics(terms.Combination, parts.Select(part => part.Statistics)));
        Add(record);
        Begin(now, record);
    }

    private void Add(StepRecord record)
    {
        log.Add(record);
        if (shape.Place(record.Step).InEpoch == shape.StepsPerEpoch - 1)
            owed = Step;
    }

    // Members that wait have asked for a step that is done now.
    private void Begin(DateTimeOffset now, StepRecord? completed)
    {
        gathered.Clear();
        waitingSince = null;
        if (Step < shape.Steps)
            dealing.DealEvenly();
        var isKept = completed is not null && owed == Step;
        foreach (var member in dealing.Members.Where(member => member.IsWaiting).ToArray())
        {
            if (completed is null)
                Answer(member, StepReply.Of(ReplyKind.Again) with { Workers = Workers });
            else
                Answer(member, Answered([completed], member) with { KeepsState = isKept });
            // One is enough, but at the run's end, after which nobody would be left to ask.
            isKept &= Step >= shape.Steps;
        }

        Settle(now);
    }

    private void AnswerBehind(string worker, long step)
    {
        var records = log.From(step, MostBytesInReply);
        due.Add((worker, records.Length == 0 ? StepReply.Of(ReplyKind.Lost)
            : Answered(records, dealing.Find(worker)) with { KeepsState = records.Any(record => record.Step + 1 == owed) }));
    }

    private StepReply Answered(StepRecord[] records, Member? member) => new(
        ReplyKind.Records, records, records[^1].Step == Step - 1 && member is not null ? Missing(member) : [], Workers: Workers);

    private int[] Missing(Member member) =>
        isStarted ? [.. member.Parts.Where(index => !gathered.ContainsKey(index))] : [];

    private void Answer(Member member, StepReply reply)
    {
        member.IsWaiting = false;
        due.Add((member.Worker, reply));
    }
}
