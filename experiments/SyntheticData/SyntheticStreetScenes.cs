using SkiaSharp;

namespace MappingNets.Experiments.SyntheticData;

/// <summary>
/// Small synthetic street scenes in the layout of Cityscapes: leftImg8bit/SPLIT/synthetic/..._leftImg8bit.png beside gtFine/SPLIT/synthetic/
/// ..._gtFine_labelIds.png. Drawn from rectangles and ellipses; only the format is real. 12 of the 19 classes occur, and the car
/// that carries the camera, which is ignored.
/// </summary>
public static class SyntheticStreetScenes
{
    private const string City = "synthetic";

    /// <summary>Writes the splits "train" and "val".</summary>
    /// <param name="folder">The folder; created where it is missing.</param>
    /// <param name="training">How many scenes to train with, at least 1.</param>
    /// <param name="validation">How many scenes to judge by, at least 1.</param>
    /// <param name="height">The pictures' height in pixels, at least 16; they are twice as wide.</param>
    /// <param name="seed">Any seed; the same one gives the same scenes everywhere.</param>
    public static void Write(string folder, int training, int validation, int height, ulong seed)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(folder);
        ArgumentOutOfRangeException.ThrowIfLessThan(training, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(validation, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(height, 16);
        SyntheticMarker.Write(folder);
        foreach (var (split, count) in new[] { ("train", training), ("val", validation) })
        {
            var images = Directory.CreateDirectory(Path.Combine(folder, "leftImg8bit", split, City)).FullName;
            var labels = Directory.CreateDirectory(Path.Combine(folder, "gtFine", split, City)).FullName;
            for (var number = 0; number < count; number++)
            {
                var scene = Scene(height, new SyntheticRandom(seed, $"street scene {split} {number}"));
                var name = $"{City}_{number:D6}_000019";
                AtomicFile.WriteAllBytes(Path.Combine(images, name + "_leftImg8bit.png"), Png(scene.Colours, scene, SKColorType.Rgba8888));
                AtomicFile.WriteAllBytes(Path.Combine(labels, name + "_gtFine_labelIds.png"), Png(scene.Labels, scene, SKColorType.Gray8));
            }
        }
    }

    /// <summary>From the far to the near: later things cover earlier ones.</summary>
    private static ScenePainter Scene(int height, SyntheticRandom random)
    {
        var scene = new ScenePainter(height, 2 * height, random);
        var horizon = random.Between(0.38, 0.5);
        scene.Rectangle(LabelId.Sky, (150, 190, 225), 0, 0, 2, 1);
        for (double left = -0.1; left < 2;)
        {
            var width = random.Between(0.25, 0.55);
            scene.Rectangle(LabelId.Building, (135, 110, 100), left, horizon - random.Between(0.12, 0.38), left + width, horizon + 0.1, 0.12);
            left += width + (random.Chance(0.4) ? random.Between(0.05, 0.3) : 0);
        }

        for (var tree = random.Below(4); tree > 0; tree--)
            scene.Ellipse(
                LabelId.Vegetation, (60, 105, 55), random.Between(0, 2), horizon - random.Between(0, 0.15), random.Between(0.1, 0.22), random.Between(0.1, 0.18), 0.15);
        Ground(scene, random, horizon);
        Street(scene, random, horizon);
        scene.Ellipse(LabelId.EgoVehicle, (40, 40, 45), 1, 1.04, 0.75, 0.12);
        return scene;
    }

    private static void Ground(ScenePainter scene, SyntheticRandom random, double horizon)
    {
        scene.Rectangle(LabelId.Sidewalk, (165, 155, 160), 0, horizon, 2, 1, 0.05);
        if (random.Chance(0.5))
            scene.Rectangle(LabelId.Terrain, (120, 145, 80), random.Chance(0.5) ? 0 : 1.3, horizon, random.Between(1.35, 2), horizon + 0.07, 0.1);
        var vanishing = random.Between(0.8, 1.2);
        scene.Trapezoid(LabelId.Road, (95, 90, 95), horizon, 1, (vanishing - 0.12, vanishing + 0.12), (0.05, 1.95));
        scene.Trapezoid(LabelId.Road, (200, 200, 195), horizon + 0.05, 1, (vanishing - 0.006, vanishing + 0.006), (0.96, 1.04));
    }

    private static void Street(ScenePainter scene, SyntheticRandom random, double horizon)
    {
        // The far ones first; the nearer, the lower in the picture and the larger.
        foreach (var near in Enumerable.Range(0, 3 + random.Below(4)).Select(_ => random.Between(0.15, 1)).Order())
        {
            var foot = horizon + (0.42 * near);
            var side = random.Chance(0.5) ? -1 : 1;
            var atSide = 1 + (side * ((0.85 * near) + 0.15));
            switch (random.Below(4))
            {
                case 0:
                    Car(scene, random, 1 + (side * random.Between(0.1, 0.6) * near), foot, 0.45 * near);
                    break;
                case 1:
                    scene.Rectangle(LabelId.Person, (random.Between(30, 200), random.Between(30, 120), random.Between(30, 200)), atSide - (0.03 * near), foot - (0.3 * near), atSide + (0.03 * near), foot);
                    scene.Ellipse(LabelId.Person, (205, 160, 130), atSide, foot - (0.33 * near), 0.035 * near, 0.045 * near);
                    break;
                case 2:
                    scene.Rectangle(LabelId.Pole, (120, 120, 120), atSide - 0.012, foot - (0.75 * near), atSide + 0.012, foot);
                    scene.Ellipse(LabelId.TrafficSign, (215, 50, 45), atSide, foot - (0.72 * near), 0.07 * near, 0.07 * near);
                    break;
                default:
                    scene.Rectangle(LabelId.Pole, (110, 110, 110), atSide - 0.012, foot - (0.7 * near), atSide + 0.012, foot);
                    scene.Rectangle(LabelId.TrafficLight, (230, 200, 40), atSide - (0.035 * near), foot - (0.8 * near), atSide + (0.035 * near), foot - (0.6 * near));
                    break;
            }
        }
    }

    private static void Car(ScenePainter scene, SyntheticRandom random, double middle, double foot, double width)
    {
        var paint = (random.Between(20, 230), random.Between(20, 90), random.Between(20, 230));
        scene.Rectangle(LabelId.Car, paint, middle - (0.3 * width), foot - (0.62 * width), middle + (0.3 * width), foot - (0.3 * width));
        scene.Rectangle(LabelId.Car, (70, 85, 100), middle - (0.24 * width), foot - (0.56 * width), middle + (0.24 * width), foot - (0.36 * width));
        scene.Rectangle(LabelId.Car, paint, middle - (0.5 * width), foot - (0.36 * width), middle + (0.5 * width), foot - (0.06 * width));
        foreach (var wheel in new[] { -0.3, 0.3 })
            scene.Ellipse(LabelId.Car, (25, 25, 25), middle + (wheel * width), foot - (0.08 * width), 0.1 * width, 0.1 * width);
    }

    private static byte[] Png(byte[] pixels, ScenePainter scene, SKColorType type)
    {
        using var bitmap = new SKBitmap(scene.Width, scene.Height, type, SKAlphaType.Opaque);
        var row = scene.Width * bitmap.BytesPerPixel;
        for (var y = 0; y < scene.Height; y++)
            pixels.AsSpan(y * row, row).CopyTo(bitmap.GetPixelSpan()[(y * bitmap.RowBytes)..]);
        using var data = bitmap.Encode(SKEncodedImageFormat.Png, 100);
        return data.ToArray();
    }
}
