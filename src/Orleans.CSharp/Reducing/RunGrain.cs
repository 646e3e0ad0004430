using Orleans;
using Orleans.Concurrency;
using Orleans.Runtime;

namespace MappingNets;

/// <summary>One run: its reducer, and the state that outlives the silos.</summary>
internal interface IRunGrain : IGrainWithStringKey
{
    /// <summary>A worker joins, with its model at the start.</summary>
    [ResponseTimeout(LongCall.Timeout)]
    Task<JoinReply> Join(string worker, RunTerms terms);

    /// <summary>A worker that holds a model of the run joins again. It needs no state, whose way may be longer than the others wait.</summary>
    /// <returns>Why it may not, as a sentence; null where it may.</returns>
    Task<string?> Rejoin(string worker, RunTerms terms);

    /// <summary>A worker gives parts of a step, and waits for its record or for more to do.</summary>
    [ResponseTimeout(LongCall.Timeout)]
    Task<StepReply> Contribute(Contribution contribution);

    /// <summary>A worker lives, and computes.</summary>
    Task Hear(string worker);

    /// <summary>A worker tells a reducer that is new what the last steps came to. One that the run does not know is not heard.</summary>
    [ResponseTimeout(LongCall.Timeout)]
    Task Teach(string worker, long step, StepRecord[] records);

    /// <summary>A worker ends the run.</summary>
    /// <returns>Whether the run knows the worker; one that it does not know ends nothing, and joins again first where it may.</returns>
    Task<bool> End(string worker, long step, Divergence? divergence);

    /// <summary>A worker leaves.</summary>
    Task Leave(string worker);

    /// <summary>A worker gives the state after an epoch. That of an earlier run of the name with other terms is not kept.</summary>
    [ResponseTimeout(LongCall.Timeout)]
    Task Keep(long step, RunTerms terms, byte[] state);

    /// <summary>Forgets the run.</summary>
    Task Forget();
}

