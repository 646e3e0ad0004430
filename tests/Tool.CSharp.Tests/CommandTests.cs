using System.Security.Cryptography;
using System.Text.Json.Nodes;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

/// <summary>What the verbs do.</summary>
public sealed class CommandTests : ToolTests
{
    [Theory]
    [InlineData("slvt")]
    [InlineData("lwt")]
    public async Task A_trained_adapter_is_evaluated_inspected_and_predicts_without_being_told_more(string method)
    {
        var adapter = await Trained("a.safetensors", "--method", method, "--augment", "--tensorboard", folder.File("events"));

        var found = await Json("evaluate", adapter);
        Assert.Equal(24, found["samples"]!.GetValue<int>());
        Assert.True(found["accuracy"]!.GetValue<double>() > 0.9);

        var predicted = await Json("predict", adapter, Path.Combine(folder.File("pictures"), "light", "3.png"), Path.Combine(folder.File("pictures"), "dark", "5.png"));
        Assert.Equal(["light", "dark"], predicted.AsArray().Select(each => each!["class"]!.GetValue<string>()));

        var inspected = await Json("inspect", adapter);
        Assert.Equal("the content has the hash it was written with", inspected["integrity"]!.GetValue<string>());
        Assert.Equal("latent", inspected["tensors"]![0]!["name"]!.GetValue<string>());
        Assert.Equal(1, inspected["metadata"]!["mapping"]!["seed"]!.GetValue<int>());
        Assert.Contains(inspected["bounds"]!.AsObject(), pair => pair.Key.Contains("weights", StringComparison.Ordinal));
        Assert.Single(Directory.GetFiles(folder.File("events")));
        Assert.Contains("accuracy", (await Run("evaluate", adapter)).Output);
        Assert.Contains("light (", (await Run("predict", adapter, Path.Combine(folder.File("pictures"), "light", "3.png"))).Output);
        Assert.Contains("latent  F32  (64)", (await Run("inspect", adapter)).Output);
    }

    [Fact]
    public async Task The_same_command_gives_the_same_adapter_and_the_library_reads_it()
    {
        var (one, two) = (await Trained("one.safetensors"), await Trained("two.safetensors"));
        Assert.Equal(File.ReadAllBytes(one), File.ReadAllBytes(two));
        using var data = ImageFolder.Open(folder.File("pictures"), 8, 8);
        using var model = MappedModel.LoadAdapter(one, Tool.NetworkSource.Open("mlp", data.InputShape, 2));
        Assert.True(Evaluation.Of(model, data).Accuracy > 0.9);
    }

    [Fact]
    public async Task Weights_are_merged_exported_for_onnx_runtime_and_fine_tuned_from()
    {
        var adapter = await Trained();
        var (merged, onnx, tuned) = (folder.File("w.safetensors"), folder.File("w.onnx"), folder.File("t.safetensors"));
        Assert.Equal(0, (await Run("merge", adapter, merged)).Status);
        Assert.Equal(0, (await Run("export", adapter, onnx)).Status);
        Assert.Equal(0, (await Run("export", adapter, folder.File("small.safetensors"), "--precision", "int8")).Status);
        Assert.True(new FileInfo(folder.File("small.safetensors")).Length < new FileInfo(merged).Length / 3);

        var report = await Json("train", tuned, "--data", Data, "--side", "8", "--network", "mlp", "--base", merged, "--method", "scales", "--parameters", "32", "--epochs", "1", "--batch-size", "4");
        Assert.Equal(32, report["parameters"]!.GetValue<int>());
        Assert.True((await Json("evaluate", tuned))["accuracy"]!.GetValue<double>() > 0.9);

        // An ONNX network is fine-tuned from its own weights without being told so.
        var report2 = await Json("train", folder.File("o.safetensors"), "--data", Data, "--side", "8", "--network", onnx, "--parameters", "32", "--epochs", "1", "--batch-size", "4");
        Assert.True(report2["heldOutAccuracy"]!.GetValue<double>() > 0.9);
        Assert.True((await Json("evaluate", folder.File("o.safetensors")))["accuracy"]!.GetValue<double>() > 0.9);
    }

