using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Xunit;
using static MappingNets.Tests.ReproduceProgram;

namespace MappingNets.Tests;

/// <summary>The command line of experiments/Reproduce as a user meets it, on a data set so small that a row takes seconds.</summary>
public sealed class ReproduceCommandTests : IDisposable
{
    private const int HeldOut = 5_000;
    private const int Kept = 300;
    private const int Test = 60;

    private readonly TemporaryFolder folder = new();

    public ReproduceCommandTests()
    {
        Write("train", HeldOut + Kept);
        Write("t10k", Test);
    }

    public void Dispose() => folder.Dispose();

    private string Out(string name) => folder.File(name);

    [Fact]
    public void Finished_runs_are_taken_over_and_only_the_missing_seed_is_trained()
    {
        Succeeds("classification", "--methods", "cnn2-slvt-1024", "--epochs", "1", "--seeds", "4", "--dataset", folder.Path, "--out", Out("a"));
        var before = WithoutSettings(Runs("a").Single()!);

        var output = Succeeds(
            "classification", "--methods", "cnn2-slvt-1024", "--epochs", "1", "--seeds", "4,5,05", "--dataset", folder.Path, "--out", Out("a"), "--resume");

        Assert.Contains("seed 4: taken from the report", output);
        Assert.Equal([4, 5], Runs("a").Select(run => run!["seed"]!.GetValue<int>()));
        // The time of a step is in it too, which no second training would repeat.
        Assert.Equal(before, WithoutSettings(Runs("a")[0]!));
        var row = Report("a")["summary"]!.AsArray().Single()!;
        Assert.Equal(Runs("a").Average(run => run!["testAccuracy"]!.GetValue<double>()), row["test"]!["mean"]!.GetValue<double>(), 9);
        Assert.All(["report.md", "classification.png"], name => Assert.True(new FileInfo(Path.Combine(Out("a"), name)).Length > 0));
        // One epoch is no curve.
        Assert.False(File.Exists(Path.Combine(Out("a"), "learning-curves.png")));

        // Reports of several folders become one page, from their JSON alone.
        Directory.CreateDirectory(Out("b"));
        File.Copy(Path.Combine(Out("a"), "report.json"), Path.Combine(Out("b"), "report.json"));
        File.WriteAllText(Path.Combine(Out("b"), "notes.md"), "Noted by hand.");
        Succeeds("report", Out("a"), Out("b"), "--out", Out("page.md"));
        var page = File.ReadAllText(Out("page.md"));
        // One section for both, and the words at the end.
        Assert.Equal(["classification", "Words"], page.Split("\n## ").Skip(1).Select(section => section.Split('\n')[0]));
        Assert.Contains("Noted by hand.", page);
        var full = File.ReadAllText(Out("page-in-full.md"));
        Assert.Equal(3, full.Split("## ").Length);
        Assert.Contains("Noted by hand.", full);
        Assert.Contains("CNN2 SLVT 1,024", page);
    }

    // Where there are several runs, what their settings share stands in the report.
    private static string WithoutSettings(JsonNode run)
    {
        var copy = run.DeepClone().AsObject();
        Assert.True(copy.Remove("settings"));
        return copy.ToJsonString();
    }

    [Fact]
    public void Finished_runs_are_not_lost_to_another_command()
    {
        string[] Command(string row, string epochs) =>
            ["classification", "--methods", row, "--epochs", epochs, "--dataset", folder.Path, "--out", Out("kept")];
        Succeeds(Command("cnn2-slvt-1024", "1"));
        var before = File.ReadAllText(Path.Combine(Out("kept"), "report.json"));

        Assert.Contains("holds 1 run that this command would not make again, such as CNN2 SLVT 1,024, seed 1", Fails(Command("cnn2-slvt-2048", "1")));
        Assert.Contains("epochs: 1 there, 2 here", Fails([.. Command("cnn2-slvt-1024", "2"), "--resume"]));
        Assert.Contains("epochs: 1 there, 2 here", Fails([.. Command("cnn2-slvt-1024", "2"), "--resume", "--seeds", "2"]));
        // The same row of other data.
        Directory.CreateDirectory(Out("other"));
        foreach (var file in Directory.GetFiles(folder.Path, "*ubyte*"))
            File.Copy(file, Path.Combine(Out("other"), Path.GetFileName(file)));
        Assert.Contains("Name another folder with --out.", Fails([.. Command("cnn2-slvt-1024", "1")[..^3], Out("other"), "--out", Out("kept")]));
        Assert.Equal(before, File.ReadAllText(Path.Combine(Out("kept"), "report.json")));

        Succeeds([.. Command("cnn2-slvt-2048", "2"), "--resume"]);
        Assert.Equal(2, Runs("kept").Count);
        var page = File.ReadAllText(Path.Combine(Out("kept"), "report.md"));
        Assert.Contains("--epochs 1 --methods cnn2-slvt-1024\n", page);
        Assert.Contains("--epochs 2 --methods cnn2-slvt-2048 --resume\n", page);
    }

