using Spectre.Console;
using TorchSharp;

namespace MappingNets.Examples.FashionMnist;

/// <summary>Ten test images and what a reloaded adapter takes them for, drawn in the terminal.</summary>
internal static class Predictions
{
    private const int Count = 10;
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

    private static void ShowRow(Dataset few, long[] predicted, long[] actual, int first)
    {
        var grid = new Grid();
        var indices = Enumerable.Range(first, 5).ToArray();
        foreach (var _ in indices)
            grid.AddColumn(new GridColumn().NoWrap());
        grid.AddRow([.. indices.Select(index => new Text(Draw(few, index)))]);
        grid.AddRow([.. indices.Select(index =>
        {
            var right = predicted[index] == actual[index];
            var name = Markup.Escape(few.ClassNames[(int)predicted[index]]);
            return new Markup(right
                ? $"[green]{name}[/]"
                : $"[red]{name}[/] (is {Markup.Escape(few.ClassNames[(int)actual[index]])})");
        })]);
        AnsiConsole.Write(grid);
    }

    /// <summary>The image at half its height and width, one character for four pixels.</summary>
    private static string Draw(Dataset few, int index)
    {
        using var scope = torch.NewDisposeScope();
        var image = torch.nn.functional.avg_pool2d(few.Inputs[index].unsqueeze(0), 2).squeeze();
        var low = image.min();
        var shades = ((image - low) / (image.max() - low + 1e-6) * (Shades.Length - 0.001)).to(torch.int64);
        var (rows, columns) = ((int)shades.shape[0], (int)shades.shape[1]);
        var values = shades.contiguous().data<long>().ToArray();
        return string.Join('\n', Enumerable.Range(0, rows).Select(row =>
            string.Concat(Enumerable.Range(0, columns).Select(column => Shades[(int)Math.Min(values[(row * columns) + column], Shades.Length - 1)]))));
    }
}