    [Fact]
    public async Task Pretrained_weights_are_refused_beside_an_adapter_that_was_trained_from_nothing()
    {
        var adapter = await Trained();
        var (merged, picture) = (folder.File("w.safetensors"), Path.Combine(folder.File("pictures"), "light", "3.png"));
        Assert.Equal(0, (await Run("merge", adapter, merged)).Status);
        foreach (var verb in new string[][] { ["evaluate", adapter], ["predict", adapter, picture], ["merge", adapter, folder.File("m")], ["export", adapter, folder.File("m")] })
        {
            var (status, _, errors) = await Run([.. verb, "--base", merged]);
            Assert.Equal(1, status);
            Assert.Contains($"--base '{merged}'", errors);
        }
    }

    [Fact]
    public async Task Named_weights_are_fine_tuned_unless_the_method_is_named_and_then_only_by_one_that_takes_them()
    {
        var merged = folder.File("w.safetensors");
        Assert.Equal(0, (await Run("merge", await Trained(), merged)).Status);
        string[] more = ["--data", Data, "--side", "8", "--network", "mlp", "--base", merged, "--parameters", "32", "--epochs", "1", "--batch-size", "4"];
        var report = await Json(["train", folder.File("t.safetensors"), .. more]);
        Assert.Contains("tuning", (await Json("inspect", folder.File("t.safetensors")))["metadata"]!["format"]!.GetValue<string>());
        Assert.True(report["heldOutAccuracy"]!.GetValue<double>() > 0.9);

        foreach (var method in new[] { "slvt", "lwt" })
        {
            var (status, _, errors) = await Run(["train", folder.File("n.safetensors"), .. more, "--method", method]);
            Assert.Equal(1, status);
            Assert.Contains($"--method {method}", errors);
            Assert.Contains("--base", errors);
            Assert.False(File.Exists(folder.File("n.safetensors")));
        }
    }

    [Fact]
    public async Task An_adapter_that_its_description_would_overwrite_is_refused_before_the_training()
    {
        var (status, output, errors) = await Run(
            "train", folder.File("boots.json"), "--data", Data, "--side", "8", "--network", "mlp", "--epochs", "1", "--parameters", "64");
        Assert.Equal((1, ""), (status, output));
        Assert.Contains("boots.safetensors", errors);
        Assert.False(File.Exists(folder.File("boots.json")));
    }

    [Theory]
    [InlineData("adapter's description", "train", "new.safetensors", "--resume", "new.json")]
    [InlineData("adapter", "train", "new.safetensors", "--resume", "./new.safetensors")]
    [InlineData("run of --resume", "train", "new.safetensors", "--resume", "w.safetensors", "--base", "w.safetensors")]
    [InlineData("adapter", "train", "w.safetensors", "--base", "W.safetensors")]
    [InlineData("adapter", "train", "link.safetensors", "--base", "w.safetensors")]
    [InlineData("output", "merge", "a.safetensors", "a.safetensors")]
    [InlineData("output", "export", "a.safetensors", "a.json")]
    [InlineData("output", "export", "both", "both/adapter_model.safetensors")]
    [InlineData("output", "merge", "t.safetensors", "w.safetensors")]
    [InlineData("output", "convert", "both/", "both.json")]
    [InlineData("adapter's model", "convert", "both/adapter_model.safetensors", "both")]
    public async Task No_command_writes_over_what_it_reads_or_writes_otherwise(string what, string verb, params string[] arguments)
    {
        var (adapter, merged) = (await Trained(), folder.File("w.safetensors"));
        Assert.Equal(0, (await Run("merge", adapter, merged)).Status);
        Assert.Equal(0, (await Run("convert", adapter, folder.File("both"))).Status);
        string[] train = ["--data", Data, "--side", "8", "--network", "mlp", "--epochs", "1", "--parameters", "32", "--batch-size", "4"];
        Assert.Equal(0, (await Run(["train", folder.File("t.safetensors"), "--base", merged, .. train])).Status);
        File.Copy(folder.File("a.json"), folder.File("both.json"));
        File.CreateSymbolicLink(folder.File("link.safetensors"), merged);
        Dictionary<string, byte[]> Files() => Directory.GetFiles(folder.Path, "*", SearchOption.AllDirectories).ToDictionary(file => file, File.ReadAllBytes);
        var before = Files();

        string[] named = [verb, .. arguments.Select(argument => argument.StartsWith('-') ? argument : folder.File(argument))];
        var (status, _, errors) = await Run([.. named, .. verb == "train" ? train : []]);
        Assert.Equal(1, status);
        Assert.Contains($"which the {what} would overwrite", errors);
        Assert.Equal(before, Files());
    }

