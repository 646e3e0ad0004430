using Orleans;
using Orleans.Concurrency;
using Orleans.Runtime;

namespace MappingNets;

/// <summary>
/// One federated run. All know the names of all; a worker speaks with a secret of which its name is the hash, so that none speaks for another.
/// </summary>
internal interface IFederationGrain : IGrainWithStringKey
{
    /// <summary>A worker comes, or asks again whether all have.</summary>
    Task<FederatedReply> Join(string secret, FederatedMember member, FederatedTerms terms);

    /// <summary>A worker has its change of a round, which is to be hidden, and waits until it may be sent.</summary>
    Task<FederatedReply> Ready(string secret, int round, int attempt);

    /// <summary>A worker sends its change of a round, and waits for the sum.</summary>
    [ResponseTimeout(LongCall.Timeout)]
    Task<FederatedReply> Submit(string secret, int round, int attempt, byte[] change);

    /// <summary>A worker lives, and works on its own data.</summary>
    Task Hear(string secret);

    /// <summary>A worker leaves.</summary>
    Task Leave(string secret);
}

/// <summary>The grain: holds the members of a run and the sum of its round, in memory.</summary>
[Reentrant]
internal sealed class FederationGrain(TimeProvider? time = null) : Grain, IFederationGrain
{
    private readonly TimeProvider time = time ?? TimeProvider.System;
    private Federation? federation;
    private FederatedTerms? terms;
    private IGrainTimer? timer;
    private TaskCompletionSource changed = New();

    public async Task<FederatedReply> Join(string secret, FederatedMember member, FederatedTerms joining)
    {
        if (FederatedMember.NameOf(secret) != member.Worker)
            return new($"worker '{member.Worker}' does not have the secret of that name", [], null);
        // Each of the others computes with them: a wrong one would end their runs, not that of who sent it.
        if (member.Samples < 1)
            return new(FormattableString.Invariant($"worker '{member.Worker}' has {member.Samples} samples; it takes one at least"), [], null);
        if (!ChangeMask.IsPublicKey(member.PublicKey))
            return new($"the public key of worker '{member.Worker}' is no point of P-256 as SubjectPublicKeyInfo", [], null);
        if (federation is null)
        {
            (federation, terms) = (new(joining.Workers, joining.Deadline, joining.Bytes, joining.HidesChanges), joining);
            var period = Silence.Look(joining.Deadline);
            timer?.Dispose();
            timer = this.RegisterGrainTimer(
                () =>
                {
                    federation?.Expire(time.GetUtcNow());
                    DropWhereEmpty();
                    Change();
                    return Task.CompletedTask;
                },
                new GrainTimerCreationOptions { DueTime = period, Period = period, Interleave = true, KeepAlive = true });
        }

        if (joining.DifferenceFrom(terms!) is { } difference)
            return new($"it has other settings: {difference}", [], null);
        if (federation.Join(member, time.GetUtcNow()) is { } refusal)
            return new(refusal, [], null);
        if (federation.Now is not null)
            Change();
        else
            await Changed();
        // Meanwhile the run may have been dropped and another begun under its name.
        return new(null, [], federation?.Now is { } begun && begun.Members.Any(other => other.Worker == member.Worker) ? begun : null);
    }

    public async Task<FederatedReply> Ready(string secret, int round, int attempt)
    {
        if (federation is null)
            return new(Lost(), [], null);
        var worker = FederatedMember.NameOf(secret);
        federation.Ready(worker, round, attempt, time.GetUtcNow());
        if (federation.IsSending || IsPast(round, attempt))
            Change();
        else
            await Changed();
        return Refused(worker) ?? new(null, [], federation!.IsSending || IsPast(round, attempt) ? federation.Now : null);
    }

    public async Task<FederatedReply> Submit(string secret, int round, int attempt, byte[] change)
    {
        if (federation is null)
            return new(Lost(), [], null);
        var worker = FederatedMember.NameOf(secret);
        federation.Take(worker, round, attempt, change, time.GetUtcNow());
        if (IsPast(round, attempt))
            Change();
        else
            await Changed();
        if (Refused(worker) is { } refusal)
            return refusal;
        var now = federation!.Now!;
        // A round ends when all have sent, so that the last sum is that of the round of who waits for it.
        return now.Round > round && federation.Last is { } last && last.Round == round ? new(null, last.Sum, now)
            : (now.Round, now.Attempt) == (round, attempt) ? new(null, [], null)
            : new(null, [], now);
    }

    public Task Hear(string secret)
    {
        federation?.Hear(FederatedMember.NameOf(secret), time.GetUtcNow());
        return Task.CompletedTask;
    }

    public Task Leave(string secret)
    {
        federation?.Leave(FederatedMember.NameOf(secret));
        DropWhereEmpty();
        Change();
        return Task.CompletedTask;
    }

    private bool IsPast(int round, int attempt) => federation?.Now is { } now && (now.Round, now.Attempt) != (round, attempt);

    private FederatedReply? Refused(string worker) => federation?.Now is { } now && now.Members.Any(member => member.Worker == worker) ? null
        : new("the others have gone on without this worker", [], null);

    private string Lost() => terms is not { } there ? "the silo that held it has ended"
        : $"no worker of it is left, and this one was not heard for {Silence.Of(there.Deadline):c} or kept the others waiting for {there.Deadline:c}";

    // A run without workers binds no one to its settings.
    private void DropWhereEmpty()
    {
        if (federation is not { IsEmpty: true })
            return;
        federation = null;
        timer?.Dispose();
    }

    private async Task Changed()
    {
        try
        {
            await changed.Task.WaitAsync(WaitingCall.Within(terms!.Deadline), time);
        }
        catch (TimeoutException)
        {
            // The worker asks again.
        }
    }

    private void Change()
    {
        var was = changed;
        changed = New();
        was.SetResult();
    }

    private static TaskCompletionSource New() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
