using Xunit;

namespace MappingNets.Tests.Repository;

/// <summary>The rooms of the facade use each other one way only; CONTRIBUTING.md draws the arrows.</summary>
public sealed class ArchitectureTests
{
    // What each room may use. Comments of documentation (cref) are free to name any room.
    private static readonly Dictionary<string, string[]> Allowed = new()
    {
        ["Tensors"] = [],
        ["Data"] = ["Tensors", "Core"],
        ["Files"] = ["Tensors", "Core"],
        ["Networks"] = ["Files", "Tensors", "Core"],
        ["Models"] = ["Networks", "Files", "Tensors", "Core"],
        ["FineTuning"] = ["Models", "Networks", "Files", "Tensors", "Core"],
        ["Certificates"] = ["FineTuning", "Models", "Networks", "Files", "Tensors", "Core"],
        ["Compression"] = ["Models", "Networks", "Files", "Tensors", "Core"],
        ["Serving"] = ["FineTuning", "Models", "Networks", "Files", "Tensors", "Core"],
        ["Training"] = ["Models", "Data", "Networks", "Files", "Tensors", "Core"],
    };

    private static readonly Lazy<FacadeSources> Facade = new(FacadeSources.Read);

    [Fact]
    public void TheSourcesCompileHere()
    {
        // What is not bound has no arrows, so errors would hide some.
        Assert.Empty(Facade.Value.Errors());
    }

    [Fact]
    public void EachFileStandsInARoomAndEachTypeInOne()
    {
        Assert.Empty(Facade.Value.Rooms.Except(Allowed.Keys));
        Assert.Empty(Facade.Value.SplitTypes());
    }

    [Fact]
    public void NoArrowRunsBack()
    {
        var found = Facade.Value.Arrows().Where(IsForbidden).Select(arrow => arrow.ToString()).ToArray();
        Assert.True(found.Length == 0, "Arrows that run back:" + Lines(found));
    }

    [Fact]
    public void APlantedArrowIsFoundWithItsPlace()
    {
        var arrow = Assert.Single(Planted("Networks", """
            public static int Epochs() =>
                    new TrainingOptions().Epochs;
            """).DistinctBy(found => found.Place));
        Assert.Equal("src/Facade.CSharp/Networks/Planted.cs:6: TrainingOptions: Networks -> Training", arrow.ToString());
    }

    // By parameter, by a type's argument, by an inferred type, by an extension or inherited member: whatever the compiler binds.
    [Theory]
    [InlineData("Data", "public static void Use(Layer layer) { }", "Data -> Networks: Layer")]
    [InlineData("Data", "public static object? Use(Dataset data) => data.GetType();", null)]
    [InlineData("Tensors", "public static object Use(List<Dataset[]> all) => all;", "Tensors -> Data: Dataset")]
    [InlineData("Tensors", "public static object Use() => MappingNets.Core.CounterHash.initial;", "Tensors -> Core: CounterHash")]
    [InlineData("Files", "/// <summary><see cref=\"Trainer\"/></summary>\npublic const string Trainer = nameof(Trainer);", null)]
    [InlineData("Models", "public static Dataset? Find() => default;", "Models -> Data: Dataset")]
    [InlineData("Training", "public static void Use(Model model, Dataset data) { }", null)]
    [InlineData("Serving", "public static void Use(FineTunedModel model) { }", null)]
    [InlineData("Serving", "public static void Use(Trainer trainer) { }", "Serving -> Training: Trainer")]
    public void OnlyWhatBindsAcrossRoomsIsAnArrow(string room, string member, string? expected) =>
        Assert.Equal(expected is null ? [] : [expected], Planted(room, member).Select(arrow => arrow.Name).Distinct());

    [Fact]
    public void AFileBesideTheRoomsAndATypeInTwoAreFound()
    {
        var sources = Facade.Value.With("Beside.cs", "").With("Files/Planted.cs", "namespace MappingNets; public partial class Trainer;");
        Assert.Equal([""], sources.Rooms.Except(Allowed.Keys));
        Assert.Equal(["MappingNets.Trainer: Files, Training"], sources.SplitTypes());
    }

    private static IEnumerable<Arrow> Planted(string room, string member)
    {
        var file = $"{room}/Planted.cs";
        return Facade.Value.With(file, $$"""
            namespace MappingNets;

            internal static class Planted
            {
                {{member}}
            }
            """).ArrowsOf(file).Where(IsForbidden);
    }

    private static bool IsForbidden(Arrow arrow) => !Allowed.GetValueOrDefault(arrow.From, []).Contains(arrow.To);

    private static string Lines(IEnumerable<string> lines) => string.Concat(lines.Select(line => $"\n  {line}"));
}