    [Theory]
    [InlineData(2_000_000_000, "its network takes (1, 28, 28)")]
    [InlineData(-1, "each size is 1 at least")]
    [InlineData(4_294_967_297, "each size is 1 at least")]
    public async Task Samples_that_only_the_description_has_are_refused_before_memory_is_taken_for_them(long channels, string why)
    {
        using (var model = MappingNetwork.For(Targets.Cnn2(2)).SingleLatent(8).Build())
            model.SaveAdapter(folder.File("c.safetensors"));
        File.WriteAllText(folder.File("c.json"), $$"""
            { "network": "cnn2", "base": null, "data": "images:{{folder.File("pictures")}}", "inputShape": [{{channels}}, 28, 28], "classNames": ["dark", "light"] }
            """);
        var (status, _, errors) = await Run("predict", folder.File("c.safetensors"), Path.Combine(folder.File("pictures"), "light", "3.png"));
        Assert.Equal(1, status);
        Assert.Contains(why, errors);
    }

    [Fact]
    public async Task A_link_is_as_long_as_its_file_and_repeated_names_are_shown_as_they_stand()
    {
        var adapter = await Trained();
        File.CreateSymbolicLink(folder.File("l.safetensors"), adapter);
        Assert.Equal(new FileInfo(adapter).Length, (await Json("inspect", folder.File("l.safetensors")))["bytes"]!.GetValue<long>());
        using (TorchSharp.torch.NewDisposeScope())
            SafetensorsFile.Write(
                folder.File("r.safetensors"), [("w", TorchSharp.torch.ones(1))], new Dictionary<string, string> { ["x"] = "{\"a\":1,\"a\":2}" });
        var (status, text, _) = await Run("inspect", folder.File("r.safetensors"));
        Assert.Equal(0, status);
        Assert.Contains("{\"a\":1,\"a\":2}", text);
    }

    [Fact]
    public async Task A_file_becomes_a_folder_and_a_file_again_with_the_same_bytes()
    {
        var adapter = await Trained();
        Assert.Equal(0, (await Run("convert", adapter, folder.File("both"))).Status);
        Assert.True(File.Exists(Path.Combine(folder.File("both"), "adapter_config.json")));
        Assert.Equal(0, (await Run("convert", folder.File("both"), folder.File("again.safetensors"))).Status);
        Assert.Equal(File.ReadAllBytes(adapter), File.ReadAllBytes(folder.File("again.safetensors")));
    }

    [Theory]
    [InlineData(2, "--epochs takes a number; 'three' is none.", "train", "a", "--epochs", "three")]
    [InlineData(2, "--rate takes a number; 'fast' is none.", "train", "a", "--rate", "fast")]
    [InlineData(2, "--rate takes a number; '0,001' is none.", "train", "a", "--rate", "0,001")]
    [InlineData(2, "--hold-out takes a number; '0,1' is none.", "train", "a", "--hold-out", "0,1")]
    [InlineData(2, "--rate takes a number above 0 and at most 1E+30; -1 is none.", "train", "a", "--rate", "-1")]
    [InlineData(2, "--hold-out takes a number from 0 to 0.9; 2 is none.", "train", "a", "--hold-out", "2")]
    [InlineData(2, "--seed is beyond its range: -1.", "train", "a", "--seed", "-1")]
    [InlineData(2, "'--epoch' is not known; did you mean '--epochs'?", "train", "a", "--epoch", "3")]
    [InlineData(2, "'--gray' is not known; did you mean '--grey'?", "train", "a", "--gray")]
    [InlineData(1, "--data is missing", "train", "a")]
    [InlineData(2, "--epochs takes a number from 1", "train", "a", "--epochs", "0")]
    [InlineData(2, "'wrong'", "wrong")]
    [InlineData(2, "--method", "train", "a", "--method", "magic")]
    [InlineData(1, "--data is 'cats'; it must be one of", "train", "a", "--data", "cats")]
    [InlineData(1, "does not exist", "train", "a", "--data", "images:/nowhere")]
    [InlineData(1, "nowhere.safetensors", "inspect", "/nowhere.safetensors")]
    [InlineData(1, "which train writes beside an adapter", "evaluate", "/nowhere.safetensors")]
    public async Task What_is_wrong_is_one_line_with_the_remedy(int status, string part, params string[] arguments)
    {
        var result = await Run(arguments);
        Assert.Equal(status, result.Status);
        var line = Assert.Single(result.Errors.TrimEnd().Split('\n'), text => text.Contains(part, StringComparison.Ordinal));
        Assert.StartsWith("mappingnets: ", line);
        Assert.DoesNotContain("   at ", result.Errors);
    }

