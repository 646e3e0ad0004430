using System.Diagnostics;
using System.Text.Json.Nodes;
using Google.Protobuf;
using Onnx;
using Xunit;
using static TorchSharp.torch;

namespace MappingNets.Tests;

/// <summary>What the tool refuses and when, and how it ends where it is broken off.</summary>
public sealed class RefusalTests : ToolTests
{
    private string[] Training => ["--data", Data, "--side", "8", "--network", "mlp", "--epochs", "1", "--parameters", "32", "--batch-size", "4"];

    private async Task Refused(string part, params string[] arguments)
    {
        var (status, output, errors) = await Run(arguments);
        Assert.Equal((1, ""), (status, output));
        Assert.Contains(part, errors);
        Assert.Single(errors.TrimEnd().Split('\n'));
    }

    [Theory]
    [InlineData("there is no folder", "nowhere/a.safetensors")]
    [InlineData("there is no folder", "nowhere/")]
    [InlineData("it is a folder", "pictures")]
    [InlineData("it is a folder", "taken.safetensors")]
    public async Task A_place_that_cannot_be_written_is_refused_before_the_training(string part, string name)
    {
        Directory.CreateDirectory(folder.File("taken.json"));
        // An epoch would be told; a run's file would be there.
        await Refused(part, ["train", folder.File(name), .. Training, "--resume", folder.File("run")]);
        Assert.False(File.Exists(folder.File("run")));
    }

    [Theory]
    [InlineData("merge", "w.safetensors")]
    [InlineData("export", "w.onnx")]
    public async Task Merge_and_export_try_their_place_before_they_load_anything(string verb, string name)
    {
        var adapter = await Trained();
        // What comes after it is not reached.
        var recipe = JsonNode.Parse(File.ReadAllText(folder.File("a.json")))!;
        recipe["network"] = "gone.onnx";
        File.WriteAllText(folder.File("a.json"), recipe.ToJsonString());
        await Refused("there is no folder", verb, adapter, Path.Combine(folder.File("nowhere"), name));
        await Refused("gone.onnx", verb, adapter, folder.File(name));
    }

    [Theory]
    [InlineData("lr0.05", "lr0.05.json")]
    [InlineData("shoes.v1/", "shoes.v1.json")]
    [InlineData("boots.safetensors", "boots.json")]
    [InlineData("boots.SafeTensors", "boots.json")]
    [InlineData("boots", "boots.json")]
    public void Only_adapters_that_differ_in_no_more_than_safetensors_share_a_description(string adapter, string description) =>
        Assert.Equal(description, Tool.Recipe.FileOf(adapter));

    [Theory]
    [InlineData("{}")]
    [InlineData("null")]
    [InlineData("""{ "name": "web" }""")]
    public async Task A_file_that_is_no_description_is_not_overwritten(string text)
    {
        File.WriteAllText(folder.File("package.json"), text);
        await Refused($"'{folder.File("package.json")}' is no description", ["train", folder.File("package.safetensors"), .. Training, "--resume", folder.File("run")]);
        Assert.Equal(text, File.ReadAllText(folder.File("package.json")));
        Assert.False(File.Exists(folder.File("run")));
    }

    [Theory]
    [InlineData("train", "pictures/dark/1.png")]
    [InlineData("train", "pictures/light/new")]
    [InlineData("merge", "linked/1.png")]
    public async Task No_command_writes_among_the_pictures_of_a_class(string verb, string name)
    {
        Directory.CreateSymbolicLink(folder.File("linked"), Path.Combine(folder.File("pictures"), "dark"));
        var path = folder.File(name);
        var before = File.Exists(path) ? File.ReadAllBytes(path) : null;
        await Refused("has no place; give it another folder", verb == "merge" ? [verb, await Trained(), path] : [verb, path, .. Training]);
        Assert.Equal(before, File.Exists(path) ? File.ReadAllBytes(path) : null);
    }

    [Fact]
    public async Task No_event_file_is_written_among_the_pictures_of_a_class() => await Refused(
        "has no place; give it another folder", ["train", folder.File("a.safetensors"), .. Training, "--tensorboard", Path.Combine(folder.File("pictures"), "dark")]);

    [Fact]
    public async Task No_command_writes_over_the_files_of_mnist()
    {
        folder.Write([1], "digits", "t10k-labels-idx1-ubyte");
        await Refused("which the adapter would overwrite", "train", Path.Combine(folder.File("digits"), "t10k-labels-idx1-ubyte"), "--data", "mnist:" + folder.File("digits"));
    }

    [Fact]
    public async Task No_command_writes_over_the_files_of_mnist_that_the_environment_names()
    {
        folder.Write([1], "digits", "t10k-labels-idx1-ubyte");
        var before = Environment.GetEnvironmentVariable(Mnist.FolderVariable);
        Environment.SetEnvironmentVariable(Mnist.FolderVariable, folder.File("digits"));
        try
        {
            await Refused("which the adapter would overwrite", "train", Path.Combine(folder.File("digits"), "t10k-labels-idx1-ubyte"), "--data", "mnist");
        }
        finally
        {
            Environment.SetEnvironmentVariable(Mnist.FolderVariable, before);
        }
    }

