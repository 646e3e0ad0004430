using System.Globalization;
using MappingNets.Experiments.Reporting;

namespace MappingNets.Experiments.Reproduce;

/// <summary>One training run to come.</summary>
/// <param name="Row">The row's name, such as "cnn2-slvt-2048": the same for all seeds.</param>
/// <param name="Label">What tables call the row.</param>
/// <param name="Create">Builds the untrained model: any <see cref="Model"/>, at the same start each time; disposed after the run.</param>
/// <param name="Training">How it is trained; its seed is the run's.</param>
internal sealed record RunPlan(string Row, string Label, Func<Model> Create, TrainingOptions Training)
{
    /// <summary>The setting that tells one folder's test data from another's.</summary>
    public const string DataSetting = "data";

    /// <summary>The setting that tells one folder's training data from another's.</summary>
    public const string TrainingDataSetting = "training data";

    /// <summary>The setting that tells one pretrained network from another.</summary>
    public const string NetworkSetting = "pretrained network";

    /// <summary>The setting that tells one network that rows start from, trained in the output folder, from another.</summary>
    public const string BaseSetting = "base";

    /// <summary>The setting that tells one group of teachers from another.</summary>
    public const string TeachersSetting = "teachers";

    /// <summary>The setting that names the learning rate of what <see cref="Then"/> trains.</summary>
    public const string ContinuedRateSetting = ResultRows.ContinuedRate;

    /// <summary>A learning rate as settings have it.</summary>
    /// <param name="rate">The rate.</param>
    public static string RateText(double rate) => rate.ToString(CultureInfo.InvariantCulture);

    /// <summary>The setting that names the modulation and its strength.</summary>
    public const string ModulationSetting = "modulation";

    /// <summary>What older reports do not say; a run of theirs is compared without it.</summary>
    public static readonly IReadOnlyList<string> LaterSettings =
        [DataSetting, TrainingDataSetting, NetworkSetting, BaseSetting, TeachersSetting, ContinuedRateSetting, ModulationSetting];

    /// <summary>Data of its own; null takes the experiment's.</summary>
    public ExperimentData? Data { get; init; }

    /// <summary>
    /// What is done with the trained model before it is judged: from it to the model that the record is about, itself or another one, which the run disposes.
    /// Null judges the trained model itself.
    /// </summary>
    public Func<Continuation, Model>? Then { get; init; }

    /// <summary>
    /// How many snapshots of the weights, at least, <see cref="Then"/> gets of the first training, where that has so many steps. Null takes none.
    /// </summary>
    public int? Snapshots { get; init; }

    /// <summary>Adds to the record what takes the data too. Null adds nothing.</summary>
    public Func<Model, ExperimentData, RunRecord, RunRecord>? Examine { get; init; }

    /// <summary>
    /// Adds to the record while the trained model is there, such as <see cref="RunRecord.Figures"/>; it may also go on with the
    /// model. Null adds nothing.
    /// </summary>
    public Func<Model, RunRecord, RunRecord>? Finish { get; init; }

    /// <summary>Whether <see cref="Teachers"/> teach it instead of the labels.</summary>
    public bool IsTaught { get; init; }

    /// <summary>
    /// The file of the network that the model starts from, where that was trained in the output folder; asked for once the model is created, which makes the
    /// file. Null where it starts from none.
    /// </summary>
    public Func<string>? Base { get; init; }

    /// <summary>Called after every step of the first training. A watched run is never continued in its midst, because the watcher would miss the beginning.</summary>
    public Action<TrainingProgress>? Watch { get; init; }

    /// <summary>Whatever else decides the result and is not in the model's description or the options, by name.</summary>
    public IReadOnlyDictionary<string, string> Settings { get; init; } = new Dictionary<string, string>();

    /// <summary>How much longer a step takes than in the other rows, for the estimate of the time left.</summary>
    public double Cost { get; init; } = 1;

    /// <summary>What a reader should know of this row.</summary>
    public string? Notes { get; init; }

    /// <summary>The run's files begin with this.</summary>
    public string FileName => FormattableString.Invariant($"{Row}-seed{Training.Seed}");

    /// <summary>All that decides the result, by name.</summary>
    /// <param name="options">The command line.</param>
    /// <param name="data">The data.</param>
    /// <param name="model">The untrained model.</param>
    public IReadOnlyDictionary<string, string> Describe(ExperimentOptions options, ExperimentData data, Model model)
    {
        static string Text(IFormattable value) => value.ToString(null, CultureInfo.InvariantCulture);
        var loss = Training.Loss;
        var settings = new Dictionary<string, string>
        {
            ["dataset"] = options.DatasetName,
            ["quick"] = options.Quick ? "yes" : "no",
            ["training samples"] = Text(data.Training.Count),
            ["test samples"] = Text(data.Test.Count),
            ["target"] = model.Target.Name,
            ["method"] = model.Method,
            ["trainable"] = Text(model.TrainableCount),
            ["fixed weights"] = model.FixedWeightsName,
            ["seed"] = Text(Training.Seed),
            ["epochs"] = Text(Training.Epochs),
            ["batch size"] = Text(Training.BatchSize),
            ["learning rate"] = Text(Training.LearningRate ?? model.DefaultLearningRate),
            ["schedule"] = Training.Schedule.ToString(),
            ["patience"] = Training.EarlyStoppingPatience is { } patience ? Text(patience) : "none",
            ["restore best"] = Training.RestoreBest ? "yes" : "no",
            ["label smoothing"] = Text(Training.LabelSmoothing),
            ["loss"] = FormattableString.Invariant(
                $"stability {loss.Stability.Value}, smoothness {loss.Smoothness.Value}, alignment {loss.Alignment.Value}"),
        };
        // Named only where it is another, so that reports from before there was a choice still hold.
        if (Training.Optimizer != TrainingOptimizer.Adam)
            settings["optimizer"] = Training.Optimizer.ToString();
        if (data.Training.Augmentation != Augmentation.None)
            settings["augmentation"] = data.Training.Augmentation.ToString();
        if (Training.FrozenStatistics == true)
            settings["running statistics"] = "frozen";
        // What a name on the command line stands for is up to the user's disk; without one, it is mostly the packaged data set. All seeds have the test set in
        // common, and what their training parts are drawn from.
        if (options.Dataset != ExperimentOptions.DefaultDataset || options.Source is { IsOnDisk: true }
            || Environment.GetEnvironmentVariable(FashionMnist.FolderVariable) is { Length: > 0 })
        {
            settings[DataSetting] = Fingerprints.Of(data.Test)[..Fingerprints.Shown];
            settings[TrainingDataSetting] = Fingerprints.Of(data.DrawnFrom ?? data.Training)[..Fingerprints.Shown];
        }

        if (options.Pretrained is { } network)
            settings[NetworkSetting] = Fingerprints.OfFile(PretrainedResNet.PathOf(network))[..Fingerprints.Shown];
        if (Base is { } start)
            settings[BaseSetting] = Fingerprints.OfFile(start())[..Fingerprints.Shown];
        if (IsTaught)
        {
            settings["teaching"] = Teachers.Notes(options);
            // Unknown until there are some: they are trained only where a pupil is.
            if (Teachers.Fingerprint(options, data) is { } teachers)
                settings[TeachersSetting] = teachers;
        }

        foreach (var (name, value) in Settings)
            settings[name] = value;
        return settings;
    }
}
