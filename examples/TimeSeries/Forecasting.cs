using MappingNets.Experiments.Reporting;
using MappingNets.Experiments.SyntheticData;
using Spectre.Console;
using TorchSharp;

namespace MappingNets.Examples.TimeSeries;

/// <summary>The main job: an LSTM reads 24 hours of one station and forecasts the next hour, from the file to the plot.</summary>
internal static class Forecasting
{
    private const int SyntheticHours = 6_000;
    private const int Epochs = 15;
    private const int HoursShown = 168;
    private const string Station = "Aotizhongxin";
    private const string Forecast = "PM2.5";

    private static readonly string[] Features = [Forecast, "PM10", "SO2", "NO2", "CO", "TEMP", "PRES", "DEWP", "RAIN", "WSPM"];

    public static void Run(ExampleOptions options, CancellationToken stop)
    {
        Directory.CreateDirectory(options.Output);
        using var air = TimeSeriesWindows.FromCsv(StationFile(Folder(options)), Forecast, Features);
        // A window is 24 rows of a table in memory; all of them at once train faster than one after another.
        using var training = air.Training.ToMemory();
        using var test = air.Test.ToMemory();
        AnsiConsole.WriteLine(
            $"{air.FeatureNames.Count} features of the past {training.InputShape[0]} hours; {training.Count:N0} hours to train with, the {test.Count:N0} after them to judge by.");

        var target = Targets.Lstm(air.FeatureNames.Count, training.InputShape[0]);
        using var direct = DirectModel.For(target, options.Seed);
        using var large = MappingNetwork.For(target).SingleLatent(1024).WithSeed(options.Seed).Build();
        using var small = MappingNetwork.For(target).SingleLatent(256).WithSeed(options.Seed).Build();
        (string Name, Model Model)[] models = [("direct", direct), ("SLVT 1,024", large), ("SLVT 256", small)];

        var table = NewTable();
        AddUnchanged(table, air, training, test);
        foreach (var (name, model) in models)
        {
            AnsiConsole.WriteLine($"{name}: {model.DescribeTrainableParameters()}");
            var settings = new TrainingOptions { Epochs = options.Epochs ?? Epochs, Seed = options.Seed };
            var report = TrainingDisplay.Run(name, progress => new Trainer(model, settings).Fit(training, null, progress, stop));
            AddRow(
                table, air, name, $"{model.TrainableCount:N0}", Evaluation.Of(model, training).Loss, Evaluation.Of(model, test).Loss,
                $"{report.MedianStepMilliseconds:F1}");
        }

        AnsiConsole.Write(table);
        AnsiConsole.WriteLine("MSE: of values scaled to 0 .. 1 over the training part. RMSE: in micrograms a cubic metre. Unchanged: the next hour is as this one.");
        Draw(air, test, models, Path.Combine(options.Output, "forecast.png"));
        large.SaveAdapter(Path.Combine(options.Output, "lstm-slvt-1024.safetensors"));
        AnsiConsole.WriteLine($"Results: {Path.GetFullPath(options.Output)}");
    }

    private static string StationFile(string folder) =>
        Directory.GetFiles(folder, $"*{Station}*.csv").FirstOrDefault()
            ?? throw new FileNotFoundException($"The folder '{folder}' holds no CSV file of the station {Station}.");

    private static string Folder(ExampleOptions options)
    {
        if (options.Data is { } named)
        {
            AnsiConsole.WriteLine($"Air quality from '{named}'.");
            return named;
        }

        var made = Path.Combine(options.Output, "synthetic-data");
        AnsiConsole.WriteLine($"Synthetic data, not measured: {SyntheticHours:N0} hours in PRSA files, written to '{made}'. Name a folder for real ones.");
        SyntheticAirQuality.Write(made, SyntheticHours, options.Seed);
        return made;
    }

    private static Table NewTable()
    {
        var table = new Table().RoundedBorder().Title("PM2.5 one hour ahead (measured here)");
        table.AddColumn("method");
        foreach (var heading in new[] { "trainable", "train MSE", "test MSE", "test RMSE", "ms/step" })
            table.AddColumn(new TableColumn(heading).RightAligned());
        return table;
    }

    private static void AddRow(Table table, TimeSeriesWindows air, string name, string trainable, double trainLoss, double testLoss, string milliseconds) =>
        table.AddRow(
            name, trainable, $"{trainLoss:F6}", $"{testLoss:F6}", $"{Math.Sqrt(testLoss) * (air.LargestTarget - air.SmallestTarget):F2}", milliseconds);

    /// <summary>What any forecast has to beat: that nothing changes.</summary>
    private static void AddUnchanged(Table table, TimeSeriesWindows air, Dataset training, Dataset test)
    {
        var own = air.FeatureNames.ToList().IndexOf(Forecast);
        double LossOn(Dataset data)
        {
            using var scope = torch.NewDisposeScope();
            return (data.Inputs[.., -1, own].unsqueeze(1) - data.Targets).square().mean().ToDouble();
        }

        AddRow(table, air, "unchanged", "0", LossOn(training), LossOn(test), "");
    }

    private static void Draw(TimeSeriesWindows air, Dataset test, IReadOnlyList<(string Name, Model Model)> models, string path)
    {
        using var shown = test.Take(Math.Min(HoursShown, test.Count));
        double[] Concentrations(torch.Tensor scaled) => [.. scaled.cpu().data<float>().Select(value => air.ToUnits(value))];

        using var scope = torch.NewDisposeScope();
        ForecastPlot.Write(
            Concentrations(shown.Targets),
            [.. models.Select(entry => (entry.Name, (IReadOnlyList<double>)Concentrations(entry.Model.Predict(shown.Inputs))))],
            $"{Station}: PM2.5 one hour ahead", "PM2.5, micrograms a cubic metre", path);
    }
}
