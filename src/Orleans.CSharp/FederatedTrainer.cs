using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Orleans;

namespace MappingNets;

/// <summary>
/// Trains a model together with workers whose data stay with them: in each round every worker takes some steps on its own data, and the
/// changes of the trained parameters are averaged, weighted by the workers' numbers of samples (federated averaging, McMahan et al. 2017); with
/// <see cref="FederatedOptions.NoiseMultiplier"/> all weigh the same.
/// A round sends 4 bytes for each trained parameter each way, 8 KB for a latent of 2,048, whatever the network.
/// </summary>
/// <remarks>
/// Every worker that stays to the last round ends with the same trained parameters, to the bit. Buffers such as running statistics stay each worker's own,
/// and optimisers begin each round anew. The run lives in its silo's memory: where that silo ends, the run ends with an exception.
/// </remarks>
public sealed class FederatedTrainer
{
    private readonly IGrainFactory cluster;
    private readonly string run;
    private readonly Model model;
    private readonly TrainingOptions local;
    private readonly FederatedOptions options;

    /// <summary>A worker of a federated run.</summary>
    /// <param name="cluster">The cluster.</param>
    /// <param name="run">The run's name, not blank.</param>
    /// <param name="model">The model, built alike by every worker; the trainer does not own it.</param>
    /// <param name="local">
    /// How each worker trains in a round. Its schedule must be <see cref="LearningRateSchedule.Constant"/>: optimisers and schedules begin anew with each
    /// round, so that no other would get beyond its first steps. The number of epochs is not looked at; what holds samples out or chooses among epochs is
    /// refused.
    /// </param>
    /// <param name="options">How the workers train together.</param>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of range.</exception>
    /// <exception cref="ArgumentException">The name is blank, two options do not go together, or one of the local ones does not fit rounds.</exception>
    public FederatedTrainer(IGrainFactory cluster, string run, Model model, TrainingOptions local, FederatedOptions options)
    {
        ArgumentNullException.ThrowIfNull(cluster);
        ArgumentException.ThrowIfNullOrWhiteSpace(run);
        ArgumentNullException.ThrowIfNull(local);
        ArgumentNullException.ThrowIfNull(options);
        _ = new Trainer(model, local);
        options.Check();
        if (local.Schedule != LearningRateSchedule.Constant)
            throw new ArgumentException(
                $"The schedule '{local.Schedule.Name}' would begin anew with each round of {options.LocalSteps} steps, as optimisers do, and never get beyond these; "
                + $"use {nameof(LearningRateSchedule)}.{nameof(LearningRateSchedule.Constant)}.",
                nameof(local));
        if ((local.ValidationFraction != 0 ? nameof(local.ValidationFraction) : local.AverageLastEpochs is not null ? nameof(local.AverageLastEpochs)
            : local.EarlyStoppingPatience is not null ? nameof(local.EarlyStoppingPatience) : local.RestoreBest ? nameof(local.RestoreBest) : null) is { } unfit)
            throw new ArgumentException(
                $"A round is {options.LocalSteps} steps on all of a worker's data, with no epochs to choose among and nothing held out; {unfit} does not go with it.",
                nameof(local));
        (this.cluster, this.run, this.model, this.local, this.options) = (cluster, run, model, local, options);
    }

    /// <summary>
    /// Trains to the last round, or until a callback of the local options says <see cref="TrainingSignal.Stop"/>: this takes the worker out of the run, which
    /// the others go on with. Its model keeps the steps that it has taken since the last round.
    /// </summary>
    /// <param name="training">This worker's own data, which no one else sees.</param>
    /// <param name="progress">
    /// Told of each round, from 1, once its mean is in the model; or once it ended without one, as <see cref="FederatedOptions.HidesChanges"/> says, and the
    /// model is where it was before.
    /// </param>
    /// <param name="cancellation">Takes this worker out of the run.</param>
    /// <exception cref="ArgumentException">The data does not fit, or the run has other settings or has begun.</exception>
    /// <exception cref="InvalidOperationException">
    /// A change exceeds <see cref="FederatedOptions.Range"/>, alone or with its noise, or is longer than a message of this client or the silos may be
    /// (<see cref="ClusterHosting.AddMappingNetsTraining(Orleans.Hosting.IClientBuilder)"/>), this worker is the last one and its change has none to hide among
    /// (<see cref="FederatedOptions.HidesChanges"/>), the others have gone on without it, or the run's silo has ended.
    /// </exception>
    /// <exception cref="TrainingDivergedException">A loss or gradient is not finite.</exception>
    /// <exception cref="ClusterUnavailableException">The cluster does not answer.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public Task FitAsync(Dataset training, IProgress<int>? progress = null, CancellationToken cancellation = default) => Task.Factory.StartNew(
        () => Run(training, progress, cancellation), cancellation, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    private void Run(Dataset training, IProgress<int>? progress, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(training);
        using var mask = new ChangeMask();
        var line = new ClusterLine<IFederationGrain>(
            cluster.GetGrain<IFederationGrain>(run), options.Deadline, options.Patience, cancellation, MessageLimit.Of(cluster));
        // All are told it. Under noise it is no weight, and would tell of the data what the noise is to hide.
        var samples = options.NoiseMultiplier is null ? training.Count : Math.Min(training.Count, 1);
        var secret = RandomNumberGenerator.GetHexString(64);
        var self = new FederatedMember(FederatedMember.NameOf(secret), samples, mask.PublicKey);
        using var presence = Presence.Of(line, options.Deadline, grain => grain.Hear(secret));
        try
        {
            var terms = FederatedTerms.Of(model, options);
            line.RequireRoom("The change of a round", terms.Bytes);
            Roster? roster = null;
            while (roster is null)
                roster = Accepted(line.Ask(grain => grain.Join(secret, self, terms)), "run").Next;
            for (var round = 0; round < options.Rounds; round++)
            {
                var before = Trained();
                if (!TakeLocalSteps(training, round, cancellation))
                    return;
                var change = Trained().Zip(before, (after, number) => after - number).ToArray();
                var reply = Averaged(line, secret, mask, roster, change);
                RequireOthers(options, run, reply.Next!);
                Put(reply.Sum.Length == 0 ? before : before.Zip(WholeNumbers.ToChange(reply.Sum, options), (number, mean) => number + mean).ToArray());
                roster = reply.Next!;
                progress?.Report(round + 1);
            }
        }
        finally
        {
            line.TryTellAsync(grain => grain.Leave(secret)).GetAwaiter().GetResult();
        }
    }

