using System.Text;
using System.Text.Json.Nodes;
using Google.Protobuf;
using MappingNets.Experiments.SyntheticData;
using Onnx;
using Xunit;
using static MappingNets.Tests.ReproduceProgram;

namespace MappingNets.Tests;

/// <summary>Tables on folders in the layouts of real data, so small that a row takes seconds.</summary>
public sealed class RealDataCommandTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    private JsonNode Report() => JsonNode.Parse(File.ReadAllText(folder.File("out/report.json")))!;

    /// <summary>What the page shows before a reader unfolds anything.</summary>
    private string Page() => File.ReadAllText(folder.File("out/report.md")).Split("<details>")[0];

    private void Cifar(params string[] classes)
    {
        foreach (var (split, count) in new[] { ("train", 4), ("test", 2) })
            foreach (var (name, number) in classes.Select((name, number) => (name, number)))
                for (var picture = 0; picture < count; picture++)
                    folder.Write(Pictures.Colour(32, 32, (byte)(20 * number), (byte)(60 * picture), 90, jpeg: true), "cifar", split, name, $"{picture:D4}.jpg");
    }

    [Fact]
    public void ResNet_20_runs_on_pictures_of_CIFAR_beside_what_other_publications_report()
    {
        Cifar([.. MappingNets.Cifar.ClassNames10]);

        Succeeds(
            "resnet", "--dataset", "cifar-10:" + folder.File("cifar"), "--quick", "--epochs", "1", "--methods", "resnet20-nola-11500", "--out", folder.File("out"));

        var run = Report()["runs"]![0]!;
        Assert.Equal(("cifar-10", "resnet20"), (Report()["dataset"]!.GetValue<string>(), run["target"]!.GetValue<string>()));
        Assert.Equal("flip horizontally 0.5, shift 4", run["settings"]!["augmentation"]!.GetValue<string>());
        Assert.InRange(run["trainable"]!.GetValue<int>(), 11_300, 11_500);
        var page = Page();
        Assert.Contains("those of recompressed pictures", page);
        Assert.Contains("| other publications: test % |", page);
        Assert.Contains("| 82.40 (NOLA, 11,500) |", page);
        Assert.DoesNotContain("paper: test %", page);
    }

    [Fact]
    public void A_pretrained_network_is_adapted_by_every_row_that_its_weights_are_enough_for()
    {
        foreach (var (split, count) in new[] { ("train", 110), ("test", 3) })
            foreach (var (name, level) in new[] { ("dark", 40), ("light", 200) })
                for (var picture = 0; picture < count; picture++)
                    folder.Write(Pictures.Colour(8, 8, (byte)(level + (picture % 40)), 90, 90, jpeg: true), "pictures", split, name, $"{picture:D4}.jpg");
        WritePretrained(folder.File("features.onnx"));

        Succeeds(
            "finetune-resnet", "--dataset", "cifar-10:" + folder.File("pictures"), "--pretrained", folder.File("features.onnx"), "--quick", "--epochs", "1",
            "--seeds", "1,2", "--methods", "full,head,scales-512,scales-16384", "--out", folder.File("out"));

        // 300 channels with a bias, a scale and a shift each, and a head of 602 weights.
        Assert.Equal(
            ["full 1", "full 2", "head 1", "head 2", "scales-512 1", "scales-512 2"], Report()["runs"]!.AsArray().Select(run => $"{run!["row"]} {run["seed"]}"));
        var report = File.ReadAllText(folder.File("out/report.md"));
        Assert.Matches(@"\| ResNet-18 Scales \| 512 \| ResNet-18 head \| 602 \| [+-]\d+\.\d\d ± \d+\.\d\d \|", report);
        Assert.Matches(@"\| ResNet-18 all weights \| [\d,]+ \| 1\.00 \|", report);
    }

    [Fact]
    public void Rates_are_kept_for_their_own_rows_pictures_and_network_alone()
    {
        foreach (var (split, count) in new[] { ("train", 201), ("test", 3) })
            foreach (var (name, level) in new[] { ("dark", 40), ("light", 200) })
                for (var picture = 0; picture < count; picture++)
                    folder.Write(Pictures.Colour(8, 8, (byte)(level + (picture % 40)), 90, 90, jpeg: true), "pictures", split, name, $"{picture:D4}.jpg");
        WritePretrained(folder.File("features.onnx"));
        string[] Command(string output) =>
        [
            "finetune-resnet", "--dataset", "cifar-10:" + folder.File("pictures"), "--pretrained", folder.File("features.onnx"), "--epochs", "1", "--methods", "head",
            "--out", folder.File(output),
        ];
        const string tried = "% of the held-out pictures, ";
        Assert.Contains(tried, Succeeds(Command("out")));
        Assert.DoesNotContain(tried, Succeeds(Command("out")));

        // A folder of another experiment is refused before anything is searched.
        Directory.CreateDirectory(folder.File("other"));
        File.WriteAllText(folder.File("other/report.json"), File.ReadAllText(folder.File("out/report.json")).Replace("\"finetune-resnet\"", "\"rivals\""));
        Assert.Contains("Name another folder with --out.", Fails(Command("other")));
        Assert.False(File.Exists(folder.File("other/rates.json")));

        // Older files do not say what their trials are of; the report beside them does, where it is resumed.
        var rates = JsonNode.Parse(File.ReadAllText(folder.File("out/rates.json")))!;
        foreach (var trial in rates["All"]!.AsArray())
            Assert.True(trial!.AsObject().Remove("Subject"));
        File.WriteAllText(folder.File("out/rates.json"), rates.ToJsonString());
        Assert.DoesNotContain(tried, Succeeds([.. Command("out"), "--resume"]));

        // Another network under the same name.
        WritePretrained(folder.File("features.onnx"), seed: 2);
        var output = Succeeds(Command("out"));
        Assert.Contains("do not name theirs; they are not taken.", output);
        Assert.Contains(tried, output);
    }

    /// <summary>A network that puts out its features under the name that the experiment takes them by.</summary>
    private static void WritePretrained(string path, ulong seed = 1)
    {
        const string features = "ReLU393_Output_0";
        using (var model = DirectModel.For(TargetNetwork.Input(3, 64, 64).Conv2d(300, 4, stride: 16).BatchNorm2d().ReLU().Build("features"), seed))
            model.ExportOnnx(path);
        var network = ModelProto.Parser.ParseFrom(File.ReadAllBytes(path));
        var last = network.Graph.Output.Single();
        foreach (var node in network.Graph.Node)
            for (var place = 0; place < node.Output.Count; place++)
                if (node.Output[place] == last.Name)
                    node.Output[place] = features;
        last.Name = features;
        File.WriteAllBytes(path, network.ToByteArray());
    }

    [Fact]
    public void Synthetic_data_is_not_taken_for_real_data_because_somebody_names_its_folder()
    {
        SyntheticAirQuality.Write(folder.File("air"), 400, seed: 1);
        string[] Command(string dataset) =>
            ["timeseries", "--quick", "--epochs", "1", "--methods", "slvt-64", "--out", folder.File("out"), "--dataset", dataset];

        var complaint = Fails(Command(folder.File("air")));

        Assert.Contains("whose file SYNTHETIC.txt says that its data is synthetic", complaint);
        Assert.Contains("prsa:FOLDER takes the folder for that data set", complaint);
        Succeeds(Command("prsa:" + folder.File("air")));
        Assert.Equal("prsa", Report()["dataset"]!.GetValue<string>());
    }

    [Fact]
    public void Pictures_of_other_classes_are_not_taken_for_CIFAR()
    {
        Cifar("cats", "dogs");

        Assert.Contains(
            "has the classes cats, dogs; CIFAR-10 has airplane",
            Fails("resnet", "--dataset", folder.File("cifar"), "--quick", "--methods", "resnet20-direct", "--out", folder.File("out")));
    }

    [Fact]
    public void A_decoder_is_trained_on_one_text_and_fine_tuned_to_another()
    {
        // Whatever their line breaks, passages that come twice count once; fortune's files have other borders than books.
        folder.Write(Encoding.UTF8.GetBytes(string.Join("\n%\n", Enumerable.Range(0, 60).Select(number => $"Saying {number} of a wise\nand old man."))), "texts", "from", "sayings");
        folder.Write([1, 0, 2], "texts", "from", "sayings.dat");
        folder.Write(Encoding.UTF8.GetBytes(string.Join("\n\n", Enumerable.Range(0, 60).Select(number => $"Section {number % 40}: a copy of this must say so."))), "texts", "to", "licence");

        Succeeds(
            "text", "--dataset", "text:" + folder.File("texts"), "--quick", "--methods", "from-direct,to-scales-8192,to-scales-4096-lora-1", "--out", folder.File("out"));

        var runs = Report()["runs"]!.AsArray();
        Assert.Equal(["from-direct", "to-scales-8192", "to-scales-4096-lora-1"], runs.Select(run => run!["row"]!.GetValue<string>()));
        // A network that knows nothing gives each of 50,257 words the same chance.
        Assert.All(runs, run => Assert.InRange(run!["figures"]!["perplexity"]!.GetValue<double>(), 1_000, 200_000));
        // 40 different sections of about 13 tokens, of which a fifth is tested and a tenth held out, in windows of 16.
        Assert.InRange(runs[1]!["trainingImages"]!.GetValue<int>(), 15, 32);
        Assert.Contains("| ours: perplexity |", Page());
        // What training has to beat stands below.
        var references = Report()["references"]!.AsArray().ToDictionary(row => row!["label"]!.GetValue<string>(), row => row!["results"]!["perplexity"]!.GetValue<double>());
        Assert.Equal(
            ["from scratch, frequencies of tokens alone", "second text, frequencies of tokens alone", "before fine-tuning"], references.Keys);
        Assert.True(references["before fine-tuning"] > runs[1]!["figures"]!["perplexity"]!.GetValue<double>());
    }

    [Fact]
    public void Too_little_text_is_refused()
    {
        folder.Write("One line."u8.ToArray(), "texts", "from", "a");
        folder.Write("Another line."u8.ToArray(), "texts", "to", "b");

        Assert.Contains("The text is too short", Fails("text", "--dataset", "text:" + folder.File("texts"), "--quick", "--out", folder.File("out")));
    }

    [Fact]
    public void Segmentation_runs_on_CamVid_and_says_what_it_was_trained_on_and_judged_by()
    {
        folder.Write("sky\nroad\n"u8.ToArray(), "camvid", "classes.txt");
        foreach (var split in new[] { "train", "val", "test" })
            foreach (var name in new[] { "a", "b" })
            {
                folder.Write(Pictures.Colour(80, 60, 9, 200, 90, jpeg: true), "camvid", "images", split, name + ".jpg");
                folder.Write(Pictures.Grey(80, [.. Enumerable.Range(0, 80 * 60).Select(place => (byte)(place < 2_400 ? 0 : place < 4_000 ? 1 : 255))]), "camvid", "masks", split, name + ".png");
            }

        Succeeds(
            "segmentation", "--dataset", "camvid:" + folder.File("camvid"), "--quick", "--epochs", "1", "--methods", "direct", "--out", folder.File("out"));

        var run = Report()["runs"]![0]!;
        Assert.Equal("crop 48 64, flip horizontally 0.5", run["settings"]!["augmentation"]!.GetValue<string>());
        Assert.InRange(run["figures"]!["mIoU"]!.GetValue<double>(), 0, 1);
        var page = Page();
        Assert.Contains("Pictures of 60 x 80 pixels, trained on random crops of 48 x 64", page);
        Assert.DoesNotContain("paper", page);
        Assert.True(File.Exists(folder.File("out/scenes-direct.png")));
    }

    [Fact]
    public void Detection_of_forgeries_names_its_own_data_and_needs_a_network_and_pictures()
    {
        Cifar([.. MappingNets.Cifar.ClassNames10]);
        string[] command = ["deepfake", "--quick", "--epochs", "1", "--methods", "cnn2-slvt-1024", "--out", folder.File("out"), "--dataset"];
        Assert.Contains("--pretrained must name", Fails([.. command, "blended:" + folder.File("cifar")]));
        Assert.Contains("lacks train/CLASS/*.jpg", Fails([.. command, "blended:" + folder.Path]));

        // The vectors of these pictures and this network are taken where there are some, and not made again.
        folder.Write("network.onnx", [1, 2, 3]);
        string[] whole = [.. command, "blended:" + folder.File("cifar"), "--pretrained", folder.File("network.onnx")];
        Assert.Contains("network.onnx", Fails(whole));
        SyntheticDeepfakeFeatures.Write(Directory.GetDirectories(folder.File("out"), "blended-features-600-300-*-*").Single(), 20, 8, seed: 1);
        Succeeds(whole);

        Assert.Equal("blended-cifar-10", Report()["dataset"]!.GetValue<string>());
        var page = Page();
        Assert.Contains("no deepfake data set: it does not compare with the paper's", page);
        Assert.DoesNotContain("paper: test %", page);
    }
}
