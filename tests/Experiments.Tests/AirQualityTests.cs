using System.Globalization;
using System.Text;
using MappingNets.Experiments.SyntheticData;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

public sealed class AirQualityTests : IDisposable
{
    private const string Header = "\"No\",\"year\",\"month\",\"day\",\"hour\",\"PM2.5\",\"PM10\",\"SO2\",\"NO2\",\"CO\",\"O3\",\"TEMP\",\"PRES\",\"DEWP\",\"RAIN\",\"wd\",\"WSPM\",\"station\"";

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    // PM2.5 of hour h is h unless it is told otherwise; everything else is 1, the wind north.
    private void Write(string station, int hours, Func<int, string>? particles = null, Func<int, string>? wind = null, int skip = -1)
    {
        var text = new StringBuilder(Header).Append('\n');
        var start = new DateTime(2013, 3, 1);
        for (var hour = 0; hour < hours; hour++)
        {
            var time = start.AddHours(hour == skip ? hour + 1 : hour);
            text.Append(CultureInfo.InvariantCulture, $"{hour + 1},{time.Year},{time.Month},{time.Day},{time.Hour},")
                .Append(particles?.Invoke(hour) ?? hour.ToString(CultureInfo.InvariantCulture))
                .Append(",1,1,1,1,1,1,1,1,1,\"").Append(wind?.Invoke(hour) ?? "N").Append("\",1,\"").Append(station).Append("\"\n");
        }

        folder.Write($"PRSA_Data_{station}_20130301-20170228.csv", Encoding.UTF8.GetBytes(text.ToString()));
    }

    [Fact]
    public void Twelve_stations_give_67_features_in_windows_split_by_time()
    {
        using var scope = NewDisposeScope();
        foreach (var station in new[] { "Aotizhongxin", "B", "C", "D", "E", "F", "G", "H", "I", "J", "K", "L" })
            Write(station, 50);

        using var data = AirQuality.Load(folder.Path);

        Assert.Equal(67, data.FeatureNames.Count);
        Assert.Equal("Aotizhongxin PM2.5", data.FeatureNames[0]);
        Assert.Equal("Aotizhongxin wind cosine", data.FeatureNames[66]);
        Assert.Equal(Targets.Lstm().InputShape, data.Training.InputShape);
        // Targets of hours 24 to 39, and of 40 to 49.
        Assert.Equal((16, 10), (data.Training.Count, data.Test.Count));
    }

    [Fact]
    public void Scaling_knows_the_training_part_only_and_windows_end_before_their_target()
    {
        using var scope = NewDisposeScope();
        Write("Aotizhongxin", 10);

        using var data = AirQuality.Load(folder.Path, hours: 2, trainingFraction: 0.5);
        using var training = data.Training.ToMemory();
        using var test = data.Test.ToMemory();

        // Hours 0 to 4 are training: 0 .. 4 becomes 0 .. 1, and later hours go beyond.
        Assert.Equal((0.0, 4.0), (data.SmallestTarget, data.LargestTarget));
        Assert.Equal([0.5f, 0.75f, 1], training.Targets.data<float>());
        Assert.Equal([0f, 0.25f, 0.25f, 0.5f, 0.5f, 0.75f], training.Inputs[.., .., 0].reshape(-1).data<float>());
        Assert.Equal([1.25f, 1.5f, 1.75f, 2, 2.25f], test.Targets.data<float>());
        Assert.Equal([0.75f, 1], test.Inputs[0, .., 0].reshape(-1).data<float>());
        Assert.Equal(9, data.ToUnits(2.25));
    }

    [Fact]
    public void What_is_missing_is_the_last_value_or_the_training_median_and_no_target()
    {
        using var scope = NewDisposeScope();
        // Missing: hours 0, 1 and 5. The median of the training part's 2, 3, 4, 6, 7 is 4.
        Write("Aotizhongxin", 10, hour => hour is 0 or 1 or 5 ? "NA" : hour.ToString(CultureInfo.InvariantCulture), hour => hour == 3 ? "NA" : hour < 3 ? "E" : "W");

        using var data = AirQuality.Load(folder.Path, hours: 2);
        using var training = data.Training.ToMemory();

        float Scaled(float value) => (value - 2) / 5;
        Assert.Equal([2f, 3, 4, 6, 7], training.Targets.data<float>().Select(value => MathF.Round(value * 5 + 2, 4)));
        Assert.Equal(
            new[] { Scaled(4), Scaled(4), Scaled(4), Scaled(2), Scaled(2), Scaled(3), Scaled(4), Scaled(4), Scaled(4), Scaled(6) },
            training.Inputs[.., .., 0].reshape(-1).data<float>(), (a, b) => MathF.Abs(a - b) < 1e-6);
        // East has the sine 1, west -1; hour 3 keeps the last direction. Scaled to 0 .. 1.
        Assert.Equal([1f, 1, 1, 0], training.Inputs[.., 1, 10].reshape(-1).data<float>().Take(4).Select(value => MathF.Round(value, 5)));
    }

    [Fact]
    public void The_network_of_the_paper_trains_on_it()
    {
        foreach (var station in new[] { "Aotizhongxin", "B" })
            Write(station, 60, hour => (50 + 40 * Math.Sin(hour / 3.0)).ToString(CultureInfo.InvariantCulture));
        using var data = AirQuality.Load(folder.Path, hours: 6);
        using var model = MappingNetwork.For(Targets.Lstm(data.FeatureNames.Count, hours: 6)).SingleLatent(32).Build();

        var before = Evaluation.Of(model, data.Test).Loss;
        new Trainer(model, new() { Epochs = 15, BatchSize = 16 }).Fit(data.Training);

        Assert.True(Evaluation.Of(model, data.Test).Loss < 0.7 * before);
    }

    [Fact]
    public void Faulty_files_are_refused_by_name()
    {
        Assert.Throws<DirectoryNotFoundException>(() => AirQuality.Load(folder.File("none")));
        Assert.Contains("holds no file PRSA_Data_", Refusal());
        Write("B", 10);
        Assert.Contains("no file of the station 'Aotizhongxin'; it has B", Refusal());
        Write("Aotizhongxin", 9);
        Assert.Contains("holds 10 hours", Refusal());
        Write("Aotizhongxin", 10, skip: 4);
        Assert.Contains("the hour 2013-03-01 05 in line 6, where 2013-03-01 04 should be", Refusal());
        Write("Aotizhongxin", 10, hour => hour == 3 ? "many" : "1");
        Assert.Contains("'many' in line 5, column 'PM2.5'", Refusal());
        Write("Aotizhongxin", 10, wind: _ => "UP");
        Assert.Contains("wind direction 'UP' in line 2", Refusal());
        Write("Aotizhongxin", 10, wind: _ => new string('x', 5000));
        Assert.InRange(Refusal().Length, 200, 600);
        Write("Aotizhongxin", 10, hour => hour < 8 ? "NA" : "1");
        Assert.Contains("no value of Aotizhongxin PM2.5 in the training part", Refusal());
        Write("Aotizhongxin", 10, _ => "5");
        Assert.Contains("the same Aotizhongxin PM2.5, 5, throughout", Refusal());
        Write("Aotizhongxin", 10);
        Assert.Contains("leave the training part without a window of 24", Refusal());

        string Refusal() => Assert.Throws<DatasetFormatException>(() => AirQuality.Load(folder.Path)).Message;
    }
}