    [Fact]
    public void A_folder_is_of_one_command_at_a_time_and_a_killed_one_leaves_it_free()
    {
        string[] command = ["classification", "--methods", "cnn2-slvt-1024", "--epochs", "1", "--dataset", folder.Path, "--out", Out("a")];
        Directory.CreateDirectory(Out("a"));
        using (FileLock.Take(Path.Combine(Out("a"), "report.json")))
            Assert.Contains($"Another command is writing its results into '{Out("a")}'. Wait for it, or name another folder with --out.", Fails(command));

        // A process that was killed leaves the file that it had locked, and no lock.
        File.WriteAllText(Path.Combine(Out("a"), "report.json.lock"), "");
        Succeeds(command);
        Assert.False(File.Exists(Path.Combine(Out("a"), "report.json.lock")));
    }

    [Fact]
    public void Rows_that_start_from_different_networks_do_not_join_one_report()
    {
        string[] command = ["finetune", "--quick", "--epochs", "1", "--dataset", folder.Path, "--out", Out("a"), "--resume", "--methods"];
        Succeeds([.. command, "cnn1-last-layer"]);
        using (var other = DirectModel.For(MappingNets.Targets.Cnn1(5), seed: 9))
            other.Export(Directory.GetFiles(Out("a"), "pretrained-*.safetensors").Single());

        Assert.Contains("holds CNN1 last layer, seed 1, with other settings (base: ", Fails([.. command, "cnn1-last-layer", "--seeds", "1,2"]));
        Assert.Contains("holds CNN1 last layer, seed 1, with other settings (base: ", Fails([.. command, "cnn1-full"]));

        // Reports from before there was such a setting still hold.
        var path = Path.Combine(Out("a"), "report.json");
        File.WriteAllText(path, Regex.Replace(File.ReadAllText(path), ",\"base\":\"[0-9a-f]+\"", ""));
        Assert.Contains("seed 1: taken from the report", Succeeds([.. command, "cnn1-last-layer"]));
    }

    [Fact]
    public void Rows_of_different_teachers_do_not_join_a_mean()
    {
        string[] command =
            ["classification", "--quick", "--epochs", "1", "--methods", "cnn2-slvt-2048-distilled", "--dataset", folder.Path, "--out", Out("a"), "--resume", "--seeds"];
        Succeeds([.. command, "1"]);
        var teachers = Directory.GetFiles(Out("a"), "teacher-*.safetensors");
        Assert.Equal(4, teachers.Length);
        using (var other = DirectModel.For(MappingNets.Targets.Cnn1(), seed: 9))
            other.Export(teachers.First(path => path.Contains("cnn1", StringComparison.Ordinal)));

        Assert.Contains(", seed 1, with other settings (teachers: ", Fails([.. command, "1,2"]));

        // What is finished needs no teachers.
        Array.ForEach(teachers, File.Delete);
        Assert.Contains("seed 1: taken from the report", Succeeds([.. command, "1"]));
    }

    [Theory]
    [InlineData("t10k", Test, "data")]
    [InlineData("train", HeldOut + Kept, "training data")]
    public void Seeds_of_other_pictures_under_the_same_name_do_not_join_a_mean(string part, int count, string setting)
    {
        string[] command = ["classification", "--methods", "cnn2-slvt-1024", "--epochs", "1", "--dataset", folder.Path, "--out", Out("a"), "--resume", "--seeds"];
        Succeeds([.. command, "1"]);
        Write(part, count, first: 7);

        Assert.Contains($"holds CNN2 SLVT 1,024, seed 1, with other settings ({setting}: ", Fails([.. command, "1,2"]));
        // Rows of one table are judged on one test set.
        if (setting == "data")
            Assert.Contains(
                "holds CNN2 SLVT 1,024, seed 1, with other settings (data: ", Fails([.. command.Select(word => word.Replace("slvt-1024", "slvt-2048")), "1"]));

        // Reports from before there was such a setting still hold.
        var path = Path.Combine(Out("a"), "report.json");
        File.WriteAllText(path, Regex.Replace(File.ReadAllText(path), $",\"{setting}\":\"[0-9a-f]+\"", ""));
        Assert.Contains("seed 1: taken from the report", Succeeds([.. command, "1"]));
    }

    [Theory]
    [InlineData("manifold", "trajectories")]
    [InlineData("intrinsic-dimension", "dimensionSearches")]
    public void What_was_found_for_one_seed_stays_when_another_is_added(string verb, string found)
    {
        string[] command = [verb, "--quick", "--epochs", "3", "--dataset", folder.Path, "--out", Out("a")];
        Succeeds([.. command, "--seeds", "1"]);
        Assert.Contains("--resume keeps them", Fails([.. command, "--seeds", "2"]));

        Succeeds([.. command, "--seeds", "2", "--resume"]);

        Assert.Equal([1, 2], Report("a")[found]!.AsArray().Select(each => each!["seed"]!.GetValue<int>()).Distinct());
    }

