using System.Text;
using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Xunit;

namespace MappingNets.Tests;

/// <summary>Each piece of C# in docs/ compiles against the packages, with what its page takes as given, and so do the programs of the templates.</summary>
public sealed partial class DocumentTests
{
    private const string Given = """
        using System; using System.Collections.Generic; using System.IO; using System.Linq; using System.Threading.Tasks;
        using MappingNets; using TorchSharp; using static TorchSharp.torch; using Microsoft.ML.OnnxRuntime;
        using Microsoft.Extensions.Logging;

        """;

    // What the SDK adds to a program by itself, that of the web more than the plain one.
    private const string Implicit = """
        global using System; global using System.Collections.Generic; global using System.IO; global using System.Linq; global using System.Net.Http;
        global using System.Threading; global using System.Threading.Tasks;

        """;

    private const string ImplicitOnTheWeb = """
        global using System.Net.Http.Json; global using Microsoft.AspNetCore.Builder; global using Microsoft.AspNetCore.Hosting; global using Microsoft.AspNetCore.Http;
        global using Microsoft.AspNetCore.Routing; global using Microsoft.Extensions.Configuration; global using Microsoft.Extensions.DependencyInjection;
        global using Microsoft.Extensions.Hosting; global using Microsoft.Extensions.Logging;
        """;

    // The tests of the package for clusters have it.
    private const string ElsewhereTested = "cluster.md";

    // What a page's reader has at hand; a block that declares one of these itself hides the field.
    private static readonly Dictionary<string, string> Fields = new()
    {
        ["networks.md"] = "nn.Module<Tensor, Tensor> mine; Tensor images;",
        ["training.md"] = "Model model; TargetNetwork target; TrainingOptions options; Dataset train, test;",
        ["bounds.md"] = "MappedModel model; Tensor images, thetaStar;",
        ["fine-tuning.md"] = "TargetNetwork target; PretrainedWeights pretrained; nn.Module<Tensor, Tensor> mine; Tensor images; TrainingOptions options; Dataset data;",
        ["onnx.md"] = "string path; int latents; Model plain; FineTunedModel customer; float[] pixels; long[] shape;",
        ["streaming.md"] = "TargetNetwork target; TrainingOptions options; Dataset data;",
        ["serving.md"] = "Tensor pictures;",
        ["watching.md"] = "ILogger logger; Trainer trainer; Dataset train;",
    };

    private static readonly MetadataReference[] Packages =
    [
        .. ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator).Select(path => MetadataReference.CreateFromFile(path)),
    ];

    public static TheoryData<string> Pages => [.. Directory.GetFiles(Path.Combine(RepositoryRoot.Path, "docs"), "*.md").Where(path => HasBlocks(path) && !path.EndsWith(ElsewhereTested, StringComparison.Ordinal)).Select(path => Path.GetFileName(path)!)];

    [Theory]
    [MemberData(nameof(Pages))]
    public void The_code_of_a_page_compiles(string page)
    {
        var faults = new List<string>();
        string[] blocks = [.. Blocks(Path.Combine(RepositoryRoot.Path, "docs", page))];
        // A type that one block declares is there for the page's others.
        var types = string.Join('\n', blocks.Where(DeclaresType));
        foreach (var block in blocks)
        {
            var source = $"{Given}class Page {{ {Fields.GetValueOrDefault(page)} {types} async Task Block() {{\n{(DeclaresType(block) ? "" : block)}\nawait Task.CompletedTask; }} }}";
            var compilation = CSharpCompilation.Create(
                "page", [CSharpSyntaxTree.ParseText(source)], Packages, new(OutputKind.DynamicallyLinkedLibrary, allowUnsafe: true));
            faults.AddRange(compilation.GetDiagnostics().Where(fault => fault.Severity == DiagnosticSeverity.Error).Select(fault => $"{fault.GetMessage()} in\n{block}"));
        }

        Assert.True(faults.Count == 0, string.Join('\n', faults));
    }

    [Fact]
    public void A_block_that_does_not_fit_the_library_is_found() =>
        Assert.Contains(
            CSharpCompilation.Create("page", [CSharpSyntaxTree.ParseText($"{Given}class Page {{ MappedModel model; void Block() {{ model.Certified(); }} }}")], Packages)
                .GetDiagnostics(),
            fault => fault.GetMessage().Contains("'Certified'", StringComparison.Ordinal));

    [Theory]
    [InlineData("Train")]
    [InlineData("Serve")]
    public void The_program_of_a_template_compiles_without_a_warning(string template)
    {
        var folder = Path.Combine(RepositoryRoot.Path, "templates", template);
        var isWeb = File.ReadAllText(Assert.Single(Directory.GetFiles(folder, "*.csproj"))).Contains("Microsoft.NET.Sdk.Web", StringComparison.Ordinal);
        string[] sources = [File.ReadAllText(Path.Combine(folder, "Program.cs")), Implicit + (isWeb ? ImplicitOnTheWeb : "")];

        var compilation = CSharpCompilation.Create(
            "template", sources.Select(source => CSharpSyntaxTree.ParseText(source)), Packages,
            new(OutputKind.ConsoleApplication, nullableContextOptions: NullableContextOptions.Enable));

        Assert.Empty(compilation.GetDiagnostics().Where(fault => fault.Severity >= DiagnosticSeverity.Warning));
    }

    private static bool DeclaresType(string block) => TypeDeclaration().IsMatch(block);

    private static bool HasBlocks(string path) => Blocks(path).Any();

    private static IEnumerable<string> Blocks(string path) =>
        Csharp().Matches(File.ReadAllText(path, Encoding.UTF8)).Select(match => match.Groups[1].Value);

    [GeneratedRegex(@"^```csharp\n(.*?)^```$", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Csharp();

    [GeneratedRegex(@"^((public|internal|sealed|static|partial) )*(class|record|struct|interface) ")]
    private static partial Regex TypeDeclaration();
}
