using MappingNets.Experiments.Reporting;
using Spectre.Console;

namespace MappingNets.Experiments.Reproduce;

/// <summary>
/// A ResNet-18 that was trained on ImageNet is adapted to CIFAR-10 with a few pictures of each class: all weights, few parameters of this
/// library's form Scales, and rivals. Neither the network nor the pictures are downloaded: the user names their folders.
/// </summary>
internal sealed class PretrainedExperiment : IExperiment
{
    private const int PerClass = 100;
    private const int TestPerClass = 1_000;
    private const int QuickPerClass = 10;
    private const int QuickTestPerClass = 10;

    /// <summary>Each goes through every picture and its mirror image: 8 times through the pictures.</summary>
    private const int UsualEpochs = 4;

    private const int BatchSize = 25;
    private const ulong SearchSeed = 1;

    public string Name => "finetune-resnet";

    public string Summary =>
        "A pretrained ResNet-18 on CIFAR-10 with 100 pictures a class: accuracy against trained parameters. --dataset cifar-10:FOLDER names train/CLASS/*.jpg "
        + "and test/CLASS/*.jpg, --pretrained the folder of the NuGet package Microsoft.ML.DnnImageFeaturizer.ResNet18 0.23.1.";

    public IReadOnlyList<string> Methods => [.. PretrainedRow.All.Select(row => row.Name)];

    public bool TakesPretrained => true;

    public void Run(ExperimentOptions options, CancellationToken stop)
    {
        var network = PretrainedResNet.Open(options.Pretrained, CifarPictures.Side, PretrainedResNet.LastFeatures).WithHead(10);
        var folder = DataSource.Folder(options, "cifar-10")?.Folder
            ?? throw new ArgumentException("--dataset must name the folder of the pictures, as cifar-10:FOLDER; it is not downloaded.");
        options = options with
        {
            Source = new("cifar-10", "--dataset cifar-10:FOLDER --pretrained FOLDER", "Data: CIFAR-10 in JPEG files, scaled to 64 x 64; a ResNet-18 pretrained on ImageNet."),
        };
        using var pretrained = PretrainedWeights.Of(network);
        AnsiConsole.WriteLine("Reading the pictures.");
        using var pictures = options.Quick
            ? new CifarPictures(folder, QuickPerClass, QuickTestPerClass)
            : new CifarPictures(folder, PerClass, TestPerClass);
        var training = new TrainingOptions { Epochs = options.Epochs ?? UsualEpochs, BatchSize = BatchSize, FrozenStatistics = true };
        var wanted = PretrainedRow.All.Where(row => options.Wants(row.Name)).ToArray();
        var search = new RateSearch(options.File("rates.json"), FormattableString.Invariant($"epochs {training.Epochs}, batch size {BatchSize}, quick {options.Quick}"));
        var rates = ChooseRates(wanted, search, network, pretrained, pictures, training, options, stop);

        var owned = new List<IDisposable>();
        try
        {
            // Seed by seed, so that an interrupted table has all rows before it has more seeds.
            RunPlan[] plans = [.. options.Seeds.SelectMany(seed =>
            {
                var data = pictures.Of(seed, pictures.Test);
                owned.Add(data);
                return wanted.Select(row => new RunPlan(
                    row.Name, row.Label, () => row.Create(network, pretrained, seed), training with { Seed = seed, LearningRate = rates[row.Method] }) { Data = data });
            })];
            var first = plans[0].Data!;
            var runs = new Runs(this, options, first, plans, stop)
            {
                Order = Methods,
                Decorate = report => report with { Pictures = Draw(report, options), Remarks = Remarks(options, search) },
            };
            foreach (var plan in plans)
                runs.Train(plan);
            TableExperiment.Show(runs.Write(), options);
        }
        finally
        {
            owned.ForEach(each => each.Dispose());
        }
    }

    private static Dictionary<PretrainedMethod, double> ChooseRates(
        PretrainedRow[] wanted, RateSearch search, TargetNetwork network, PretrainedWeights pretrained, CifarPictures pictures, TrainingOptions training,
        ExperimentOptions options, CancellationToken stop)
    {
        var methods = wanted.Select(row => row.Method).Distinct().ToArray();
        if (options.Quick)
            return methods.ToDictionary(method => method, method => method.Rate);
        using var data = pictures.Of(SearchSeed, pictures.HeldOut);
        return methods.ToDictionary(method => method, method => search.Choose(method, rate =>
        {
            using var model = PretrainedRow.All.Single(row => row.Name == method.Searched).Create(network, pretrained, SearchSeed);
            new Trainer(model, training with { Seed = SearchSeed, LearningRate = rate }).Fit(data.Training, cancellation: stop);
            return Evaluation.Of(model, data.HeldOut, cancellation: stop).Accuracy!.Value;
        }));
    }

    private static IReadOnlyList<string> Draw(ReportFile report, ExperimentOptions options)
    {
        var rows = ResultRows.Rows(report).ToArray();
        if (rows.Length == 0)
            return [];
        const string picture = "finetune-resnet.png";
        FineTunePlot.Write(
            rows, PretrainedMethod.Network,
            FormattableString.Invariant($"pretrained on ImageNet, on CIFAR-10 with {(options.Quick ? QuickPerClass : PerClass)} pictures a class"), options.File(picture));
        return [picture];
    }

    private static string Remarks(ExperimentOptions options, RateSearch search) =>
        $"{options.Source!.Statement} The pictures are JPEG files, so accuracies are those of recompressed pictures. Training goes through each picture and its mirror image, "
        + "batch norms keep the pretrained statistics in all rows; test pictures are seen once, at the end."
        + (options.Quick
            ? "\n\nQuick: 10 pictures a class. It shows that everything runs; the accuracies mean nothing."
            : $"\n\nEach method's learning rate was chosen by the same search on 1,000 held-out pictures, with the training pictures of seed {SearchSeed}:\n\n{search.Describe()}");
}
