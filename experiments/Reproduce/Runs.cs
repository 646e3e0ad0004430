using MappingNets.Experiments.Reporting;
using Spectre.Console;

namespace MappingNets.Experiments.Reproduce;

/// <summary>
/// The one place where an experiment trains: it takes over what an earlier, interrupted command has finished, shows the progress,
/// and writes report.json and report.md after every run. Until it is disposed, no other command writes into the folder.
/// </summary>
internal sealed class Runs : IDisposable
{
    private const int MostEpochsShown = 12;

    private readonly IExperiment experiment;
    private readonly ExperimentOptions options;
    private readonly ExperimentData data;
    private readonly CancellationToken stop;
    private readonly RunClock clock;
    private readonly string command;
    private readonly ReportOrigin origin;
    private readonly List<RunRecord> finished = [];
    private readonly FileLock? ours;

    /// <summary>Starts with the report of the output folder where the options say to resume, otherwise with nothing.</summary>
    /// <param name="experiment">Whose runs they are.</param>
    /// <param name="options">The command line.</param>
    /// <param name="data">What runs are trained on that bring no data of their own; not owned.</param>
    /// <param name="planned">The runs to come, for the estimate of the time left; null where nobody knows.</param>
    /// <param name="stop">Stops between steps.</param>
    /// <exception cref="IOException">Another command writes into the folder.</exception>
    /// <exception cref="InvalidDataException">The folder holds runs that do not go with these.</exception>
    public Runs(
        IExperiment experiment, ExperimentOptions options, ExperimentData data, IReadOnlyList<RunPlan>? planned, CancellationToken stop)
    {
        (this.experiment, this.options, this.data, this.stop) = (experiment, options, data, stop);
        clock = new(planned?.Select(WorkOf).ToArray());
        var path = options.File("report.json");
        command = options.Describe(experiment.Name, null).Command;
        origin = ReportOrigin.Here();
        ours = Take(path);
        try
        {
            if (!options.Resume && File.Exists(path))
                RefuseToLose(ReportFile.Read(path), path, planned);
            Earlier = options.Resume && File.Exists(path) ? WithSources(ReportFile.Read(path)) : null;
            if (Earlier is not null && (Earlier.Dataset != options.DatasetName || (Earlier.Config?.Quick ?? false) != options.Quick))
                throw new InvalidDataException(
                    $"'{path}' holds results of another data set or of a {(options.Quick ? "full run, not a quick one" : "quick run")}; "
                    + "name another folder with --out, or leave --resume away to start anew.");
        }
        catch
        {
            ours?.Dispose();
            throw;
        }
    }

    /// <summary>Leaves the folder to other commands.</summary>
    public void Dispose() => ours?.Dispose();

    /// <summary>What an earlier command left in the output folder; null without --resume.</summary>
    public ReportFile? Earlier { get; }

    /// <summary>All runs that the report holds now: this command's, and before them others of an earlier one.</summary>
    public IReadOnlyList<RunRecord> All => [.. Others(), .. finished];

    /// <summary>The order of the rows in the report, by name; those that are not in it come first. Null leaves the order of training.</summary>
    public IReadOnlyList<string>? Order { get; init; }

    /// <summary>Adds to the report before it is written, such as pictures. Null adds nothing.</summary>
    public Func<ReportFile, ReportFile>? Decorate { get; init; }

    /// <summary>The file of a run's trained state.</summary>
    /// <param name="plan">The run.</param>
    public string Checkpoint(RunPlan plan) => options.File(plan.FileName + ".safetensors");

