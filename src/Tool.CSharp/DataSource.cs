namespace MappingNets.Tool;

/// <summary>Data as a user names it on the command line.</summary>
internal static class DataSource
{
    public const string Help =
        "fashion-mnist[:FOLDER], mnist[:FOLDER] (their test part for evaluating), images:FOLDER (a folder of PNG and JPEG files for each class), "
        + "idx:IMAGES,LABELS (two IDX files), or csv:FILE:COLUMN (feature vectors with a column of classes).";

    /// <summary>The samples.</summary>
    /// <param name="text">As <see cref="Help"/> has it.</param>
    /// <param name="side">The side of a folder's pictures, which other data must have already; null where none is named.</param>
    /// <param name="isGrey">Whether these have one channel, as other data must have already.</param>
    /// <param name="isTest">Whether the test part is wanted, where there is one.</param>
    /// <param name="classNames">The classes that the names of a folder's folders and a CSV file's labels must be of; null for those that occur.</param>
    /// <param name="scale">The pictures' mean and deviation; null for those of <see cref="ScaleOf"/>.</param>
    /// <exception cref="ArgumentException">The text is none of <see cref="Help"/>, or names data of another form than is wanted.</exception>
    public static Dataset Open(
        string text, int? side, bool isGrey, bool isTest, IReadOnlyList<string>? classNames = null, (double Mean, double Deviation)? scale = null)
    {
        var data = Open(text, side ?? TrainCommand.UsualSide, isGrey, isTest, classNames, scale ?? ScaleOf(text));
        try
        {
            RequireForm(data.InputShape, side, isGrey, $"the data: the samples of '{text}' have the shape");
            return data;
        }
        catch
        {
            data.Dispose();
            throw;
        }
    }

    /// <summary>The mean and the deviation, from 0 to 1, that data's pictures are trained on with.</summary>
    public static (double Mean, double Deviation) ScaleOf(string text) => text.Split(':')[0] switch
    {
        "fashion-mnist" => (FashionMnist.Mean, FashionMnist.StandardDeviation),
        "mnist" => (Mnist.Mean, Mnist.StandardDeviation),
        _ => (0.5, 0.5),
    };

    /// <summary>The names of a CSV file's features, in order; null where the data are none.</summary>
    public static string[]? FeaturesOf(string text) =>
        text.Split(':', 2) is ["csv", var rest] && rest.LastIndexOf(':') is > 0 and var colon
            ? [.. CsvFile.Open(rest[..colon], null).Header.Where(name => name != rest[(colon + 1)..])]
            : null;

    /// <summary>Refuses a side or grey pictures that are asked for where samples are of another form, and nothing changes them.</summary>
    /// <param name="shape">The samples' shape.</param>
    /// <param name="side">The side that is asked for; null where none is.</param>
    /// <param name="isGrey">Whether one channel is asked for.</param>
    /// <param name="source">What says the shape, for the message.</param>
    /// <exception cref="ArgumentException">They are.</exception>
    public static void RequireForm(IReadOnlyList<long> shape, int? side, bool isGrey, string source)
    {
        var option = side is { } given && !(shape is [_, var height, var width] && (height, width) == (given, given)) ? $"--side {given}"
            : isGrey && shape is not [1, _, _] ? "--grey"
            : null;
        if (option is not null)
            throw new ArgumentException($"{option} does not fit {source} ({string.Join(", ", shape)}). Leave it out.");
    }

    private static Dataset Open(string text, int side, bool isGrey, bool isTest, IReadOnlyList<string>? classNames, (double Mean, double Deviation) scale)
    {
        var (kind, rest) = text.Split(':', 2) is [var first, var second] ? (first, second) : (text, null);
        switch (kind)
        {
            case "fashion-mnist":
                return Part(FashionMnist.Files.Load(rest, FashionMnist.ClassNames, scale.Mean, scale.Deviation, null), isTest);
            case "mnist":
                return Part(Mnist.Files.Load(rest, Mnist.ClassNames, scale.Mean, scale.Deviation, null), isTest);
            case "images" when rest is { Length: > 0 }:
                double[] Each(double value) => [.. Enumerable.Repeat(value, isGrey ? 1 : 3)];
                return ImageFolder.OpenAs(rest, classNames, side, side, isGrey ? 1 : 3, Each(scale.Mean), Each(scale.Deviation));
            case "idx" when rest?.Split(',') is [{ Length: > 0 } images, { Length: > 0 } labels]:
                return ImageDataset.FromIdx(images, labels, classNames ?? [.. Enumerable.Range(0, 10).Select(number => $"{number}")], scale.Mean, scale.Deviation);
            case "csv" when rest?.LastIndexOf(':') is > 0 and var colon && colon < rest.Length - 1:
                return FeatureVectors.FromCsv(rest[..colon], rest[(colon + 1)..], classNames);
            default:
                throw new ArgumentException($"--data is '{MessageText.Of(text)}'; it must be one of {Help}");
        }
    }

    /// <summary>The files that are read of what a text names; none where they are those of <see cref="Folders"/>, or the text is none of <see cref="Help"/>.</summary>
    public static string[] Files(string text) => text.Split(':', 2) switch
    {
        ["fashion-mnist"] => FashionMnist.Files.Folder is { } found ? ImagesIn(found) : [],
        ["mnist"] => Mnist.Files.Folder is { } found ? ImagesIn(found) : [],
        ["fashion-mnist" or "mnist", var folder] when Directory.Exists(folder) => ImagesIn(folder),
        ["idx", var both] => both.Split(',', StringSplitOptions.RemoveEmptyEntries),
        ["csv", var rest] when rest.LastIndexOf(':') is > 0 and var colon => [rest[..colon]],
        _ => [],
    };

    // As train-images-idx3-ubyte, or that with .gz.
    private static string[] ImagesIn(string folder) => Directory.GetFiles(folder, "*-ubyte*");

    /// <summary>The folders of the classes, whose pictures are read wherever they lie below; none where the data are no pictures in folders.</summary>
    public static string[] Folders(string text) =>
        text.Split(':', 2) is ["images", var folder] && Directory.Exists(folder) ? ImageFile.FoldersIn(folder) : [];

    private static Dataset Part((Dataset Training, Dataset Test) both, bool isTest)
    {
        (isTest ? both.Training : both.Test).Dispose();
        return isTest ? both.Test : both.Training;
    }
}
