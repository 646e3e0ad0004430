using SkiaSharp;
using TorchSharp;

namespace MappingNets.Experiments.Reporting;

/// <summary>
/// Street scenes side by side: the image, its labels, and what each model takes it for, in the colours that Cityscapes has for classes of
/// the name; other classes have what is left.
/// </summary>
public static class SegmentationPicture
{
    private const int TileWidth = 320;
    private const int Margin = 8;
    private const int Caption = 26;

    private static readonly SKColor Unlabelled = SKColors.Black;

    private static readonly (string Name, SKColor Colour)[] Known =
    [
        ("road", new(128, 64, 128)), ("sidewalk", new(244, 35, 232)), ("building", new(70, 70, 70)), ("wall", new(102, 102, 156)),
        ("fence", new(190, 153, 153)), ("pole", new(153, 153, 153)), ("traffic light", new(250, 170, 30)), ("traffic sign", new(220, 220, 0)),
        ("vegetation", new(107, 142, 35)), ("terrain", new(152, 251, 152)), ("sky", new(70, 130, 180)), ("person", new(220, 20, 60)),
        ("rider", new(255, 0, 0)), ("car", new(0, 0, 142)), ("truck", new(0, 0, 70)), ("bus", new(0, 60, 100)), ("train", new(0, 80, 100)),
        ("motorcycle", new(0, 0, 230)), ("bicycle", new(119, 11, 32)),
    ];

    /// <summary>What CamVid calls the same.</summary>
    private static readonly Dictionary<string, string> OtherNames = new()
    {
        ["sign"] = "traffic sign",
        ["tree"] = "vegetation",
        ["pedestrian"] = "person",
        ["bicyclist"] = "rider",
    };

    /// <summary>Writes one row for each of the first scenes, one column for each model, and a legend.</summary>
    /// <param name="data">Scenes as Cityscapes reads them.</param>
    /// <param name="models">The columns beside image and labels.</param>
    /// <param name="rows">How many scenes, at most as many as there are.</param>
    /// <param name="path">The PNG file.</param>
    public static void Write(Dataset data, IReadOnlyList<(string Name, Model Model)> models, int rows, string path)
    {
        using var scope = torch.NewDisposeScope();
        using var some = data.Take(Math.Min(rows, data.Count));
        using var scenes = some.ToMemory();
        var (height, width) = ((int)data.InputShape[1], (int)data.InputShape[2]);
        var labels = scenes.Labels.data<long>().ToArray();
        var colours = ColoursOf(data.ClassNames);
        var predicted = models.Select(entry => (entry.Name, Classes: entry.Model.Predict(scenes.Inputs).argmax(1).cpu().contiguous().data<long>().ToArray())).ToArray();
        (string Title, SKColor[] Pixels)[] columns =
        [
            ("image", ColoursOf(scenes.Inputs)),
            ("labels (black: ignored)", ColoursOf(labels, colours)),
            .. predicted.Select(entry => (entry.Name, ColoursOf(entry.Classes, colours))),
        ];
        var tileHeight = TileWidth * height / width;
        var legend = predicted.SelectMany(entry => entry.Classes).Concat(labels).Where(label => label >= 0).Distinct().Order().ToArray();
        using var picture = new SKBitmap(
            Margin + (columns.Length * (TileWidth + Margin)),
            Caption + (scenes.Count * (tileHeight + Margin)) + (Caption * LegendRows(legend.Length, columns.Length)) + Margin);
        using var canvas = new SKCanvas(picture);
        canvas.Clear(SKColors.White);
        foreach (var ((title, pixels), column) in columns.Select((entry, column) => (entry, column)))
        {
            var left = Margin + (column * (TileWidth + Margin));
            Write(canvas, title, left, Caption - 8);
            for (var row = 0; row < scenes.Count; row++)
                Tile(
                    canvas, pixels.AsSpan(row * height * width, height * width), height, width,
                    SKRect.Create(left, Caption + (row * (tileHeight + Margin)), TileWidth, tileHeight));
        }

        Legend(canvas, legend, data.ClassNames, colours, columns.Length, Caption + (scenes.Count * (tileHeight + Margin)));
        AtomicFile.WriteAllBytes(path, PalettePng.Of(picture));
    }

    private static int LegendRows(int entries, int columns) => (entries + (2 * columns) - 1) / (2 * columns);

    private static void Legend(SKCanvas canvas, long[] classes, IReadOnlyList<string> names, SKColor[] colours, int columns, int top)
    {
        var step = (TileWidth + Margin) / 2;
        foreach (var (number, place) in classes.Select((number, place) => (number, place)))
        {
            var (left, y) = (Margin + (place % (2 * columns) * step), top + (place / (2 * columns) * Caption));
            using var paint = new SKPaint { Color = colours[number] };
            canvas.DrawRect(left, y + 4, 18, 18, paint);
            Write(canvas, names[(int)number], left + 24, y + 18);
        }
    }

    private static void Write(SKCanvas canvas, string text, float left, float baseline)
    {
        using var font = new SKFont(SKTypeface.Default, 15);
        using var paint = new SKPaint { Color = SKColors.Black, IsAntialias = true };
        canvas.DrawText(text, left, baseline, font, paint);
    }

    private static void Tile(SKCanvas canvas, ReadOnlySpan<SKColor> pixels, int height, int width, SKRect place)
    {
        using var bitmap = new SKBitmap(width, height);
        bitmap.Pixels = pixels.ToArray();
        using var image = SKImage.FromBitmap(bitmap);
        // Pixels stay squares: nothing is to look finer than the network sees it.
        canvas.DrawImage(image, place, new SKSamplingOptions(SKFilterMode.Nearest));
    }

    /// <summary>A colour for each class, none twice: those of known names, and for others the first that are left.</summary>
    private static SKColor[] ColoursOf(IReadOnlyList<string> names)
    {
        var found = new SKColor?[names.Count];
        foreach (var (place, name) in names.Index())
            if (Known.FirstOrDefault(known => known.Name == OtherNames.GetValueOrDefault(name, name)) is { Name: not null } known && !found.Contains(known.Colour))
                found[place] = known.Colour;
        var left = new Queue<SKColor>(Known.Select(known => known.Colour).Where(colour => !found.Contains(colour)));
        // Where even those do not suffice, hues a golden angle apart.
        return [.. found.Select((colour, place) => colour ?? (left.TryDequeue(out var next) ? next : SKColor.FromHsv(137.5f * place % 360, 70, 90)))];
    }

    private static SKColor[] ColoursOf(long[] labels, SKColor[] colours) => [.. labels.Select(label => label >= 0 ? colours[label] : Unlabelled)];

    /// <summary>From (N, 3, height, width), -1 to 1, to colours scene by scene.</summary>
    private static SKColor[] ColoursOf(torch.Tensor images)
    {
        var bytes = ((images + 1) * 127.5).clamp(0, 255).permute(0, 2, 3, 1).contiguous().data<float>().ToArray();
        return [.. Enumerable.Range(0, bytes.Length / 3).Select(pixel =>
            new SKColor((byte)bytes[3 * pixel], (byte)bytes[(3 * pixel) + 1], (byte)bytes[(3 * pixel) + 2]))];
    }
}
