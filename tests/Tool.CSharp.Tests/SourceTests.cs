using Google.Protobuf;
using Onnx;
using Xunit;

namespace MappingNets.Tests;

/// <summary>What the verbs take for data and for a network, and on which scale and by which names they judge.</summary>
public sealed class SourceTests : ToolTests
{
    [Fact]
    public async Task An_onnx_network_that_ends_in_a_softmax_is_trained_on_the_scores_before_it()
    {
        var onnx = folder.File("scores.onnx");
        Assert.Equal(0, (await Run("export", await Trained(), onnx)).Status);
        var model = ModelProto.Parser.ParseFrom(File.ReadAllBytes(onnx));
        var scores = model.Graph.Output[0].Name;
        model.Graph.Node.Add(new NodeProto { OpType = "Softmax", Input = { scores }, Output = { "shares" } });
        model.Graph.Output[0].Name = "shares";

        var network = Tool.NetworkSource.Open(folder.Write("shares.onnx", model.ToByteArray()), [3, 8, 8], 2);

        Assert.Equal(scores, Assert.IsType<OnnxTarget>(network).Output);
        Assert.Equal(Tool.NetworkSource.Open(onnx, [3, 8, 8], 2).Parameters.Select(parameter => parameter.Name), network.Parameters.Select(parameter => parameter.Name));
    }

    [Fact]
    public async Task Data_of_another_kind_are_judged_on_the_scale_of_the_training()
    {
        var pixels = Enumerable.Range(0, 40 * 36).Select(place => (byte)(place / 36 % 2 * 120 + place * 7 % 90)).ToArray();
        foreach (var part in new[] { "train", "t10k" })
        {
            folder.Write(IdxBytes.Of([40, 6, 6], pixels), "digits", $"{part}-images-idx3-ubyte");
            folder.Write(IdxBytes.Of([40], [.. Enumerable.Range(0, 40).Select(number => (byte)(number % 2))]), "digits", $"{part}-labels-idx1-ubyte");
        }

        var (mnist, idx) = ($"mnist:{folder.File("digits")}", $"idx:{folder.File("digits/t10k-images-idx3-ubyte")},{folder.File("digits/t10k-labels-idx1-ubyte")}");
        foreach (var (trained, other) in new[] { (mnist, idx), (idx, mnist) })
        {
            var adapter = folder.File("a.safetensors");
            Assert.Equal(0, (await Run("train", adapter, "--data", trained, "--network", "mlp", "--epochs", "2", "--parameters", "32", "--batch-size", "8")).Status);
            Assert.Equal((await Json("evaluate", adapter))["loss"]!.GetValue<double>(), (await Json("evaluate", adapter, "--data", other))["loss"]!.GetValue<double>());
        }
    }

    [Fact]
    public async Task Another_folder_is_judged_by_the_names_of_its_classes()
    {
        var adapter = await Trained();
        for (var number = 0; number < 3; number++)
            folder.Write(Pictures.Colour(8, 8, (byte)(225 + number), 240, 200), "only light", "light", $"{number}.png");
        var found = await Json("evaluate", adapter, "--data", "images:" + folder.File("only light"));
        Assert.Equal((3, 1.0), (found["samples"]!.GetValue<int>(), found["accuracy"]!.GetValue<double>()));

        folder.Write(Pictures.Colour(8, 8, 120, 120, 120), "only light", "dusk", "0.png");
        var (status, _, errors) = await Run("evaluate", adapter, "--data", "images:" + folder.File("only light"));
        Assert.Equal(1, status);
        Assert.Contains("dusk", errors);
        Assert.Contains("dark, light", errors);
    }

    [Theory]
    [InlineData("--side", "16")]
    [InlineData("--grey")]
    public async Task Pictures_of_another_form_than_the_description_has_are_refused(params string[] other)
    {
        var adapter = await Trained();
        foreach (var verb in new[] { new[] { "evaluate", adapter }, ["predict", adapter, Path.Combine(folder.File("pictures"), "light", "3.png")] })
        {
            var (status, _, errors) = await Run([.. verb, .. other]);
            Assert.Equal(1, status);
            Assert.Contains(string.Join(' ', other), errors);
            Assert.Contains("(3, 8, 8)", errors);
        }

        Assert.Equal(0, (await Run("evaluate", adapter, "--side", "8")).Status);
    }

    [Theory]
    [InlineData("--side 16", "--side", "16")]
    [InlineData("--grey", "--side", "8", "--grey")]
    public async Task Pictures_of_another_form_than_data_have_that_nothing_scales_are_refused(string option, params string[] asked)
    {
        folder.Write("a,b,class\n1,2,x\n2,3,y\n3,4,x\n4,5,y\n"u8.ToArray(), "rows.csv");
        folder.Write(IdxBytes.Of([4, 8, 8], new byte[4 * 8 * 8]), "images");
        folder.Write(IdxBytes.Of([4], [0, 1, 0, 1]), "labels");
        var images = $"idx:{folder.File("images")},{folder.File("labels")}";
        string[] more = ["--network", "mlp", "--epochs", "1", "--parameters", "8", "--hold-out", "0"];
        foreach (var data in new[] { $"csv:{folder.File("rows.csv")}:class", images }[..(asked.Contains("--grey") ? 1 : 2)])
        {
            var (status, _, errors) = await Run(["train", folder.File("n.safetensors"), "--data", data, .. more, .. asked]);
            Assert.Equal(1, status);
            Assert.Contains(data.StartsWith("csv", StringComparison.Ordinal) ? asked[0] : option, errors);
            Assert.False(File.Exists(folder.File("n.safetensors")));
        }

        // What the data have is no contradiction.
        Assert.Equal(0, (await Run(["train", folder.File("n.safetensors"), "--data", images, .. more, "--side", "8", "--grey"])).Status);
    }
}
