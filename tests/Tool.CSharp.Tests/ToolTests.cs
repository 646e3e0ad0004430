using System.Text.Json.Nodes;
using Xunit;

namespace MappingNets.Tests;

/// <summary>The tool as a shell runs it: a command line, what it prints, and its exit status.</summary>
public abstract class ToolTests : IDisposable
{
    private protected readonly TemporaryFolder folder = new();

    protected ToolTests()
    {
        // Dark and light pictures, a folder for each.
        for (var number = 0; number < 12; number++)
        {
            folder.Write(Pictures.Colour(8, 8, (byte)(10 + number), 20, 30), "pictures", "dark", $"{number}.png");
            folder.Write(Pictures.Colour(8, 8, (byte)(220 + number), 240, 200), "pictures", "light", $"{number}.png");
        }
    }

    private protected string Data => "images:" + folder.File("pictures");

    public void Dispose()
    {
        folder.Dispose();
        GC.SuppressFinalize(this);
    }

    private protected static Task<(int Status, string Output, string Errors)> Run(params string[] arguments) => Run(CancellationToken.None, arguments);

    private protected static async Task<(int Status, string Output, string Errors)> Run(CancellationToken stop, params string[] arguments)
    {
        using var output = new StringWriter();
        using var errors = new StringWriter();
        var status = await Tool.Program.Run(arguments, output, errors, stop);
        return (status, output.ToString(), errors.ToString());
    }

    private protected async Task<JsonNode> Json(params string[] arguments)
    {
        var (status, output, errors) = await Run([.. arguments, "--json"]);
        Assert.True(status == 0, errors);
        return JsonNode.Parse(output)!;
    }

    private protected async Task<string> Trained(string name = "a.safetensors", params string[] more)
    {
        var path = folder.File(name);
        var report = await Json(["train", path, "--data", Data, "--side", "8", "--network", "mlp", "--epochs", "8", "--parameters", "64", "--batch-size", "4", .. more]);
        Assert.Equal(path, report["adapter"]!.GetValue<string>());
        return path;
    }
}
