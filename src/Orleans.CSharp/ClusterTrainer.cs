using System.Globalization;
using Orleans;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>
/// Trains a model together with other workers, synchronously and data-parallel: each step of
/// <see cref="TrainingOptions.GradientAccumulation"/> batches is dealt out to the workers, who send the gradient of the trained parameters
/// (8 KB for a latent of 2,048, whatever the network) and all take the same step. No worker is special; each ends with the same model.
/// </summary>
/// <remarks>
/// The trained parameters have the bits of <see cref="Trainer"/> with the same options in one process, whatever the number of workers, also
/// when some fail, join or leave on the way (on machines of one kind with as many threads of libtorch, where sums round alike). Running statistics, such as
/// those of batch norm, are each part's own within an epoch and the mean over the parts after it; a part that changes its worker starts
/// them from the epoch's start.
/// </remarks>
/// <example>
/// <code>
/// // The same program on each machine:
/// builder.UseOrleans(silo => silo.UseRedisClustering("store:6379").AddRedisGrainStorage(ClusterHosting.StorageName, ...).AddMappingNetsTraining());
/// ...
/// var trainer = new ClusterTrainer(
///     host.Services.GetRequiredService&lt;IClusterClient>(), "run 1", model, new TrainingOptions { BatchSize = 43, GradientAccumulation = 3 },
///     new ClusterTrainingOptions { Workers = 3 });
/// var report = await trainer.FitAsync(train);
/// </code>
/// </example>
public sealed class ClusterTrainer
{
    private readonly IGrainFactory cluster;
    private readonly string run;
    private readonly Model model;
    private readonly TrainingOptions options;
    private readonly ClusterTrainingOptions clusterOptions;
    private readonly Trainer trainer;
    private readonly WorkerFigures figures = new();

    /// <summary>A worker of a run.</summary>
    /// <param name="cluster">The cluster, such as the IClusterClient or IGrainFactory of a host with a silo.</param>
    /// <param name="run">The run's name, not blank: workers of one name train together.</param>
    /// <param name="model">The model, built alike by every worker; the trainer does not own it.</param>
    /// <param name="options">How to train, the same for every worker; the defaults where none are given.</param>
    /// <param name="clusterOptions">How the workers train together, the same for every worker; the defaults where none are given.</param>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of range; its name is the exception's argument.</exception>
    /// <exception cref="ArgumentException">The run's name is blank, or two options do not go together.</exception>
    public ClusterTrainer(
        IGrainFactory cluster, string run, Model model, TrainingOptions? options = null, ClusterTrainingOptions? clusterOptions = null)
    {
        ArgumentNullException.ThrowIfNull(cluster);
        ArgumentException.ThrowIfNullOrWhiteSpace(run);
        trainer = new(model, options);
        (this.cluster, this.run, this.model) = (cluster, run, model);
        (this.options, this.clusterOptions) = (options ?? new(), clusterOptions ?? new());
        this.clusterOptions.Check(this.options);
    }

    /// <summary>How many workers the run had when this one last heard of it; 0 before.</summary>
    public int Workers => figures.Workers;

    /// <summary>How many bytes of gradients and statistics this worker has sent.</summary>
    public long BytesSent => figures.Sent;

    /// <summary>How many bytes of gradients and statistics this worker has received.</summary>
    public long BytesReceived => figures.Received;

