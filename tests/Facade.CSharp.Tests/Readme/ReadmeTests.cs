using System.Globalization;
using System.Text.RegularExpressions;
using MappingNets.Tests.Repository;
using Xunit;

namespace MappingNets.Tests;

public sealed partial class ReadmeTests
{
    private const string Script = "examples/scripts/first-mapping.fsx";

    private static readonly string Readme = RepositoryRoot.Read("README.md");

    [Fact]
    public void The_CSharp_example_is_the_one_that_compiles_here()
    {
        var body = Marked("FirstAdapter.cs");

        Assert.InRange(body.Length, 10, 15);
        Assert.Contains($"```csharp\nusing MappingNets;\n\n{string.Join('\n', body)}\n```", Readme);
    }

    [Fact]
    public void The_loop_of_ones_own_is_the_one_that_runs_here()
    {
        var body = Marked("OwnLoop.cs");

        Assert.InRange(body.Length, 10, 15);
        Assert.Contains($"```csharp\n{string.Join('\n', body)}\n```", Readme);
    }

    [Fact]
    public void The_streamed_network_is_the_one_that_is_built_here()
    {
        Assert.Contains(string.Join('\n', Marked("StreamedNetwork.cs")), RepositoryRoot.Read("docs/streaming.md"));
        Assert.StartsWith("trainable: 2,048 | target: 1,463,306", StreamedNetwork.Describe());
    }

    [Fact]
    public void The_certificates_are_those_that_are_computed_here()
    {
        Assert.Contains(string.Join('\n', Marked("CertifiedModel.cs")), RepositoryRoot.Read("docs/bounds.md"));
        using var model = Small.Slvt();
        using var points = TorchSharp.torch.ones(2, 4);
        using var weights = model.FlatWeights();
        Assert.Equal(2, CertifiedModel.Certify(model, points, weights).Radii.Count);
    }

    [Fact]
    public void The_FSharp_example_is_the_script_in_the_repository()
    {
        var script = RepositoryRoot.Read(Script);

        Assert.InRange(script.Split('\n').Length, 10, 25);
        Assert.Contains($"```fsharp\n{script}```", Readme);
    }

    [Fact]
    public void The_FSharp_example_runs()
    {
        // The same text on the build output of these tests, which is there whatever the configuration.
        using var folder = new TemporaryFolder();
        var script = Library().Replace(RepositoryRoot.Read(Script), $"#I @\"{AppContext.BaseDirectory.TrimEnd('/', '\\')}\"", 1);
        File.WriteAllText(folder.File("script.fsx"), script);

        var output = ChildProcess.Run("dotnet", ["fsi", folder.File("script.fsx")]);

        Assert.Contains("gradient: [", output);
        Assert.InRange(double.Parse(FinalLoss().Match(output).Groups[1].Value, CultureInfo.InvariantCulture), 0, 1e-6);
    }

    [Fact]
    public void Every_file_that_the_README_points_at_exists()
    {
        var links = Link().Matches(Readme).Select(match => match.Groups[1].Value).Where(link => !link.Contains("://")).ToArray();

        Assert.NotEmpty(links);
        Assert.All(links, link => Assert.True(
            Path.Exists(Path.Combine(RepositoryRoot.Path, link)), $"The README links to '{link}', which is not there."));
    }

    /// <summary>The lines of a file between its marks, without their indentation.</summary>
    private static string[] Marked(string file) =>
    [
        .. RepositoryRoot.Read($"tests/Facade.CSharp.Tests/Readme/{file}").Split('\n')
            .SkipWhile(line => line.Trim() != "// <readme>").Skip(1).TakeWhile(line => line.Trim() != "// </readme>")
            .Select(line => line.Length == 0 ? line : line[8..]),
    ];

    [GeneratedRegex("^#I .*$", RegexOptions.Multiline)]
    private static partial Regex Library();

    [GeneratedRegex(@"loss at the end: (\S+)")]
    private static partial Regex FinalLoss();

    [GeneratedRegex(@"\]\(([^)#]+)\)")]
    private static partial Regex Link();
}
