using MappingNets.Experiments.Reporting;
using Spectre.Console;

namespace MappingNets.Experiments.Reproduce;

/// <summary>
/// A ResNet-18 that was trained on ImageNet is adapted to other pictures, few of each class: all weights, few parameters of this
/// library's form Scales, and rivals. Neither the network nor the pictures are downloaded: the user names their folders.
/// </summary>
internal sealed class PretrainedExperiment : IExperiment
{
    private const int QuickPerClass = 10;
    private const int QuickTestPerClass = 10;

    /// <summary>Each goes through every picture and its mirror image: 8 times through the pictures.</summary>
    private const int UsualEpochs = 4;

    private const int BatchSize = 25;
    private const ulong SearchSeed = 1;

    public string Name => "finetune-resnet";

    public string Summary =>
        "A ResNet-18 pretrained on ImageNet, adapted to few pictures a class: accuracy against trained parameters. `Scales` generates changes of the batch norms' "
        + "scales and shifts and of the head from latents.";

    public string Usage =>
        "--dataset cifar-10:FOLDER (or cifar-10-500:FOLDER, with 500 a class) names train/CLASS/*.jpg and test/CLASS/*.jpg, camvid-squares:FOLDER images, masks and "
        + "classes.txt; without it, FashionMNIST. --pretrained names the folder of the NuGet package Microsoft.ML.DnnImageFeaturizer.ResNet18 0.23.1.";

    public IReadOnlyList<string> Methods => [.. PretrainedRow.All.Select(row => row.Name)];

    public bool TakesPretrained => true;

    public void Run(ExperimentOptions options, CancellationToken stop)
    {
        var named = PretrainedData.Named(options);
        var path = options.Pretrained;
        AnsiConsole.WriteLine($"{named.Source.Statement} Reading the pictures.");
        using var pictures = named.Read(options.Quick ? QuickPerClass : named.PerClass, options.Quick ? QuickTestPerClass : named.TestPerClass);
        options = options with { Source = named.Source };
        var network = PretrainedResNet.Open(path, PictureSet.Side, PretrainedResNet.LastFeatures).WithHead(pictures.Test.ClassNames.Count);
        using var pretrained = PretrainedWeights.Of(network);
        var training = new TrainingOptions { Epochs = options.Epochs ?? UsualEpochs, BatchSize = BatchSize, FrozenStatistics = true };
        // A network with a smaller head has fewer weights than the largest budgets.
        var wanted = PretrainedRow.All.Where(row => options.Wants(row.Name) && row.Fits(network)).ToArray();
        if (wanted.Length == 0)
            throw new ArgumentException($"--methods names rows that have more parameters than '{network}' has scales, shifts and head.");
        var owned = new List<IDisposable>();
        try
        {
            // Seed by seed, so that an interrupted table has all rows before it has more seeds. The rates are put in once they are chosen.
            RunPlan[] plans = [.. options.Seeds.SelectMany(seed =>
            {
                var data = pictures.Of(seed, pictures.Test);
                owned.Add(data);
                return wanted.Select(row => new RunPlan(
                    row.Name, row.Label, () => row.Create(network, pretrained, seed), training with { Seed = seed }) { Data = data });
            })];
            var first = plans[0].Data!;
            IReadOnlyList<PretrainedCost> costs = [];
            RateSearch? search = null;
            using var runs = new Runs(this, options, first, plans, stop)
            {
                Order = Methods,
                Decorate = report => report with
                {
                    Pictures = Draw(report, costs, named, options),
                    DataStatement = named.Source.Statement + " Each training picture counts twice, with its mirror image.",
                    Remarks = string.Join("\n\n", new[]
                    {
                        Remarks(named, options, search), PairedDifferences.Describe(report.Runs), costs.Count == 0 ? "" : PretrainedCosts.Describe(costs, BatchSize),
                    }.Where(part => part.Length > 0)),
                },
            };
            // After the folder is known to be the right one, and its rates no other command's.
            if (!options.Quick && named.IsSearched)
                search = SearchOf(options, network, pretrained, pictures, training, first, runs.Earlier);
            var rates = search is null
                ? PretrainedRow.All.Select(row => row.Method).Distinct().ToDictionary(method => method, method => options.Quick ? method.Rate : method.Chosen)
                : ChooseRates(wanted, search, network, pretrained, pictures, training, stop);
            foreach (var plan in plans)
                runs.Train(plan with { Training = plan.Training with { LearningRate = rates[PretrainedRow.Named(plan.Row).Method] } });
            AnsiConsole.WriteLine("Measuring steps.");
            var known = runs.All.Select(run => run.Row).ToHashSet();
            costs = PretrainedCosts.Measure([.. PretrainedRow.All.Where(row => known.Contains(row.Name) && row.Fits(network))], network, pretrained, first.Training, BatchSize, options.File("row.safetensors"), stop);
            TableExperiment.Show(runs.Write(), options);
        }
        finally
        {
            owned.ForEach(each => each.Dispose());
        }
    }