/// <summary>The grain: tells its reducer what happens, and passes the answers on.</summary>
[Reentrant]
internal sealed class RunGrain(
    [PersistentState("run", ClusterHosting.StorageName)] IPersistentState<KeptRun> kept, TimeProvider? time = null) : Grain, IRunGrain
{
    private readonly TimeProvider time = time ?? TimeProvider.System;
    private readonly Dictionary<string, TaskCompletionSource<StepReply>> waiting = [];

    // Workers that were let in with these terms and have not left, and when each was last heard. They may send whenever they come, also after the
    // reducer has dropped them; those that were heard lately hold the run's terms.
    private readonly Dictionary<string, DateTimeOffset> known = [];
    private RunTerms? terms;
    private StepReducer? reducer;
    private IGrainTimer? timer;

    public Task<JoinReply> Join(string worker, RunTerms joining) => Task.FromResult(
        LetIn(worker, joining) is { } refusal ? new JoinReply(refusal, false, [])
        : reducer!.Knows(kept.State.Step) ? new JoinReply(null, false, kept.State.State)
        : new JoinReply(null, true, []));

    public Task<string?> Rejoin(string worker, RunTerms joining) => Task.FromResult(LetIn(worker, joining));

    public async Task<StepReply> Contribute(Contribution contribution)
    {
        // A new activation, or a run that others have begun with other terms meanwhile, which the worker does not know of: it joins again, and
        // goes on where it is or is refused.
        if (reducer is null || !known.ContainsKey(contribution.Worker))
            return StepReply.Of(ReplyKind.Rejoin);
        known[contribution.Worker] = time.GetUtcNow();
        Watch();
        var answer = new TaskCompletionSource<StepReply>(TaskCreationOptions.RunContinuationsAsynchronously);
        if (waiting.Remove(contribution.Worker, out var older))
            older.TrySetResult(StepReply.Of(ReplyKind.Again));
        waiting[contribution.Worker] = answer;
        try
        {
            reducer.Take(contribution, time.GetUtcNow());
        }
        catch (ArgumentException)
        {
            waiting.Remove(contribution.Worker);
            throw;
        }

        PassOn();
        return await Answered(contribution.Worker, answer);
    }

    public Task Hear(string worker)
    {
        if (known.ContainsKey(worker))
            known[worker] = time.GetUtcNow();
        return Task.CompletedTask;
    }

    // A call may come when its worker's run is over and others have begun one of the same name. What belongs to that earlier run has no place here.
    public Task Teach(string worker, long step, StepRecord[] records) =>
        known.ContainsKey(worker) ? Told(run => run.Learn(step, records, time.GetUtcNow())) : Task.CompletedTask;

    public async Task<bool> End(string worker, long step, Divergence? divergence)
    {
        if (!known.ContainsKey(worker))
            return false;
        await Told(run => run.End(step, divergence));
        return true;
    }

    public Task Leave(string worker)
    {
        known.Remove(worker);
        var told = Told(run => run.Leave(worker, time.GetUtcNow()));
        RestWhereEmpty();
        return told;
    }

    public async Task Keep(long step, RunTerms keeping, byte[] state)
    {
        if (IsOfAnotherRun(keeping))
            return;
        if (step <= kept.State.Step)
        {
            // The reducer may be newer than what is kept.
            reducer?.Kept(step);
            return;
        }

        var before = kept.State;
        kept.State = KeptRun.Of(keeping, step, state);
        try
        {
            await kept.WriteStateAsync();
        }
        catch
        {
            // The worker tries again.
            kept.State = before;
            throw;
        }

        reducer?.Kept(step);
    }

    public async Task Forget()
    {
        await kept.ClearStateAsync();
        kept.State = new();
        timer?.Dispose();
        known.Clear();
        (reducer, terms, timer) = (null, null, null);
        DeactivateOnIdle();
    }

    private string? LetIn(string worker, RunTerms joining)
    {
        if ((terms ?? kept.State.ReadTerms()) is { } there && joining.DifferenceFrom(there) is { } difference)
        {
            // A run that nobody takes part in and that left nothing behind binds no one; one that left a state can become longer.
            var isBound = IsHeardBeside(worker) || (reducer is { Workers: > 0 } && !(reducer.IsOver && reducer.IsSilent(time.GetUtcNow())));
            var refusal = isBound ? difference : kept.State.Step > 0 ? joining.RefusalToGoOnFrom(there, kept.State.Step) : null;
            if (refusal is not null)
                return refusal;
            Renew();
        }

        // What was ended begins anew for workers that come later. To one that was in it, however late it is, it stays ended: it would train on alone.
        if (reducer is { IsEnded: true, Workers: 0 } && !known.ContainsKey(worker) && !IsHeardBeside(worker))
            Renew();
        else if (reducer is not null && !reducer.Knows(kept.State.Step) && reducer.IsSilent(time.GetUtcNow()))
            reducer = reducer.From(kept.State.Step);
        Begin(joining);
        known[worker] = time.GetUtcNow();
        return null;
    }

    // Where nobody has joined since the grain was activated, the kept state's run goes on, maybe with more epochs.
    private bool IsOfAnotherRun(RunTerms keeping) => terms is not null
        ? keeping.DifferenceFrom(terms) is not null
        : kept.State.ReadTerms() is { } there && keeping.RefusalToGoOnFrom(there, kept.State.Step) is not null;

    private bool IsHeardBeside(string worker) => known.Any(other => other.Key != worker && time.GetUtcNow() - other.Value < terms!.Deadline);

    private void Renew()
    {
        reducer = null;
        known.Clear();
    }

    private Task Told(Action<StepReducer> what)
    {
        if (reducer is not null)
        {
            what(reducer);
            PassOn();
        }

        return Task.CompletedTask;
    }

    private void Begin(RunTerms joining)
    {
        if (reducer is null)
            (terms, reducer) = (joining, new(joining, kept.State.Step));
        Watch();
    }

    private void Watch()
    {
        if (timer is not null)
            return;
        var period = Silence.Look(terms!.Deadline);
        timer = this.RegisterGrainTimer(Tick, new GrainTimerCreationOptions { DueTime = period, Period = period, Interleave = true, KeepAlive = true });
    }

    private Task Tick()
    {
        var now = time.GetUtcNow();
        reducer?.Expire(now);
        PassOn();
        // All have ended without a word, such as clients of a silo that lasts. Nobody waits for them then, so that the reducer drops none of them.
        if (known.Values.All(heard => now - heard >= Silence.Of(terms!.Deadline)))
        {
            reducer?.DropAll();
            RestWhereEmpty();
        }

        return Task.CompletedTask;
    }

    // What nobody takes part in need not stay in memory: Orleans deactivates it when it has been idle.
    private void RestWhereEmpty()
    {
        if (reducer is not { Workers: 0 })
            return;
        timer?.Dispose();
        timer = null;
    }

    // A call ends by itself, whatever becomes of the run: see WaitingCall.
    private async Task<StepReply> Answered(string worker, TaskCompletionSource<StepReply> answer)
    {
        try
        {
            return await answer.Task.WaitAsync(WaitingCall.Within(terms!.Deadline), time);
        }
        catch (TimeoutException)
        {
            if (!answer.Task.IsCompleted)
            {
                reducer?.AskAgain(worker);
                PassOn();
            }

            // Nobody knows a worker that has left, or that came before the run was forgotten.
            if (answer.TrySetResult(StepReply.Of(ReplyKind.Again)))
                waiting.Remove(worker);
            return await answer.Task;
        }
    }

    private void PassOn()
    {
        foreach (var (worker, reply) in reducer?.TakeDue() ?? [])
            if (waiting.Remove(worker, out var call))
                call.TrySetResult(reply);
    }
}