    /// <summary>Trains one run, or takes it from the earlier report.</summary>
    /// <param name="plan">The run.</param>
    /// <returns>Its record, which is in the report by then.</returns>
    /// <exception cref="OperationCanceledException">It was stopped; all finished epochs are kept for --resume.</exception>
    public RunRecord Train(RunPlan plan)
    {
        stop.ThrowIfCancellationRequested();
        using var model = plan.Create();
        var own = plan.Data ?? data;
        var settings = SettingsOf(plan, own, model);
        var title = FormattableString.Invariant($"{plan.Label}, seed {plan.Training.Seed}");
        if (Earlier?.Runs.FirstOrDefault(run => run.Row == plan.Row && Same(Comparable(run, settings), settings)) is { } done)
        {
            AnsiConsole.WriteLine($"{title}: taken from the report.");
            clock.Skip(WorkOf(plan));
            finished.Add(done);
            return done;
        }

        RefuseUnlike(plan, settings);
        clock.Start(WorkOf(plan));
        var steps = plan.Training.Epochs * ((own.Training.Count + plan.Training.BatchSize - 1) / plan.Training.BatchSize);
        using var snapshots = plan.Snapshots is { } count ? new SnapshotRecorder(model, Math.Max(1, steps / count)) : null;
        var trainings = new Trainings(snapshots is null ? plan : plan with { Watch = plan.Watch + snapshots.Watch }, own, options, clock, stop);
        var faculty = plan.IsTaught ? Teachers.For(options, own, stop) : [];
        try
        {
            // Now it is known which teachers they are.
            if (plan.IsTaught)
                RefuseUnlike(plan, settings = SettingsOf(plan, own, model));
            trainings.Fit(title, model, plan.IsTaught ? plan.Training with { Distillation = new(faculty, Teachers.Temperature) } : plan.Training);
        }
        finally
        {
            foreach (var teacher in faculty)
                teacher.Dispose();
        }

        var judged = plan.Then?.Invoke(new(model, plan.Training, (name, other, training) => trainings.Fit($"{title}, {name}", other, training)) { Snapshots = snapshots });
        using (ReferenceEquals(judged, model) ? null : judged)
        {
            var record = Record(plan, judged ?? model, own, trainings) with { Settings = settings, Command = command, Origin = origin };
            record = plan.Examine?.Invoke(judged ?? model, own, record) ?? record;
            finished.Add(plan.Finish?.Invoke(judged ?? model, record) ?? record);
        }

        clock.Finish();
        Write();
        trainings.Forget();
        return finished[^1];
    }

    /// <summary>What an earlier command left and this one was not asked for, and behind it what this one made.</summary>
    /// <param name="earlier">Of the earlier report; null where there is none.</param>
    /// <param name="made">Of this command.</param>
    /// <param name="key">What makes two of them the same, such as the seed.</param>
    public static T[] Joined<T, TKey>(IReadOnlyList<T>? earlier, IReadOnlyList<T> made, Func<T, TKey> key) =>
        [.. (earlier ?? []).Where(there => !made.Select(key).Contains(key(there))), .. made];

    /// <summary>Writes report.json and report.md with all that is finished.</summary>
    public ReportFile Write()
    {
        var all = All;
        var runs = Order is null ? all : [.. all.OrderBy(run => PlaceOf(run.Row))];
        var report = new ReportFile(options.DatasetName, runs)
        {
            Experiment = experiment.Name,
            Title = experiment.Summary,
            Config = options.Describe(experiment.Name, runs.Select(run => run.TrainingImages).Distinct().Count() == 1 ? runs[0].TrainingImages : null),
            Origin = origin,
            Summary = RunSummary.Of(runs),
            Trajectories = Earlier?.Trajectories,
            DimensionSearches = Earlier?.DimensionSearches,
            References = Earlier?.References,
        };
        report = Decorate?.Invoke(report) ?? report;
        report.Write(options.File("report.json"));
        AtomicFile.WriteAllText(options.File("report.md"), ReportPage.Of(report));
        return report;
    }

    // Two commands would each write what they had read and made themselves, and the last one would win.
    private static FileLock? Take(string path)
    {
        try
        {
            return FileLock.Take(path);
        }
        catch (IOException fault) when (fault is not DirectoryNotFoundException)
        {
            throw new IOException(
                $"Another command is writing its results into '{Path.GetFullPath(Path.GetDirectoryName(path)!)}'. Wait for it, or name another folder with --out. ({fault.Message})", fault);
        }
    }

