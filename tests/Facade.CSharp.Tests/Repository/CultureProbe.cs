using System.Globalization;
using System.Text;
using TorchSharp;
using static TorchSharp.torch;

namespace MappingNets.Tests.Repository;

/// <summary>What the library parses, formats and orders, as text, for the test that compares the languages of machines.</summary>
internal static class CultureProbe
{
    /// <summary>The text under a culture, by name; "" for the invariant one.</summary>
    public static string Report(string culture)
    {
        CultureInfo.CurrentCulture = CultureInfo.CurrentUICulture = new CultureInfo(culture);
        if (culture.Length > 0 && Differences().Length == 0)
            throw new InvalidOperationException($"The culture '{culture}' is the invariant one here: the machine's ICU is missing or switched off.");
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        var text = new StringBuilder();
        void Say(string what, Func<object?> read)
        {
            try
            {
                text.AppendLine(CultureInfo.InvariantCulture, $"{what}: {read()}");
            }
            catch (Exception fault) when (fault is IOException or ArgumentException or FormatException)
            {
                text.AppendLine(CultureInfo.InvariantCulture, $"{what}: {fault.Message.Replace(folder.Path, "")}");
            }
        }

        string[] names = ["i", "I", "\u0130", "\u0131", "Z", "a-b", "ab", "\u00e9", "z"];
        SafetensorsFile.Write(folder.File("names"), [.. names.Select(name => (name, zeros(0)))]);
        using (var file = SafetensorsFile.Read(folder.File("names")))
            Say("names", () => string.Join('|', file.Entries.Select(entry => entry.Name)));

        using var model = MappingNetwork.For(Small.Classifier()).SingleLatent(6).WithGain(1.5).StartingWithin(0.25).Build();
        model.SaveAdapterFolder(folder.File("adapter"));
        Say("adapter", () => File.ReadAllText(folder.File("adapter/adapter_config.json")));
        Say("loaded", () => Convert.ToHexString(MappedModel.LoadAdapter(folder.File("adapter"), Small.Classifier()).FlatWeights().bytes));
        Say("trainable", model.DescribeTrainableParameters);
        Signed.Change(folder.File("adapter/adapter_model.safetensors"), metadata => metadata["mapping"] = metadata["mapping"].Replace("1.5", "-1.5"));
        Say("refused", () => MappedModel.LoadAdapter(folder.File("adapter/adapter_model.safetensors"), Small.Classifier()));

        folder.Write("it.csv", "when,x,kind\n2013-03-01 00:00,-1.5e1,I\n2013-03-01 01:00,2.25,\u0131\n2013-03-01 02:00,3,i\n2013-03-01 03:00,4,z\n"u8.ToArray());
        Say("csv", () =>
        {
            using var data = FeatureVectors.FromCsv(folder.Write("two.csv", "x,kind\n-1.5e1,I\n2.25,i\n"u8.ToArray()), "kind");
            return string.Join('|', data.ClassNames) + Convert.ToHexString(data.Inputs.bytes);
        });
        Say("comma", () => FeatureVectors.FromCsv(folder.Write("bad.csv", "x,kind\n\"1,5\",I\n"u8.ToArray()), "kind"));
        Say("series", () =>
        {
            using var series = TimeSeriesWindows.FromCsv(folder.File("it.csv"), "x", ["x"], length: 1, trainingFraction: 0.6, time: "when");
            return series.Training.Count + series.Test.Count;
        });
        Say("scale", () => ImageFolder.Open(folder.Path, 1, 1, means: [0.5, double.NaN, 1.25]));
        foreach (var name in new[] { "Iz", "iz", "\u0130z" })
            folder.Write(Pictures.Colour(1, 1, 1, 2, 3), "pictures", name, "IT.PNG");
        Say("folders", () => string.Join('|', ImageFolder.Open(folder.File("pictures"), 1, 1).ClassNames));

        using var classes = Small.Classes();
        Say("trained", () =>
        {
            var report = new Trainer(model, new() { Epochs = 1, LearningRate = 0.125, TaskLoss = TaskLoss.CrossEntropy(classWeights: [1.5, 1, 0.5]) }).Fit(classes);
            var epoch = report.History[^1] with { Seconds = 1.5 };
            return $"{epoch}";
        });
        Say("evaluated", () => Evaluation.Of(model, classes));
        Say("loss", () => TaskLoss.Huber(0.5));
        Say("augmentation", () => Augmentation.None.Erase(0.25, 0.75).Rotate(1.5, 1.25));
        Say("momentum", () => TargetNetwork.Input(2, 4, 4).BatchNorm2d(momentum: 1.5));
        Say("epsilon", () => TargetNetwork.Input(2, 4, 4).BatchNorm2d(epsilon: -0.5));
        Say("probability", () => TargetNetwork.Input(4).Dropout(1.5));
        Say("layer norm", () => TargetNetwork.Input(4).LayerNorm(epsilon: -0.5));
        Say("combination", () =>
        {
            using var pretrained = PretrainedWeights.Of(model);
            using var host = new AdapterHost(Small.Classifier(), pretrained);
            host.AddCombination("sum", [("one", 1.5e300)]);
            return host.Names;
        });
        Say("diverged", () => new TrainingDivergedException(3, "task loss", double.NegativeInfinity).Message);
        return text.ToString();
    }

    // How the culture shows where nobody guards against it.
    private static string Differences()
    {
        var plain = CultureInfo.InvariantCulture;
        return (1.5.ToString() == 1.5.ToString(plain) ? "" : "numbers ") + ((-1).ToString() == (-1).ToString(plain) ? "" : "signs ")
            + (new DateTime(2013, 3, 1).ToString("yyyy") == "2013" ? "" : "dates ") + ("I".ToLower() == "i" ? "" : "letters ");
    }
}