    private static RateSearch SearchOf(
        ExperimentOptions options, TargetNetwork network, PretrainedWeights pretrained, PretrainedPictures pictures, TrainingOptions training,
        ExperimentData data, ReportFile? earlier)
    {
        using var searched = pictures.Of(SearchSeed, pictures.HeldOut);
        var subjects = new Dictionary<string, RateSubject>();
        foreach (var row in PretrainedRow.All.Where(row => row.Name == row.Method.Searched && row.Fits(network)))
        {
            using var model = row.Create(network, pretrained, SearchSeed);
            subjects.Add(row.Method.Name, RateSubject.Of(model, searched, new(row.Name, row.Label, () => model, training) { Data = data }, options, earlier));
        }

        return new(options.File("rates.json"), FormattableString.Invariant($"epochs {training.Epochs}, batch size {BatchSize}, quick {options.Quick}"), subjects);
    }

    private static Dictionary<PretrainedMethod, double> ChooseRates(
        PretrainedRow[] wanted, RateSearch search, TargetNetwork network, PretrainedWeights pretrained, PretrainedPictures pictures, TrainingOptions training,
        CancellationToken stop)
    {
        var methods = wanted.Select(row => row.Method).Distinct().ToArray();
        if (methods.FirstOrDefault(method => !PretrainedRow.Named(method.Searched).Fits(network)) is { } large)
            throw new ArgumentException(
                $"--methods names rows of {large.Label}, whose rate is searched with the row '{large.Searched}'; that has more parameters than '{network}' has scales, shifts and head.");
        using var data = pictures.Of(SearchSeed, pictures.HeldOut);
        return methods.ToDictionary(method => method, method => search.Choose(method, rate =>
        {
            using var model = PretrainedRow.Named(method.Searched).Create(network, pretrained, SearchSeed);
            new Trainer(model, training with { Seed = SearchSeed, LearningRate = rate }).Fit(data.Training, cancellation: stop);
            return Evaluation.Of(model, data.HeldOut, cancellation: stop).Accuracy!.Value;
        }));
    }

    private static IReadOnlyList<string> Draw(ReportFile report, IReadOnlyList<PretrainedCost> costs, PretrainedData named, ExperimentOptions options)
    {
        var rows = ResultRows.Rows(report).ToArray();
        if (rows.Length == 0)
            return [];
        const string accuracies = "finetune-resnet.png";
        const string prices = "finetune-resnet-costs.png";
        var about = FormattableString.Invariant($"pretrained on ImageNet, on {named.Label} with {(options.Quick ? QuickPerClass : named.PerClass)} pictures a class");
        FineTunePlot.Write(rows, PretrainedMethod.Network, about, options.File(accuracies));
        if (costs.Count == 0)
            return [accuracies];
        PretrainedCosts.Draw(rows, costs, FormattableString.Invariant($"on {named.Label}, {named.PerClass} pictures a class"), options.File(prices));
        return [accuracies, prices];
    }

    private static string Remarks(PretrainedData named, ExperimentOptions options, RateSearch? search) =>
        "Batch norms keep the pretrained statistics in all rows; test pictures are seen once, at the end."
        + (options.Quick ? "\n\nQuick: 10 pictures a class. It shows that everything runs; the accuracies mean nothing."
            : search is null ? "\n\nEach method has the learning rate that was chosen for it on held-out pictures of CIFAR-10, with 100 a class."
            : $"\n\nEach method's learning rate was chosen by the same search on held-out pictures, with the training pictures of seed {SearchSeed}:\n\n{search.Describe()}");
}