    [Fact]
    public async Task A_file_that_is_no_lock_of_a_run_stays()
    {
        folder.Write([1], "paket.lock");
        await Refused("is another, with content", ["train", folder.File("a.safetensors"), .. Training, "--resume", folder.File("paket")]);
        Assert.Equal([1], File.ReadAllBytes(folder.File("paket.lock")));
    }

    [Fact]
    public async Task Columns_in_another_order_are_refused()
    {
        var rows = folder.Write("rows.csv", "a,b,class\n1,2,x\n2,3,y\n"u8.ToArray());
        var turned = folder.Write("turned.csv", "b,a,class\n2,1,x\n3,2,y\n"u8.ToArray());
        Assert.Equal(0, (await Run(
            "train", folder.File("a.safetensors"), "--data", $"csv:{rows}:class", "--network", "mlp", "--epochs", "1", "--parameters", "8", "--hold-out", "0")).Status);
        Assert.Equal(0, (await Run("evaluate", folder.File("a.safetensors"))).Status);
        await Refused("was trained on a, b, in this order", "evaluate", folder.File("a.safetensors"), "--data", $"csv:{turned}:class");
    }

    [Fact]
    public async Task Merge_writes_no_onnx() => await Refused("export writes that", "merge", await Trained(), folder.File("w.onnx"));

    [Fact]
    public async Task A_link_to_a_folder_stands_for_the_files_in_it()
    {
        folder.Write([1], "weights", "w.safetensors");
        Directory.CreateSymbolicLink(folder.File("linked"), folder.File("weights"));
        await Refused(
            "which the adapter would overwrite",
            ["train", Path.Combine(folder.File("linked"), "w.safetensors"), .. Training, "--base", Path.Combine(folder.File("weights"), "w.safetensors")]);
    }

    [Fact]
    public async Task A_file_in_which_an_onnx_network_keeps_its_weights_is_not_overwritten()
    {
        var adapter = await Trained();
        Assert.Equal(0, (await Run("export", adapter, folder.File("whole.onnx"))).Status);
        var model = ModelProto.Parser.ParseFrom(File.ReadAllBytes(folder.File("whole.onnx")));
        var kept = new List<byte>();
        foreach (var tensor in model.Graph.Initializer.Where(tensor => tensor.RawData.Length > 0))
        {
            foreach (var (key, value) in new[] { ("location", "net.onnx.data"), ("offset", $"{kept.Count}"), ("length", $"{tensor.RawData.Length}") })
                tensor.ExternalData.Add(new StringStringEntryProto { Key = key, Value = value });
            kept.AddRange(tensor.RawData);
            (tensor.RawData, tensor.DataLocation) = (ByteString.Empty, TensorProto.Types.DataLocation.External);
        }

        var (network, data) = (folder.Write("net.onnx", model.ToByteArray()), folder.Write("net.onnx.data", [.. kept]));
        await Refused("which the output would overwrite", "export", adapter, data, "--network", network);
        await Refused("which the adapter would overwrite", ["train", data, .. Training.Select(word => word == "mlp" ? network : word)]);
        Assert.Equal(kept, File.ReadAllBytes(data));
    }

    [Fact]
    public async Task A_class_without_a_name_is_refused_with_the_file()
    {
        var adapter = await Trained();
        var recipe = JsonNode.Parse(File.ReadAllText(folder.File("a.json")))!;
        recipe["classNames"]![1] = null;
        File.WriteAllText(folder.File("a.json"), recipe.ToJsonString());
        var picture = Path.Combine(folder.File("pictures"), "light", "3.png");
        foreach (var verb in new[] { new[] { "evaluate", adapter }, ["predict", adapter, picture] })
            await Refused($"'{folder.File("a.json")}' is no description of an adapter: The class 1", verb);
    }

    [Fact]
    public async Task Damaged_adapters_are_not_converted()
    {
        var bytes = File.ReadAllBytes(await Trained());
        bytes[^5] ^= 1;
        await Refused("is damaged", "convert", folder.Write("a.safetensors", bytes), folder.File("both"));
        Assert.False(Directory.Exists(folder.File("both")));

        using (var whole = SafetensorsFile.Read(await Trained("b.safetensors")))
        using (NewDisposeScope())
            SafetensorsFile.Write(
                folder.File("bare.safetensors"), [("latent", whole.Load("latent"))],
                whole.Metadata.Where(pair => pair.Key != "content_sha256").ToDictionary());
        await Refused("carries the SHA-256", "convert", folder.File("bare.safetensors"), folder.File("both"));
    }

