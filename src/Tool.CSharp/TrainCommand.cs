using System.CommandLine;
using System.Text.Json.Nodes;
using Spectre.Console;

namespace MappingNets.Tool;

/// <summary>train: from data and a network to an adapter and the recipe beside it.</summary>
internal static class TrainCommand
{
    /// <summary>The side of a folder's pictures where none is named.</summary>
    public const int UsualSide = 32;

    private static readonly Argument<string> Output = new("adapter") { Description = "The adapter's file to write, such as shoes.safetensors." };
    private static readonly Option<string> Method = Commands.Choice(
        "--method", "slvt is one latent for all weights, lwt one for each layer; scales and mapping fine-tune pretrained weights, where these are named scales unasked", "slvt", "lwt", "scales", "mapping");
    private static readonly Option<int> Parameters = Commands.Number("--parameters", "How many parameters are trained", 2048, 1, int.MaxValue);
    private static readonly Option<int> Epochs = Commands.Number("--epochs", "How often the data are gone through", 10, 1, 1_000_000);
    private static readonly Option<int> BatchSize = Commands.Number("--batch-size", "Samples a step", 128, 1, 1_000_000);
    private static readonly Option<ulong> Seed = Commands.Number("--seed", "The seed of fixed weights and of the order of samples", 1ul, 0ul, ulong.MaxValue);
    private static readonly Option<double> HoldOut = Commands.Number("--hold-out", "The share of each class that is held out to choose the best epoch", 0.1, 0.0, 0.9);
    private static readonly Option<int?> Take = new("--take") { Description = "Uses only so many samples, the first ones." };
    private static readonly Option<double?> Rate = Commands.Positive("--rate", "Adam's learning rate; the method's own where it is not named.");
    private static readonly Option<bool> Augment = new("--augment") { Description = "Mirrors and shifts pictures at random." };
    private static readonly Option<string?> TensorBoard = new("--tensorboard") { Description = "A folder for an event file." };
    private static readonly Option<string?> Resume = new("--resume") { Description = "Keeps the run in this file after each epoch, and goes on from it." };

    public static Command Build(TextWriter output)
    {
        var verb = new Command("train", "Trains a network, or fine-tunes one, and writes an adapter.")
        {
            Output, Commands.Data, Commands.Network, Commands.Base, Method, Parameters, Epochs, BatchSize, Seed, HoldOut, Take, Rate, Augment,
            Commands.Side, Commands.Grey, TensorBoard, Resume, Commands.Json,
        };
        verb.SetAction((parsed, stop) => Task.Run(() => Train(parsed, output, stop), CancellationToken.None));
        return verb;
    }

    private static int Train(ParseResult parsed, TextWriter output, CancellationToken stop)
    {
        var path = parsed.GetValue(Output)!;
        if (path.TrimEnd('/', '\\') is var name && name.EndsWith(".json", StringComparison.OrdinalIgnoreCase))
            throw new ArgumentException(
                $"The adapter '{path}' has the ending of the description beside an adapter; name it '{Path.ChangeExtension(name, ".safetensors")}'.");
        var source = parsed.GetValue(Commands.Data) ?? throw new ArgumentException($"--data is missing; it is one of {DataSource.Help}");
        if (parsed.GetValue(Commands.Base) is { } file && IsNamed(parsed) && parsed.GetValue(Method) is "slvt" or "lwt")
            throw new ArgumentException(
                $"--method {parsed.GetValue(Method)} trains from nothing, without the weights of --base '{file}'; take --method scales or mapping, or leave out one of the two.");
        var named = parsed.GetValue(Commands.Network) ?? "cnn2";
        NamedFile[] run = parsed.GetValue(Resume) is { } kept ? [new("the run of --resume", kept)] : [];
        // What TensorBoard reads has a name of its own in the folder.
        NamedFile[] events = parsed.GetValue(TensorBoard) is { } log ? [new("the event file of --tensorboard", Path.Combine(log, "events"))] : [];
        NamedFile.KeepApart(
            [new("the adapter", path), NamedFile.DescriptionOf(path), .. run, .. events],
            NamedFile.OfSources(named, parsed.GetValue(Commands.Base), source));
        Recipe.RequireReplaceable(path);
        NamedFile.RequireWritable(path, Recipe.FileOf(path));
        using var all = DataSource.Open(source, parsed.GetValue(Commands.Side), parsed.GetValue(Commands.Grey), isTest: false);
        if (!all.IsClassification)
            throw new ArgumentException($"'{source}' has no classes; the tool trains classifiers.");
        if (all.ClassNames.Count < 2)
            throw new ArgumentException($"'{source}' has {all.ClassNames.Count} class; a classifier needs two. images: takes the folder that holds one for each class.");
        using var data = parsed.GetValue(Take) is { } count ? all.Take(count) : all.Take(all.Count);
        var network = NetworkSource.Open(named, all.InputShape, all.ClassNames.Count);
        if (!all.InputShape.SequenceEqual(network.InputShape))
            throw new ArgumentException(
                $"'{source}' has samples of ({string.Join(", ", all.InputShape)}), and '{named}' takes ({string.Join(", ", network.InputShape)})."
                + (source.StartsWith("images:", StringComparison.Ordinal) && network.InputShape is [var channels, var side, _]
                    ? $" Add --side {side}{(channels == 1 ? " --grey" : "")}."
                    : ""));
        // Before hours of training, after which the file may be another or gone.
        var recipe = new Recipe(named, parsed.GetValue(Commands.Base), source, [.. all.InputShape], [.. all.ClassNames]) { Features = DataSource.FeaturesOf(source) };
        using var weights = NetworkSource.Weights(network, parsed.GetValue(Commands.Base));
        using var model = ModelOf(parsed, network, weights);
        var share = parsed.GetValue(HoldOut);
        var (training, heldOut) = share > 0 ? data.SplitStratified(share, parsed.GetValue(Seed)) : (data.Take(data.Count), null);
        using (training)
        using (heldOut)
        using (var seen = parsed.GetValue(Augment) ? training.Augmented(Augmentation.None.FlipHorizontally().Shift(2), parsed.GetValue(Seed)) : training.Take(training.Count))
        {
            var options = new TrainingOptions
            {
                Epochs = parsed.GetValue(Epochs),
                BatchSize = parsed.GetValue(BatchSize),
                LearningRate = parsed.GetValue(Rate),
                Seed = parsed.GetValue(Seed),
                RestoreBest = heldOut is not null,
            };
            var report = Fit(parsed, model, options, seen, heldOut, output, stop);
            Save(model, path);
            recipe.Save(path);
            Tell(parsed, output, path, model, report);
        }

        return 0;
    }

