using System.Globalization;
using System.Text;

namespace MappingNets;

/// <summary>Text of a file as messages quote it: not longer than a reader wants to see, and on one line.</summary>
internal static class MessageText
{
    /// <summary>The most characters of a file that one message quotes.</summary>
    public const int MaximumLength = 200;

    private const int BeforeDifference = 40;

    /// <summary>The text, cut where it is longer, without characters that would break or hide the line.</summary>
    public static string Of(string text)
    {
        var cut = text.Length > MaximumLength - 1;
        var length = cut ? MaximumLength - 1 : text.Length;
        // Half of a pair is no character.
        if (cut && char.IsHighSurrogate(text[length - 1]))
            length--;
        return cut ? Shown(text[..length]) + '…' : Shown(text);
    }

    /// <summary>The whole text, without characters that would break or hide the line.</summary>
    public static string Shown(string text)
    {
        var shown = new StringBuilder(text.Length);
        for (var index = 0; index < text.Length; index++)
            shown.Append(IsShown(text, index) ? text[index] : '\uFFFD');
        return shown.ToString();
    }

    /// <summary>
    /// Two texts that are not the same, as "... there and ... here". Descriptions may be longer than a message shows, and differ late: such are shown
    /// from a little before they differ.
    /// </summary>
    public static string Differing(string there, string here)
    {
        var shared = there.Zip(here).TakeWhile(pair => pair.First == pair.Second).Count();
        return shared <= BeforeDifference || (there.Length <= MaximumLength / 2 && here.Length <= MaximumLength / 2)
            ? $"{Of(there)} there and {Of(here)} here"
            : $"...{Of(there[(shared - BeforeDifference)..])} there and ...{Of(here[(shared - BeforeDifference)..])} here";
    }

    /// <summary>Names with commas between them, cut where all of them are longer than a message shows.</summary>
    public static string Names(IEnumerable<string> names) => Of(string.Join(", ", names));

    private static bool IsShown(string text, int index) => char.GetUnicodeCategory(text[index]) switch
    {
        UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator => false,
        UnicodeCategory.Surrogate => char.IsHighSurrogate(text[index])
            ? index + 1 < text.Length && char.IsLowSurrogate(text[index + 1])
            : index > 0 && char.IsHighSurrogate(text[index - 1]),
        _ => true,
    };
}
