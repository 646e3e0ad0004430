using Spectre.Console;
using TorchSharp;

namespace MappingNets.Experiments.Demo;

/// <summary>Ten test images and what a reloaded adapter takes them for, drawn in the terminal.</summary>
internal static class Predictions
{
    private const int Count = 10;
    private const int Width = 14;
    private const string Shades = " .:-=+*#%@";

    public static void Show(string adapterPath, TargetNetwork target, Dataset test)
    {
        using var model = MappedModel.LoadAdapter(adapterPath, target);
        using var scope = torch.NewDisposeScope();
        using var few = test.Take(Count);
        var predicted = model.Predict(few.Inputs).argmax(1).data<long>().ToArray();
        var actual = few.Labels.data<long>().ToArray();
        AnsiConsole.WriteLine($"Reloaded {Path.GetFileName(adapterPath)} ({new FileInfo(adapterPath).Length:N0} bytes); ten test images:");
        for (var first = 0; first < Count; first += 5)
            ShowRow(few, predicted, actual, first);
        AnsiConsole.WriteLine($"{predicted.Zip(actual).Count(pair => pair.First == pair.Second)} of {Count} right.");
    }

    /// <summary>Five images side by side, and under each what the model takes it for.</summary>
    private static void ShowRow(Dataset few, long[] predicted, long[] actual, int first)
    {
        var indices = Enumerable.Range(first, 5).ToArray();
        var images = indices.Select(index => Draw(few, index)).ToArray();
        for (var line = 0; line < images[0].Length; line++)
            AnsiConsole.WriteLine(string.Join("  ", images.Select(image => image[line])));
        AnsiConsole.MarkupLine(string.Join("  ", indices.Select(index =>
            Label(predicted[index] == actual[index] ? "green" : "red", few.ClassNames[(int)predicted[index]]))));
        AnsiConsole.MarkupLine(string.Join("  ", indices.Select(index =>
            Label("grey", predicted[index] == actual[index] ? "" : "is " + few.ClassNames[(int)actual[index]]))));
    }

    private static string Label(string color, string text) => $"[{color}]{Markup.Escape(text.PadRight(Width))}[/]";

    /// <summary>The image at half its height and width, each line of it padded to the width of a label.</summary>
    private static string[] Draw(Dataset few, int index)
    {
        using var scope = torch.NewDisposeScope();
        var image = torch.nn.functional.avg_pool2d(few.Inputs[index].unsqueeze(0), 2).squeeze();
        var low = image.min();
        var shades = ((image - low) / (image.max() - low + 1e-6) * (Shades.Length - 0.001)).to(torch.int64);
        var (rows, columns) = ((int)shades.shape[0], (int)shades.shape[1]);
        var values = shades.contiguous().data<long>().ToArray();
        return [.. Enumerable.Range(0, rows).Select(row =>
            string.Concat(Enumerable.Range(0, columns).Select(column => Shades[(int)values[(row * columns) + column]])).PadRight(Width))];
    }
}