    /// <summary>The sum of the round and the roster of the next; no sum where the changes are hidden and a worker failed after the others had sent theirs.</summary>
    private FederatedReply Averaged(ClusterLine<IFederationGrain> line, string secret, ChangeMask mask, Roster roster, float[] change)
    {
        var worker = FederatedMember.NameOf(secret);
        if (options.HidesChanges)
        {
            var agreed = Agreed(line, secret, roster);
            if (agreed.Round > roster.Round)
                return new(null, [], agreed);
            roster = agreed;
        }

        var sent = Sent(change, options, run, roster, worker, mask);
        for (; ; )
        {
            var (round, attempt, bytes) = (roster.Round, roster.Attempt, sent);
            var reply = Accepted(line.Ask(grain => grain.Submit(secret, round, attempt, bytes)), null);
            if (reply.Sum.Length > 0 || reply.Next?.Round > round)
                return reply;
            if (reply.Next is not { } next)
                continue;
            if (options.HidesChanges)
                throw new InvalidOperationException(
                    "The federated run cannot go on: its silo asks for a hidden change a second time, and the two together would tell it.");
            // Without a worker that has failed: other weights.
            (roster, sent) = (next, Sent(change, options, run, next, worker, mask));
        }
    }

    /// <summary>
    /// The roster whose workers all have their changes, to send them once: the changes of the same round for two rosters would tell that of the worker
    /// which is in one of them alone. Or that of the next round, where a worker failed after this one was told so.
    /// </summary>
    private Roster Agreed(ClusterLine<IFederationGrain> line, string secret, Roster roster)
    {
        for (; ; )
        {
            RequireOthers(options, run, roster);
            var (round, attempt) = (roster.Round, roster.Attempt);
            var reply = Accepted(line.Ask(grain => grain.Ready(secret, round, attempt)), null);
            if (reply.Next is not { } next)
                continue;
            if (next.Round > round || (next.Round, next.Attempt) == (round, attempt))
                return next;
            roster = next;
        }
    }

    /// <summary>What a worker sends in a try at a round: its change, cut, with its share of the noise, weighted and masked, as the options say.</summary>
    /// <exception cref="InvalidOperationException">A number is out of range, or the change is to be hidden and there is no other.</exception>
    internal static byte[] Sent(float[] change, FederatedOptions options, string run, Roster roster, string worker, ChangeMask mask)
    {
        RequireOthers(options, run, roster);
        var weight = options.NoiseMultiplier is not null
            ? 1.0 / roster.Members.Length
            : roster.Members.Single(member => member.Worker == worker).Samples / roster.Members.Sum(member => (double)member.Samples);
        var sent = WholeNumbers.From(change, weight, options, roster.Members.Length);
        if (options.HidesChanges)
            mask.Apply(sent, run, roster, worker);
        return sent;
    }

    private static void RequireOthers(FederatedOptions options, string run, Roster roster)
    {
        if (options.HidesChanges && roster.Members.Length < 2)
            throw new InvalidOperationException(
                $"No other worker is left in the federated run '{run}', and a single change has none to hide among, as {nameof(FederatedOptions.HidesChanges)} "
                + $"asks; it was not sent. The model has what was learnt so far: begin a new run with others, or train on alone with {nameof(Trainer)}.");
    }

    private static FederatedReply Accepted(FederatedReply reply, string? argument) => reply.Refusal is not { } refusal ? reply
        : argument is null ? throw new InvalidOperationException($"The federated run cannot go on: {refusal}.")
        : throw new ArgumentException($"The federated run takes no part of this worker: {refusal}.", argument);

    // Whether the run goes on, or a callback of the user's ends it.
    private bool TakeLocalSteps(Dataset training, int round, CancellationToken cancellation)
    {
        var shape = StepShape.Of(local, training);
        var (left, isStopped) = (options.LocalSteps, false);
        var here = local with
        {
            Epochs = (options.LocalSteps + shape.StepsPerEpoch - 1) / shape.StepsPerEpoch,
            // Each round has orders of its own.
            Seed = unchecked(local.Seed + ((ulong)round << 32)),
            OnStep = at => IsStopped(local.OnStep, at) || --left == 0 ? TrainingSignal.Stop : TrainingSignal.Continue,
            OnEpoch = at => IsStopped(local.OnEpoch, at) ? TrainingSignal.Stop : TrainingSignal.Continue,
        };
        new Trainer(model, here).Fit(training, cancellation: cancellation);
        return !isStopped;

        bool IsStopped(Func<TrainingProgress, TrainingSignal>? callback, TrainingProgress at) => isStopped |= callback?.Invoke(at) == TrainingSignal.Stop;
    }

    private float[] Trained() => MemoryMarshal.Cast<byte, float>(FlatTensors.Read(model.Trainables)).ToArray();

    private void Put(float[] values) => FlatTensors.Write(MemoryMarshal.AsBytes(values.AsSpan()), model.Trainables);
}
