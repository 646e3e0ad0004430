using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Xunit;

namespace MappingNets.Tests.Repository;

/// <summary>What the library makes lies where it says, whatever a program has set with torch.set_default_device.</summary>
public sealed class DeviceTests
{
    private static readonly HashSet<string> Factories = ["empty", "zeros", "ones", "full", "tensor", "arange", "linspace", "eye", "rand", "randn", "randint", "randperm"];

    [Theory]
    [InlineData("Facade.CSharp")]
    [InlineData("Onnx.CSharp")]
    [InlineData("PyTorch.CSharp")]
    [InlineData("Images.CSharp")]
    [InlineData("Orleans.CSharp")]
    public void Each_tensor_that_is_made_names_its_device(string project)
    {
        var folder = Path.Combine(RepositoryRoot.Path, "src", project);
        string[] silent =
        [
            .. Directory.EnumerateFiles(folder, "*.cs", SearchOption.AllDirectories)
                .Where(file => !file.Contains("/obj/", StringComparison.Ordinal) && !file.Contains("/bin/", StringComparison.Ordinal))
                .SelectMany(file => CallsOf(File.ReadAllText(file)).Select(call => $"{Path.GetFileName(file)}: {call}")),
        ];
        Assert.Empty(silent);
    }

    [Fact]
    public void A_call_without_a_device_is_found() =>
        Assert.Equal(
            ["zeros(3)", "torch.tensor(new[] { 1f })"],
            CallsOf("class A { Tensor B() => zeros(3).add(torch.tensor(new[] { 1f })).add(ones(3, device: CPU)).add(mine.tensor(1)); }"));

    private static IEnumerable<string> CallsOf(string source) => CSharpSyntaxTree.ParseText(source).GetRoot().DescendantNodes().OfType<InvocationExpressionSyntax>()
        .Where(call => NameOf(call.Expression) is { } name && Factories.Contains(name)
            && !call.ArgumentList.Arguments.Any(argument => argument.ToString().Contains("device", StringComparison.OrdinalIgnoreCase)))
        .Select(call => call.ToString());

    private static string? NameOf(ExpressionSyntax called) => called switch
    {
        IdentifierNameSyntax name => name.Identifier.Text,
        MemberAccessExpressionSyntax { Name.Identifier.Text: var name } member when member.Expression.ToString() is "torch" or "TorchSharp.torch" => name,
        _ => null,
    };
}