    [Fact]
    public async Task Fine_tuning_without_weights_says_how_to_name_them()
    {
        var (status, _, errors) = await Run("train", folder.File("t"), "--data", Data, "--side", "8", "--network", "mlp", "--method", "scales");
        Assert.Equal(1, status);
        Assert.Contains("name their file with --base", errors);
        Assert.False(File.Exists(folder.File("t")));
    }

    [Fact]
    public async Task A_damaged_adapter_is_refused_by_name()
    {
        var adapter = await Trained();
        var bytes = File.ReadAllBytes(adapter);
        bytes[^5] ^= 1;
        File.WriteAllBytes(adapter, bytes);
        var (status, _, errors) = await Run("inspect", adapter);
        Assert.Equal(1, status);
        Assert.Contains("is damaged", errors);
        folder.Write("{}"u8.ToArray(), "a.json");
        Assert.Contains("is no description of an adapter", (await Run("evaluate", adapter)).Errors);
        folder.Write("""{"network":null,"base":null,"data":"mnist","inputShape":[1,28,28],"classNames":["0"]}"""u8.ToArray(), "a.json");
        Assert.Contains("is no description of an adapter", (await Run("evaluate", adapter)).Errors);
    }

    [Fact]
    public async Task Text_of_a_file_is_cut_and_cannot_steer_a_terminal()
    {
        var adapter = await Trained();
        var description = Tool.Recipe.FileOf(adapter);
        var recipe = JsonNode.Parse(File.ReadAllText(description))!;
        recipe["classNames"] = new JsonArray("\u001b[2J\u202e" + new string('x', 5_000), "light");
        File.WriteAllText(description, recipe.ToJsonString());
        RefusedInShort(await Run("evaluate", adapter));
        var picture = Path.Combine(folder.File("pictures"), "dark", "3.png");
        var (status, output, _) = await Run("predict", adapter, picture);
        Assert.Equal(0, status);
        Assert.DoesNotContain('\u001b', output);

        recipe["network"] = "\u001b[2J" + new string('x', 5_000);
        File.WriteAllText(description, recipe.ToJsonString());
        RefusedInShort(await Run("predict", adapter, picture));

        File.WriteAllText(description, "{ \"\\u001b[2J" + new string('x', 5_000) + "\": 1 }");
        RefusedInShort(await Run("evaluate", adapter));

        static void RefusedInShort((int Status, string Output, string Errors) result)
        {
            Assert.Equal(1, result.Status);
            Assert.DoesNotContain('\u001b', result.Errors);
            Assert.DoesNotContain('\u202e', result.Errors);
            Assert.InRange(result.Errors.Length, 1, 1_000);
        }
    }

    [Fact]
    public async Task What_was_written_is_told_as_one_object()
    {
        var adapter = await Trained();
        foreach (var (verb, name) in new[] { ("merge", "w.safetensors"), ("export", "w.onnx"), ("convert", "both") })
        {
            var told = await Json(verb, adapter, folder.File(name));
            var written = verb == "convert" ? Path.Combine(folder.File(name), "adapter_model.safetensors") : folder.File(name);
            Assert.Equal(folder.File(name), told["output"]!.GetValue<string>());
            Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(written))), told["sha256"]!.GetValue<string>());
            var files = verb == "convert" ? Directory.GetFiles(folder.File(name)) : [written];
            Assert.Equal(files.Sum(file => new FileInfo(file).Length), told["bytes"]!.GetValue<long>());
        }
    }

    [Theory]
    [InlineData(5, "00:05")]
    [InlineData(3665, "61:05")]
    [InlineData(720_000, "12000:00")]
    public void The_dashboards_time_is_whole_where_it_is_hours(int seconds, string shown) =>
        Assert.Equal(shown, Tool.Dashboard.Minutes(TimeSpan.FromSeconds(seconds)));

    [Fact]
    public async Task Each_verb_has_its_help()
    {
        var (status, output, _) = await Run("--help");
        Assert.Equal(0, status);
        foreach (var verb in new[] { "train", "evaluate", "predict", "inspect", "merge", "export", "convert" })
        {
            Assert.Contains(verb, output);
            Assert.Equal(0, (await Run(verb, "--help")).Status);
        }
    }
}