    private RunRecord Record(RunPlan plan, Model model, ExperimentData own, Trainings trainings)
    {
        var checkpoint = Checkpoint(plan);
        RunFiles.Save(model, checkpoint);
        var train = Evaluation.Of(model, own.Training, cancellation: stop);
        var heldOut = Evaluation.Of(model, own.HeldOut, cancellation: stop);
        var test = Evaluation.Of(model, own.Test, cancellation: stop);
        var last = trainings.History[^1];
        return new(
            model.Method,
            model.Target.Name,
            model.Target.ParameterCount,
            model.TrainableCount,
            model.FixedWeightsName,
            plan.Training.Seed,
            trainings.History.Count,
            train.Accuracy,
            test.Accuracy,
            trainings.Last.MedianStepMilliseconds,
            trainings.Last.PeakMemoryBytes,
            new FileInfo(checkpoint).Length,
            [.. trainings.History.Select((epoch, index) => new EpochPoint(
                index + 1, epoch.TrainingLoss, epoch.TrainingAccuracy, epoch.ValidationAccuracy) { ValidationLoss = epoch.ValidationLoss }).Where(point => IsShown(point.Epoch, trainings.History.Count))])
        {
            Row = plan.Row,
            Label = plan.Label,
            HeldOutAccuracy = heldOut.Accuracy,
            TrainLoss = train.Loss,
            HeldOutLoss = heldOut.Loss,
            TestLoss = test.Loss,
            TrainingImages = own.Training.Count,
            Coefficients = last.Coefficients.Count == 0 ? null : last.Coefficients,
            TermSizes = last.Terms.Count == 0 ? null : last.Terms,
            Notes = plan.IsTaught ? Teachers.Notes(options) : plan.Notes,
        };
    }

    // Every second of twenty epochs, or every fiftieth of hundreds, draws the same curve.
    private static bool IsShown(int epoch, int of) => of <= MostEpochsShown || epoch == of || epoch % ((of + MostEpochsShown - 1) / MostEpochsShown) == 1;

    /// <summary>What an earlier command did and this one has not done again: other rows, and other seeds.</summary>
    private IEnumerable<RunRecord> Others() =>
        (Earlier?.Runs ?? []).Where(run => finished.All(other => other.Row != run.Row || other.Seed != run.Seed));

    /// <summary>A command that starts anew writes over its own runs only: what took hours is not lost to another one's.</summary>
    private void RefuseToLose(ReportFile there, string path, IReadOnlyList<RunPlan>? planned)
    {
        var other = there.Experiment != experiment.Name || there.Dataset != options.DatasetName || (there.Config?.Quick ?? false) != options.Quick;
        // A search makes its rows as it goes, for the seeds that it was given.
        var lost = there.Runs.Where(run => other || !(planned?.Any(plan => plan.Row == run.Row && plan.Training.Seed == run.Seed) ?? options.Seeds.Contains(run.Seed)))
            .ToArray();
        if (lost.Length > 0)
            throw new InvalidDataException(
                FormattableString.Invariant($"'{path}' holds {lost.Length} run{(lost.Length == 1 ? "" : "s")} that this command would not make again, ")
                + $"such as {lost[0].Label ?? lost[0].Method}, seed {lost[0].Seed}. "
                + (other ? "Name another folder with --out." : "--resume keeps them; --out names another folder."));
    }

    private IReadOnlyDictionary<string, string> SettingsOf(RunPlan plan, ExperimentData own, Model model)
    {
        var settings = plan.Describe(options, own, model);
        // Older reports do not say which pictures a folder held, or only of its test part, nor which network rows start from or are taught by.
        return Earlier?.Runs.FirstOrDefault(run => run.Row == plan.Row)?.Settings is { } older
            ? settings.Where(pair => !RunPlan.LaterSettings.Contains(pair.Key) || older.ContainsKey(pair.Key)).ToDictionary(pair => pair.Key, pair => pair.Value)
            : settings;
    }

