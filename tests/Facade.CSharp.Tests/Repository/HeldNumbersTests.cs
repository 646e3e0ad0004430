using System.Text.RegularExpressions;
using Xunit;

namespace MappingNets.Tests.Repository;

/// <summary>
/// No number is handed to TorchSharp that the collector may free while libtorch reads it: each is held by a name until its call is over
/// (docs/decisions/0009). So a training step depends on the build step only for the numbers that TorchSharp makes itself.
/// </summary>
public sealed partial class HeldNumbersTests
{
    private static readonly string[] Rooms = ["Tensors", "Data", "Networks", "Models", "FineTuning", "Serving", "Training"];

    // What a training step or a prediction runs through; the theorems stand aside.
    private static readonly string[] CoreFolders = ["Derivatives", "Layout", "FixedWeights", "Mapping", "Optimisation"];

    private static readonly Lazy<FacadeSources> Facade = new(FacadeSources.Read);

    [Fact]
    public void TheFacadeHoldsEveryNumber()
    {
        var found = Facade.Value.UnheldNumbers(Rooms);
        Assert.True(found.Count == 0, $"{found.Count} numbers that nothing holds:{string.Concat(found.Select(place => $"\n  {place}"))}");
    }

    [Theory]
    [InlineData("tensor.mul(0.5)", "0.5")]
    [InlineData("tensor * 2", "tensor * 2")]
    [InlineData("1 - tensor", "1 - tensor")]
    [InlineData("tensor.add(tensor, alpha: 3)", "3")]
    [InlineData("tensor.clamp_min(0.5.ToScalar())", "0.5.ToScalar()")]
    [InlineData("tensor.mul((Scalar)0.5)", "(Scalar)0.5")]
    [InlineData("tensor.mul(tensor)", null)]
    public void APlantedNumberIsFoundWithItsPlace(string expression, string? number) =>
        Assert.Equal(
            number is null ? [] : [$"src/Facade.CSharp/Training/Planted.cs:6: {number}"], Planted($"return {expression};").Distinct());

    [Fact]
    public void AHeldNumberIsNone() =>
        Assert.Empty(Planted("using var half = 0.5.ToScalar(); using (var two = 2.ToScalar()) return tensor.mul(half).add(two);"));

    // F# converts numbers to Scalar only by name in operators; in arguments of methods the compiler warns (--warnon:3395).
    [Fact]
    public void TheCoreHoldsEveryNumber()
    {
        var found =
            from folder in CoreFolders
            from file in Directory.EnumerateFiles(Path.Combine(RepositoryRoot.Path, "src/Core.FSharp", folder), "*.fs", SearchOption.AllDirectories)
            from line in File.ReadLines(file)
            where line.Contains(".ToScalar()", StringComparison.Ordinal) && !Held().IsMatch(line)
            select $"{file}: {line.Trim()}";
        Assert.Empty(found);
    }

    private static IReadOnlyList<string> Planted(string body) => Facade.Value.With("Training/Planted.cs", $$"""
        using TorchSharp;
        namespace MappingNets;
        internal static class Planted
        {
            public static torch.Tensor Use(torch.Tensor tensor) {
                {{body}} }
        }
        """).UnheldNumbers(["Training"]).Where(place => place.Contains("Planted.cs")).ToArray();

    [GeneratedRegex(@"^\s*use \w+ = .*\.ToScalar\(\)$")]
    private static partial Regex Held();
}