    [Theory]
    [InlineData("-INT")]
    [InlineData("-TERM")]
    public void A_run_stopped_by_Ctrl_C_or_terminated_goes_on_with_the_bits_of_an_uninterrupted_one(string signal)
    {
        string[] Command(string output) =>
            ["classification", "--methods", "cnn2-lwt-2688", "--epochs", "12", "--dataset", folder.Path, "--out", Out(output)];
        Succeeds(Command("whole"));

        Directory.CreateDirectory(Out("cut"));
        using (var watcher = new FileSystemWatcher(Out("cut"), "*.resume.safetensors"))
        using (var process = Start(Command("cut")))
        {
            // The file is there as soon as the first epoch is done; eleven more leave time to interrupt it.
            Assert.False(watcher.WaitForChanged(WatcherChangeTypes.All, TimeSpan.FromMinutes(2)).TimedOut);
            ChildProcess.Run("kill", [signal, $"{process.Id}"]);
            var output = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            Assert.Equal(130, process.ExitCode);
            Assert.Contains("the same command with --resume goes on from there", output);
        }

        Assert.False(File.Exists(Path.Combine(Out("cut"), "report.json")));
        Succeeds([.. Command("cut"), "--resume"]);

        Assert.True(new FileInfo(Path.Combine(Out("cut"), "learning-curves.png")).Length > 0);
        string[] bits = ["trainLoss", "testLoss", "testAccuracy", "history"];
        Assert.All(bits, name => Assert.Equal(Runs("whole")[0]![name]!.ToJsonString(), Runs("cut")[0]![name]!.ToJsonString()));
        Assert.Empty(Directory.GetFiles(Out("cut"), "*.resume.safetensors"));
    }

    [Theory]
    [InlineData("--methods knows no 'cnn9'", "classification", "--methods", "cnn9")]
    [InlineData("--seeds takes whole numbers of at least 0, such as 1,2,3; 'x' is none.", "rivals", "--seeds", "1,x")]
    [InlineData("--epochs takes a whole number from 1 to 2147483647; '0' is none.", "sweep", "--epochs", "0")]
    [InlineData("'x' is none", "sweep", "--epochs", "x")]
    [InlineData("--methods needs the name of a row", "sweep", "--methods", "")]
    [InlineData("--out takes the name of a folder; '' is none.", "sweep", "--out", "")]
    [InlineData("There is no experiment 'nothing'", "list", "nothing")]
    [InlineData("nowhere", "robustness", "--dataset", "nowhere")]
    [InlineData("--dataset takes fashion-mnist, mnist, mnist:FOLDER", "robustness", "--dataset", "mnist:nowhere")]
    [InlineData("nowhere", "report", "nowhere")]
    [InlineData("--methods names only rows that --quick leaves out", "finetune", "--quick", "--methods", "cnn1-lora-512")]
    [InlineData("--pretrained names a network that makes features of pictures", "deepfake", "--quick", "--pretrained", "x.onnx")]
    public void What_cannot_be_done_is_said_and_fails(string expected, params string[] arguments)
    {
        Assert.Contains(expected, Fails(arguments));
    }

    [Fact]
    public void List_names_every_experiment_and_the_rows_of_each()
    {
        var names = Succeeds("list").Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split(' ')[0]).ToArray();

        Assert.Equal(
            [
                "classification", "robustness", "add-ons", "bytes", "loss-ablation", "overfitting", "timeseries", "segmentation", "deepfake", "resnet",
                "finetune", "finetune-resnet", "text", "rivals", "sweep", "manifold", "intrinsic-dimension",
            ],
            names);
        Assert.Contains("cnn2-lwt-2688\n", Succeeds("list", "classification"));
    }

    private JsonNode Report(string output) => JsonNode.Parse(File.ReadAllText(Path.Combine(Out(output), "report.json")))!;

    private JsonArray Runs(string output) => Report(output)["runs"]!.AsArray();

    /// <summary>Images of a class have a bar at a place of its own.</summary>
    private void Write(string name, int count, int first = 0)
    {
        var pixels = new byte[count * 28 * 28];
        for (var image = 0; image < count; image++)
            pixels.AsSpan(image * 28 * 28 + image % 10 * 2 * 28, 3 * 28).Fill((byte)(100 + (first + image) % 156));
        folder.Write($"{name}-images-idx3-ubyte", IdxBytes.Of([count, 28, 28], pixels));
        folder.Write($"{name}-labels-idx1-ubyte", IdxBytes.Of([count], [.. Enumerable.Range(0, count).Select(image => (byte)(image % 10))]));
    }
}