    /// <summary>
    /// Trains with the other workers of the run to its end. A worker that joins a run which has begun takes over what has been trained. The
    /// state is kept in the silo's storage after each epoch; where all silos end, the run goes on after the last of these. Called again after
    /// the run's end it only gives the result, or, with more epochs and a model at its start, trains on, as a resume file does.
    /// <see cref="ForgetAsync"/> forgets a run.
    /// </summary>
    /// <param name="training">The training set, the same for every worker.</param>
    /// <param name="validation">Data for model selection only, the same for every worker, which all evaluate; where null, the options' share of the training set is held out.</param>
    /// <param name="progress">Told of every step of the run, also those that this worker catches up with.</param>
    /// <param name="cancellation">Takes this worker out of the run, which the others go on with.</param>
    /// <returns>The run's history and figures, the same for every worker but for times and memory.</returns>
    /// <exception cref="ArgumentException">As for <see cref="Trainer.Fit"/>; or the run has other settings, which the message names.</exception>
    /// <exception cref="NotSupportedException">
    /// The optimiser cannot write down what it remembers; or passes of training move a buffer that is neither of floating-point numbers nor a batch norm's
    /// count or a dropout's place, whose movements in the other workers' parts this one cannot know.
    /// </exception>
    /// <exception cref="InvalidOperationException">
    /// A message would be longer than this client's or the silos' may be (<see cref="ClusterHosting.AddMappingNetsTraining(Orleans.Hosting.IClientBuilder)"/>).
    /// </exception>
    /// <exception cref="ObjectDisposedException">The model, a teacher or the data is disposed.</exception>
    /// <exception cref="TrainingDivergedException">A loss or gradient of any worker is not finite; every worker throws it.</exception>
    /// <exception cref="ClusterUnavailableException">The cluster does not answer.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public Task<TrainingReport> FitAsync(
        Dataset training,
        Dataset? validation = null,
        IProgress<TrainingProgress>? progress = null,
        CancellationToken cancellation = default) =>
        Task.Factory.StartNew(
            () => trainer.Prepared(training, validation, (kept, held) => Run(kept, held, progress, cancellation)),
            cancellation, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    /// <summary>Forgets a run and its kept state, so that its name can be used anew. Call it when no worker takes part.</summary>
    /// <param name="cluster">The cluster.</param>
    /// <param name="run">The run's name.</param>
    public static Task ForgetAsync(IGrainFactory cluster, string run)
    {
        ArgumentNullException.ThrowIfNull(cluster);
        ArgumentException.ThrowIfNullOrWhiteSpace(run);
        return cluster.GetGrain<IRunGrain>(run).Forget();
    }

    // As the passes themselves are told: with frozen statistics they leave all buffers alone.
    private bool MovesBuffers => !(options.FrozenStatistics ?? model.DefaultFrozenStatistics);

    private TrainingReport Run(
        Dataset training, Dataset? validation, IProgress<TrainingProgress>? progress, CancellationToken cancellation)
    {
        var worker = $"{Environment.MachineName} {Environment.ProcessId} {Guid.NewGuid():N}";
        var line = new ClusterLine<IRunGrain>(
            cluster.GetGrain<IRunGrain>(run), clusterOptions.Deadline, clusterOptions.Patience, cancellation, MessageLimit.Of(cluster));
        using var presence = Presence.Of(line, clusterOptions.Deadline, grain => grain.Hear(worker));
        var start = model.CaptureState();
        try
        {
            var terms = Terms(training, validation);
            line.RequireRoom("The gradient of a step", terms.Gradients + terms.Statistics);
            if (line.IsLimited)
                line.RequireRoom("The state after an epoch", StateLength.AtLeast(model, options));
            for (; ; )
            {
                var store = new ClusterRunStore(line, run, terms, Joined(line, worker, terms));
                try
                {
                    var isStopped = false;
                    var report = new TrainingRun(
                        model, Heard(Stop), training, validation, progress, cancellation, store,
                        (parts, parameters) =>
                        {
                            // The kept state is in the model by now.
                            KeepFrozen(start);
                            return store.Gradients = new(line, worker, terms, new(model.State, MovesBuffers), parts, parameters, figures);
                        }).Run();
                    // Again: a grain that was activated anew meanwhile does not know of it.
                    if (isStopped)
                        store.Gradients!.End(report.Steps, null);
                    return report;

                    // At once: this worker may evaluate longer than the others wait for it, and these would go on without it.
                    void Stop(long steps)
                    {
                        isStopped = true;
                        store.Gradients!.End(steps, null);
                    }
                }
                catch (ReplicaLostException)
                {
                    model.RestoreState(start);
                }
                finally
                {
                    store.Gradients?.Dispose();
                    // Once more: the best or the last good state may be a kept one, too.
                    KeepFrozen(start);
                }
            }
        }
        finally
        {
            foreach (var tensor in start)
                tensor.Dispose();
            line.TryTellAsync(grain => grain.Leave(worker)).GetAwaiter().GetResult();
        }
    }

    /// <summary>
    /// Gives the model the buffers of its start where none moves: earlier builds counted batches although statistics were frozen, and kept the counts.
    /// </summary>
    /// <param name="start">All that training changes, at its start.</param>
    private void KeepFrozen(IReadOnlyList<Tensor> start)
    {
        if (MovesBuffers)
            return;
        using var noGradient = no_grad();
        foreach (var (buffer, own) in model.State.Tensors.Zip(start.Skip(model.Trainables.Count)))
            buffer.copy_(own);
    }

    private static byte[] Joined(ClusterLine<IRunGrain> line, string worker, RunTerms terms)
    {
        for (; ; )
        {
            var reply = line.Ask(grain => grain.Join(worker, terms));
            if (reply.Refusal is { } difference)
                throw new ArgumentException($"The run has other settings: {difference}. Give it the same, or another name.", "options");
            if (!reply.IsToWait)
                return reply.State;
            line.Pause();
        }
    }

    /// <summary>The options with callbacks that tell when one of them stops the run, and after how many steps of it.</summary>
    private TrainingOptions Heard(Action<long> stopped)
    {
        return options with { OnStep = Telling(options.OnStep), OnEpoch = Telling(options.OnEpoch) };

        Func<TrainingProgress, TrainingSignal>? Telling(Func<TrainingProgress, TrainingSignal>? callback) => callback is null ? null : progress =>
        {
            var signal = callback(progress);
            if (signal == TrainingSignal.Stop)
                stopped(((progress.Epoch - 1L) * progress.StepsPerEpoch) + progress.Step);
            return signal;
        };
    }

    private RunTerms Terms(Dataset training, Dataset? validation)
    {
        using var loss = new StepLoss(model, options);
        var settings = new Dictionary<string, string>(RunIdentity.Settings(model, options, training, validation))
        {
            [Agreement.StartName] = Agreement.Start(model),
            ["number of workers that the first step waits for"] = clusterOptions.Workers.ToString(CultureInfo.InvariantCulture),
            ["deadline"] = clusterOptions.Deadline.ToString("c", CultureInfo.InvariantCulture),
            ["combination of gradients"] = clusterOptions.Combination.ToString(),
            ["largest norm of a part's gradient"] = clusterOptions.ClipPartNorm?.ToString(CultureInfo.InvariantCulture) ?? "none",
        };
        var parameters = TrainingRun.OptimisedParameters(model, loss);
        return new(
            training.Count, options.BatchSize, options.GradientAccumulation, options.Epochs,
            FlatTensors.BytesOf(parameters),
            clusterOptions.Workers, clusterOptions.Deadline, clusterOptions.Combination, clusterOptions.ClipPartNorm, settings,
            Agreement.Probe(model), parameters.Count, PartBuffers.BytesOf(model.State, MovesBuffers),
            options.LengthBound, options.AllMetrics.Count);
    }
}
