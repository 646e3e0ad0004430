namespace MappingNets.Tool;

/// <summary>Data as a user names it on the command line.</summary>
internal static class DataSource
{
    public const string Help =
        "fashion-mnist[:FOLDER], mnist[:FOLDER] (their test part for evaluating), images:FOLDER (a folder of PNG and JPEG files for each class), "
        + "idx:IMAGES,LABELS (two IDX files), or csv:FILE:COLUMN (feature vectors with a column of classes).";

    /// <summary>The samples.</summary>
    /// <param name="text">As <see cref="Help"/> has it.</param>
    /// <param name="side">The side of a folder's pictures.</param>
    /// <param name="isGrey">Whether these have one channel.</param>
    /// <param name="isTest">Whether the test part is wanted, where there is one.</param>
    /// <param name="classNames">The classes that the names of a folder's folders and a CSV file's labels must be of; null for those that occur.</param>
    public static Dataset Open(string text, int side, bool isGrey, bool isTest, IReadOnlyList<string>? classNames = null)
    {
        var (kind, rest) = text.Split(':', 2) is [var first, var second] ? (first, second) : (text, null);
        switch (kind)
        {
            case "fashion-mnist":
                return Part(FashionMnist.Load(rest), isTest);
            case "mnist":
                return Part(Mnist.Load(rest), isTest);
            case "images" when rest is { Length: > 0 }:
                return ImageFolder.OpenAs(rest, classNames, side, side, isGrey ? 1 : 3);
            case "idx" when rest?.Split(',') is [{ Length: > 0 } images, { Length: > 0 } labels]:
                return ImageDataset.FromIdx(images, labels, classNames ?? [.. Enumerable.Range(0, 10).Select(number => $"{number}")], 0.5, 0.5);
            case "csv" when rest?.LastIndexOf(':') is > 0 and var colon && colon < rest.Length - 1:
                return FeatureVectors.FromCsv(rest[..colon], rest[(colon + 1)..], classNames);
            default:
                throw new ArgumentException($"--data is '{MessageText.Of(text)}'; it must be one of {Help}");
        }
    }

    private static Dataset Part((Dataset Training, Dataset Test) both, bool isTest)
    {
        (isTest ? both.Training : both.Test).Dispose();
        return isTest ? both.Test : both.Training;
    }
}