    [Fact]
    public async Task Weights_and_tensors_of_other_types_are_not_converted()
    {
        Assert.Equal(0, (await Run("merge", await Trained(), folder.File("w.safetensors"))).Status);
        await Refused("the format 'pt'", "convert", folder.File("w.safetensors"), folder.File("both"));

        var header = """{"__metadata__":{"format":"mappingnets-adapter","format_version":"1"},"latent":{"dtype":"U16","shape":[2],"data_offsets":[0,4]}}"""u8;
        await Refused("latent U16(2)", "convert", folder.Write("u.safetensors", [(byte)header.Length, 0, 0, 0, 0, 0, 0, 0, .. header, 1, 0, 2, 0]), folder.File("both"));
        Assert.False(Directory.Exists(folder.File("both")));
    }

    [Theory]
    [InlineData("""{}""")]
    [InlineData("""{"network":"gone.onnx","base":null,"data":"mnist","inputShape":[3,8,8],"classNames":["dark","light"]}""")]
    public async Task A_sound_adapter_is_inspected_also_where_its_bounds_are_not_known(string description)
    {
        var adapter = await Trained();
        File.WriteAllText(folder.File("a.json"), description);
        var (status, output, errors) = await Run("inspect", adapter);
        Assert.Equal((0, ""), (status, errors));
        Assert.Contains("latent  F32  (64)", output);
        Assert.Single(output.Split('\n'), line => line.StartsWith("bounds: not known, because ", StringComparison.Ordinal));

        var told = await Json("inspect", adapter);
        Assert.Null(told["bounds"]);
        Assert.NotEqual("", told["boundsNotKnown"]!.GetValue<string>());
    }

    [Fact]
    public async Task A_loss_that_is_no_number_is_told_in_json()
    {
        folder.Write("a,b,class\n1,2,x\n2,3,y\n3,4,x\n4,5,y\n"u8.ToArray(), "rows.csv");
        folder.Write("a,b,class\n3e38,3e38,x\n-3e38,3e38,x\n3e38,-3e38,y\n"u8.ToArray(), "huge.csv");
        var adapter = folder.File("c.safetensors");
        Assert.Equal(0, (await Run("train", adapter, "--data", $"csv:{folder.File("rows.csv")}:class", "--network", "mlp", "--epochs", "1", "--parameters", "8", "--hold-out", "0")).Status);

        var found = await Json("evaluate", adapter, "--data", $"csv:{folder.File("huge.csv")}:class");
        Assert.Contains(found["loss"]!.GetValue<string>(), new[] { "NaN", "Infinity" });
    }

    [Fact]
    public async Task A_verb_that_is_broken_off_says_so_and_writes_nothing()
    {
        var adapter = await Trained();
        var before = Directory.GetFiles(folder.Path);
        foreach (var verb in new string[][]
        {
            ["train", folder.File("new.safetensors"), .. Training], ["evaluate", adapter], ["predict", adapter, Path.Combine(folder.File("pictures"), "light", "3.png")],
            ["inspect", adapter], ["merge", adapter, folder.File("w.safetensors")], ["export", adapter, folder.File("w.onnx")], ["convert", adapter, folder.File("both")],
        })
        {
            var (status, output, errors) = await Run(new CancellationToken(canceled: true), verb);
            Assert.Equal((130, ""), (status, output));
            Assert.StartsWith("mappingnets: stopped", errors);
            Assert.Equal(verb[0] == "train", errors.Contains("--resume", StringComparison.Ordinal));
        }

        Assert.Equal(before.Order(), Directory.GetFiles(folder.Path).Order());
    }

    [Fact]
    public async Task An_interrupted_training_ends_with_one_line()
    {
        if (OperatingSystem.IsWindows())
            return; // There is no such signal.
        var start = new ProcessStartInfo("dotnet", [typeof(Tool.Program).Assembly.Location, "train", folder.File("a.safetensors"), .. Training.Select(word => word == "1" ? "1000000" : word)])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using var process = Process.Start(start)!;
        using var longest = new CancellationTokenSource(TimeSpan.FromMinutes(2));
        // What is read of it then ends.
        using var killing = longest.Token.Register(() => process.Kill(entireProcessTree: true));
        var complaints = process.StandardError.ReadToEndAsync();
        // The first epoch is over.
        var epoch = await process.StandardOutput.ReadLineAsync();
        if (epoch is not null)
            ChildProcess.Run("kill", ["-INT", $"{process.Id}"]);
        var epochs = epoch + Environment.NewLine + await process.StandardOutput.ReadToEndAsync();
        var errors = await complaints;
        await process.WaitForExitAsync();
        Assert.False(longest.IsCancellationRequested, $"It was killed, because it did not end. It had printed: {epochs}{errors}");
        Assert.True(epoch is not null, $"It ended with {process.ExitCode} before the first epoch was over: {errors}");
        Assert.Equal(130, process.ExitCode);
        Assert.StartsWith("mappingnets: stopped; ", errors.Split('\n', StringSplitOptions.RemoveEmptyEntries).Last());
    }
}
