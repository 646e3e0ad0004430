using System.Text.RegularExpressions;
using Xunit;

namespace MappingNets.Tests.Repository;

/// <summary>Plain English: phrases that have a plainer or more usual form do not come back, in prose, comments, names and messages.</summary>
public sealed partial class ProseTests
{
    // This file names them all.
    private const string Self = "tests/Facade.CSharp.Tests/Repository/ProseTests.cs";

    private static readonly string[] Endings = [".md", ".cs", ".fs", ".fsi", ".fsx", ".sh", ".targets", ".props", ".py", ".dependencies", "run"];

    [Fact]
    public void NoFileHasAPhraseToAvoid()
    {
        var root = RepositoryRoot.Path;
        if (RepositoryRoot.Committed() is not { } committed)
            return;
        var files = committed
            .Where(file => file != Self && Endings.Any(ending => file.EndsWith(ending, StringComparison.Ordinal)))
            .Where(file => File.Exists(Path.Combine(root, file)));
        var found =
            from file in files
            from line in File.ReadLines(Path.Combine(root, file)).Select((text, place) => (Text: text, Place: place + 1))
            let phrase = ToAvoid().Match(line.Text)
            where phrase.Success
            select $"\n  {file}:{line.Place}: \"{phrase.Value}\"";
        Assert.True(!found.Any(), "Phrases to avoid:" + string.Concat(found));
    }

    [Theory]
    [InlineData("no library was to be had")]
    [InlineData("the published numbers come of more epochs")]
    [InlineData("a page that says of it")]
    [InlineData("learn less by heart")]
    [InlineData("by how much is the machine's affair")]
    [InlineData("of which the network knows nothing")]
    [InlineData("the machine's own habits")]
    [InlineData("A Stranger's findings")]
    [InlineData("the optimiser of a model's trained numbers")]
    [InlineData("Whoever asks for it disposes it")]
    [InlineData("the terms speak of a mapping")]
    [InlineData("the user and his module")]
    public void PhrasesToAvoidAreFound(string text) => Assert.Matches(ToAvoid(), text);

    [Theory]
    [InlineData("the result is to behave")]
    [InlineData("what comes often")]
    [InlineData("by default")]
    [InlineData("this history speaks for itself")]
    [InlineData("the habitat of a fair model")]
    public void OtherPhrasesAreNot(string text) => Assert.DoesNotMatch(ToAvoid(), text);

    [GeneratedRegex(
        @"\b(to be had|whoever|speaks? of|his|(come|comes|came) of|says? of|strangers?|by heart|affair|habits?|of which .* knows nothing|our own goals?|trained numbers|made[- ](up )?data)\b|\(issue \d+\)",
        RegexOptions.IgnoreCase)]
    private static partial Regex ToAvoid();
}