    /// <summary>No mean is taken over unlike runs, no table has rows of several bases, and what is finished is not thrown away for either.</summary>
    private void RefuseUnlike(RunPlan plan, IReadOnlyDictionary<string, string> settings)
    {
        if (Earlier?.Runs.FirstOrDefault(run => IsUnlike(run, plan, settings)) is { } unlike)
        {
            var difference = unlike.Row == plan.Row
                ? Difference(WithoutSeed(Comparable(unlike, settings)), WithoutSeed(settings)!)
                : Difference(CommonOf(unlike.Settings), CommonOf(settings));
            throw new InvalidDataException(
                $"'{options.File("report.json")}' holds {unlike.Label ?? unlike.Method}, seed {unlike.Seed}, with other settings ({difference}). Name another folder with --out.");
        }
    }

    private static bool IsUnlike(RunRecord run, RunPlan plan, IReadOnlyDictionary<string, string> settings) => run.Row == plan.Row
        ? !Same(WithoutSeed(Comparable(run, settings)), WithoutSeed(settings))
        : CommonOf(run.Settings) is var there && CommonOf(settings).Any(pair => there.TryGetValue(pair.Key, out var other) && other != pair.Value);

    // What rows of one table have in common, where they have it: the test set, and the networks that they start from.
    private static IReadOnlyDictionary<string, string> CommonOf(IReadOnlyDictionary<string, string>? settings) =>
        (settings ?? new Dictionary<string, string>()).Where(pair => pair.Key is RunPlan.BaseSetting or RunPlan.DataSetting or RunPlan.NetworkSetting)
            .ToDictionary(pair => pair.Key, pair => pair.Value);

    // Teachers that are not there cannot be compared: a run that is finished does not need them. Nor can the packaged data set, which no command names.
    private static IReadOnlyDictionary<string, string>? Comparable(RunRecord run, IReadOnlyDictionary<string, string> settings) =>
        run.Settings?.Where(pair => settings.ContainsKey(pair.Key)
                || pair.Key is not (RunPlan.TeachersSetting or RunPlan.DataSetting or RunPlan.TrainingDataSetting))
            .ToDictionary(pair => pair.Key, pair => pair.Value);

    // Runs that had their command and origin from the report, as older ones did, must not get those of a later command.
    private static ReportFile WithSources(ReportFile report) => report with
    {
        Runs = [.. report.Runs.Select(run => run with { Command = run.Command ?? report.Config?.Command, Origin = run.Origin ?? report.Origin })],
    };

    private static string Difference(IReadOnlyDictionary<string, string>? there, IReadOnlyDictionary<string, string> here)
    {
        var changed = here.Keys.Union(there?.Keys ?? []).Where(key => there?.GetValueOrDefault(key) != here.GetValueOrDefault(key)).Take(3);
        return string.Join("; ", changed.Select(key => $"{key}: {there?.GetValueOrDefault(key) ?? "none"} there, {here.GetValueOrDefault(key) ?? "none"} here"));
    }

    private int PlaceOf(string? row)
    {
        for (var place = 0; place < Order!.Count; place++)
            if (Order[place] == row)
                return place;
        return -1;
    }

    private double WorkOf(RunPlan plan) => plan.Cost * plan.Training.Epochs * (plan.Data ?? data).Training.Count;

    private static IReadOnlyDictionary<string, string>? WithoutSeed(IReadOnlyDictionary<string, string>? settings) =>
        settings?.Where(pair => pair.Key != "seed").ToDictionary(pair => pair.Key, pair => pair.Value);

    private static bool Same(IReadOnlyDictionary<string, string>? one, IReadOnlyDictionary<string, string>? other) =>
        one is not null && other is not null && one.Count == other.Count
        && one.All(pair => other.TryGetValue(pair.Key, out var value) && value == pair.Value);
}