    private static Model ModelOf(ParseResult parsed, TargetNetwork network, PretrainedWeights? weights)
    {
        var (method, parameters, seed) = (parsed.GetValue(Method), parsed.GetValue(Parameters), parsed.GetValue(Seed));
        // Weights that are named, or that an ONNX network comes with, nobody would want to lose unasked.
        if (weights is not null && !IsNamed(parsed))
            method = "scales";
        if (method is "slvt")
            return MappingNetwork.For(network).SingleLatent(parameters).WithSeed(seed).Build();
        if (method is "lwt")
            return MappingNetwork.For(network).LayerWise(parameters).WithSeed(seed).Build();
        if (weights is null)
            throw new ArgumentException($"--method {method} changes pretrained weights; name their file with --base, or an ONNX network.");
        var start = FineTuning.Of(network, weights).WithSeed(seed);
        return method is "scales" ? start.Scales(parameters).Build() : start.Mapping(mapping => mapping.SingleLatent(parameters)).Build();
    }

    private static bool IsNamed(ParseResult parsed) => parsed.GetResult(Method) is { Implicit: false };

    private static TrainingReport Fit(
        ParseResult parsed, Model model, TrainingOptions options, Dataset training, Dataset? heldOut, TextWriter output, CancellationToken stop)
    {
        using var log = parsed.GetValue(TensorBoard) is { } folder ? new TensorBoardLog(folder) : null;
        var isLive = ReferenceEquals(output, Console.Out) && !parsed.GetValue(Commands.Json) && AnsiConsole.Profile.Capabilities.Interactive;
        TrainingReport Run(IProgress<TrainingProgress>? shown) => new Trainer(model, options).Fit(
            training, heldOut, new Both(log, shown), stop, parsed.GetValue(Resume));
        if (isLive)
            return Dashboard.Show(model, Run);
        return Run(parsed.GetValue(Commands.Json) ? null : new EpochLines(output));
    }

    private static void Save(Model model, string path)
    {
        if (model is MappedModel mapped)
            mapped.SaveAdapter(path);
        else
            ((FineTunedModel)model).SaveAdapter(path);
    }

    private static void Tell(ParseResult parsed, TextWriter output, string path, Model model, TrainingReport report)
    {
        var best = report.History[Math.Max(0, report.BestEpoch - 1)];
        var bytes = InspectCommand.BytesOf(path);
        if (parsed.GetValue(Commands.Json))
            output.WriteLine(new JsonObject
            {
                ["adapter"] = path,
                ["bytes"] = bytes,
                ["network"] = model.Target.Name,
                ["weights"] = model.Target.ParameterCount,
                ["parameters"] = model.TrainableCount,
                ["method"] = model.Method,
                ["epochs"] = report.History.Count,
                ["bestEpoch"] = report.BestEpoch,
                ["trainingLoss"] = Commands.JsonNumber(best.TrainingLoss),
                ["trainingAccuracy"] = best.TrainingAccuracy,
                ["heldOutLoss"] = Commands.JsonNumber(best.ValidationLoss),
                ["heldOutAccuracy"] = best.ValidationAccuracy,
            }.ToJsonString());
        else
            output.WriteLine($"{path}: {bytes:N0} bytes for {model.Target.ParameterCount:N0} weights, from {model.TrainableCount:N0} trained parameters; {best}");
    }

    private sealed class Both(IProgress<TrainingProgress>? first, IProgress<TrainingProgress>? second) : IProgress<TrainingProgress>
    {
        public void Report(TrainingProgress value)
        {
            first?.Report(value);
            second?.Report(value);
        }
    }

    private sealed class EpochLines(TextWriter output) : IProgress<TrainingProgress>
    {
        public void Report(TrainingProgress value)
        {
            if (value.CompletedEpoch is { } epoch)
                output.WriteLine(epoch);
        }
    }
}
