// An LSTM reads 24 hours of several series and forecasts the next hour of one: trained directly and through latents, and compared with
// the forecast that nothing changes.
//
//   TimeSeries                              synthetic weather, written to artifacts/time-series/weather.csv first
//   TimeSeries FILE TARGET FEATURE ...      a CSV file with a header, one row for each hour: the column to forecast, the columns to read
using System.Globalization;
using System.Text;
using MappingNets;
using TorchSharp;
using static TorchSharp.torch;

const string Results = "artifacts/time-series";
OneLine.ForFaults();
CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
_ = NativeHeap.RetainFreedMemory();
var (file, forecast, features) = args is [var named, var column, .. var others] ? (named, column, others.Length == 0 ? [column] : others)
    : args is [] ? (WriteSyntheticWeather(), "temperature", ["temperature", "pressure", "hour"])
    : throw new ArgumentException($"There is only FILE, '{args[0]}'; the column to forecast must follow it.");

using var series = TimeSeriesWindows.FromCsv(file, forecast, features, length: 24);
// Windows are cut from the table at each batch; in memory all of them at once they train faster.
using var train = series.Training.ToMemory();
using var test = series.Test.ToMemory();
Console.WriteLine($"{train.Count:N0} hours of '{file}' to train with, the {test.Count:N0} after them to judge by.");

var target = TargetNetwork.Input(train.InputShape[0], train.InputShape[1]).Lstm(32).Linear(1).Build("forecast");
using var direct = DirectModel.For(target, seed: 1);
using var mapped = MappingNetwork.For(target).SingleLatent(512).WithSeed(1).Build();

Console.WriteLine($"{"",-10} {"trained",8} {"test error, in units of the series",36}");
Print("unchanged", 0, LossOfNoChange());
foreach (var model in new Model[] { direct, mapped })
{
    new Trainer(model, new() { Epochs = 15, Seed = 1 }).Fit(train);
    Print(model.Method, model.TrainableCount, Evaluation.Of(model, test).Loss);
}

mapped.SaveAdapter(Path.Combine(Directory.CreateDirectory(Results).FullName, "forecast.safetensors"));
using (NewDisposeScope())
{
    using var next = test.Take(6);
    foreach (var (expected, predicted) in Values(next.Targets).Zip(Values(mapped.Predict(next.Inputs))))
        Console.WriteLine($"{forecast} {series.ToUnits(expected):F2}, forecast {series.ToUnits(predicted):F2}");
}

// The loss is the mean square of values scaled to 0 .. 1.
void Print(string name, long trained, double loss) =>
    Console.WriteLine($"{name,-10} {trained,8:N0} {Math.Sqrt(loss) * (series.LargestTarget - series.SmallestTarget),36:F3}");

double LossOfNoChange()
{
    using var scope = NewDisposeScope();
    var own = Array.IndexOf([.. series.FeatureNames], forecast);
    return own < 0 ? double.NaN : (test.Inputs[.., -1, own].unsqueeze(1) - test.Targets).square().mean().ToDouble();
}

static float[] Values(Tensor tensor) => [.. tensor.cpu().data<float>()];

// Warm days, cool nights and fronts that pass: the pressure falls before the temperature does.
static string WriteSyntheticWeather()
{
    var random = new Random(1);
    var text = new StringBuilder("temperature,pressure,hour\n");
    double front = 0, before = 0;
    for (var hour = 0; hour < 4_000; hour++)
    {
        var temperature = 12 + (6 * Math.Sin(2 * Math.PI * (hour - 9) / 24)) + (5 * before) + (0.3 * (random.NextDouble() - 0.5));
        text.AppendLine($"{temperature:F2},{1013 + (12 * front):F1},{hour % 24}");
        (before, front) = (front, (0.97 * front) + (0.5 * (random.NextDouble() - 0.5)));
    }

    var path = Path.Combine(Directory.CreateDirectory(Results).FullName, "weather.csv");
    Console.WriteLine("Synthetic data: invented weather in weather.csv; the errors do not carry over to real series.");
    File.WriteAllText(path, text.ToString());
    return path;
}
