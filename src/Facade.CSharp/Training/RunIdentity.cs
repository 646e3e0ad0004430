using System.Globalization;
using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>
/// What makes two runs the same run: every setting by name, and what the mapping does near its start, which tells seeds, fixed
/// weights and pretrained weights apart without a copy of any of them.
/// </summary>
internal static class RunIdentity
{
    /// <summary>The setting that may differ where rates do not depend on it.</summary>
    public const string Epochs = "number of epochs";

    /// <summary>The setting that files from before there was a choice do not have.</summary>
    public const string Statistics = "running statistics";

    /// <summary>What it is in such files.</summary>
    public const string MovingStatistics = "moving";

    private const string Mapping = "mapping";
    private const string Function = "function of the target";
    private const string Mask = "pruning mask";
    private const string Buffers = "SHA-256 of the buffers at the start";
    private const string Teachers = "teachers' functions and buffers";

    private const int Places = 64;

    private const string TrainingData = "SHA-256 of the training data";
    private const string ValidationData = "SHA-256 of the validation data";

    /// <summary>What makes two models at their start the same model, by name, as text.</summary>
    public static IReadOnlyDictionary<string, string> OfModel(Model model)
    {
        return new Dictionary<string, string>
        {
            ["target"] = model.Target.Name,
            ["shapes of the target's weights"] = TargetIdentity.FingerprintOf(model.Target.Layout),
            [Function] = model.Target.DescribeFunction(),
            ["method"] = model.Method,
            ["trained tensors"] = string.Join(", ", model.TrainableNames.Zip(
                model.Trainables, (name, tensor) => $"{name} {ShapeText.Of(tensor.shape)}")),
            ["fixed weights"] = model.FixedWeightsName,
            [Mapping] = model.DescribeMapping(),
            [Mask] = model.PruningMask is { } mask ? $"SHA-256 {TensorBytes.Hash([("", mask)])}" : "none",
        };
    }

    /// <summary>The settings by name, as text.</summary>
    public static IReadOnlyDictionary<string, string> Settings(Model model, TrainingOptions options, Dataset training, Dataset? validation)
    {
        return new Dictionary<string, string>(OfModel(model))
        {
            [Epochs] = Text(options.Epochs),
            ["batch size"] = Text(options.BatchSize),
            ["learning rate"] = options.Optimizer.RateText(model, options),
            ["optimizer"] = options.Optimizer.Name,
            ["weight decay"] = options.Optimizer.DecayText(options),
            ["schedule"] = options.Schedule.Name,
            ["number of batches in a step"] = Text(options.GradientAccumulation),
            ["largest gradient norm"] = Text(options.ClipGradientNorm),
            ["largest gradient value"] = Text(options.ClipGradientValue),
            ["average"] = options.AverageDecay is { } decay ? $"keeps {Text(decay)}"
                : options.AverageLastEpochs is { } last ? $"over the last {Text(last)} epochs" : "none",
            ["restoring of the average"] = options.RestoreAverage.ToString(),
            ["task loss"] = options.TaskLoss?.Name ?? "the data's",
            ["metrics"] = string.Join(", ", options.AllMetrics.Select(metric => metric.Name)),
            ["selection"] = options.SelectBy?.Name ?? "accuracy or loss",
            ["held-out share"] = Text(options.ValidationFraction),
            ["patience"] = options.EarlyStoppingPatience is { } patience ? Text(patience) : "none",
            ["restoring of the best"] = options.RestoreBest.ToString(),
            [Statistics] = options.FrozenStatistics ?? model.DefaultFrozenStatistics ? "frozen" : MovingStatistics,
            ["label smoothing"] = Text(options.LabelSmoothing),
            ["teaching"] = options.Distillation?.Describe() ?? "the labels",
            [Teachers] = options.Distillation?.DescribeNetworks() ?? "none",
            ["seed"] = Text(options.Seed),
            ["loss"] = model.HasTerms
                ? options.Loss.ToString()
                : "the task's alone",
            [Buffers] = TensorBytes.Hash(model.Target.PersistentBuffers(model.State)),
            ["number of training samples"] = Text(training.Count),
            ["number of validation samples"] = Text(validation?.Count ?? 0),
            [TrainingData] = training.Fingerprint(),
            [ValidationData] = validation?.Fingerprint() ?? "none",
        };
    }

    /// <summary>
    /// Adds to the settings of a run what earlier builds did not write down, or put into other words, and so nobody can compare: such a run goes on
    /// as it did. They wrote no mapping of fine-tunings either.
    /// </summary>
    /// <param name="there">The settings that the run had.</param>
    /// <param name="here">What they are now.</param>
    public static void Complete(Dictionary<string, string> there, IReadOnlyDictionary<string, string> here)
    {
        if (here.TryGetValue(Buffers, out var buffers))
            there.TryAdd(Buffers, buffers);
        foreach (var name in new[] { Function, Teachers })
            if (IsSecond(here, name) && there.ContainsKey(name) && !IsSecond(there, name))
                there[name] = here[name];
        string[] later = [Function, Mask, Teachers];
        if (later.Any(there.ContainsKey))
            return;
        foreach (var name in there.GetValueOrDefault(Mapping) == "none" ? later.Append(Mapping) : later)
            if (here.TryGetValue(name, out var value))
                there[name] = value;

        static bool IsSecond(IReadOnlyDictionary<string, string> settings, string name) =>
            settings.GetValueOrDefault(name, "").StartsWith(TargetNetwork.SecondDescription, StringComparison.Ordinal);
    }

    /// <summary>
    /// Some of the weights that the model makes a little off its start, shape (n): the start alone would not show the fixed weights
    /// of a latent at 0. The model is left as it was.
    /// </summary>
    public static Tensor Probe(Model model)
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        var count = model.Target.ParameterCount;
        var read = (int)Math.Min(Places, count);
        var places = Enumerable.Range(0, read).Select(place => place * (count - 1) / Math.Max(1, read - 1)).ToArray();
        var found = new List<Tensor>();
        var (taken, at) = (0, 0L);
        ReadWeightsOffStart(model, weight =>
        {
            var end = at + weight.numel();
            long[] inside = [.. places.Skip(taken).TakeWhile(place => place < end).Select(place => place - at)];
            if (inside.Length > 0)
                found.Add(weight.reshape(-1).index_select(0, tensor(inside, device: weight.device)).cpu().MoveToOuterDisposeScope());
            (taken, at) = (taken + inside.Length, end);
        });
        return cat(found).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// Whether two probes are one up to the rounding of other machines. A function of the user's own may make no numbers so near its start; they are
    /// then in the same places.
    /// </summary>
    public static bool IsSame(Tensor probe, Tensor other) =>
        probe.shape.SequenceEqual(other.shape) && probe.allclose(other, rtol: 1e-3, atol: 1e-6, equal_nan: true);

    private static void ReadWeightsOffStart(Model model, Action<Tensor> read)
    {
        using var aside = new TrainablesAside(model);
        using var one = 1.ToScalar();
        using var tenth = 0.1.ToScalar();
        foreach (var tensor in model.Trainables)
        {
            using var count = tensor.numel().ToScalar();
            tensor.add_(arange(count, dtype: ScalarType.Float32, device: tensor.device).add(one).sin().mul(tenth).reshape(tensor.shape));
        }

        model.ReadWeights(read);
    }

    private static string Text(double? value) => value?.ToString(CultureInfo.InvariantCulture) ?? "none";

    private static string Text(IFormattable value) => value.ToString(null, CultureInfo.InvariantCulture);
}
